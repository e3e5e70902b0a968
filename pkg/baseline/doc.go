// Package baseline holds what a likelihood made of a diffusion model is to be compared with, on
// the same maps: a moment network and a Gaussian likelihood of the power spectrum. Both learn
// from labelled maps alone and answer for a single map.
//
// The moment network (Jeffrey and Wandelt 2020; Villaescusa-Navarro et al. 2021) returns the mean
// and the standard deviation of the posterior of each parameter under the prior that its training
// maps were drawn from. The Gaussian likelihood is a likelihood.Terms, so that grids, contours
// and marginals are made of it as of any other.
package baseline
