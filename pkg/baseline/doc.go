// Package baseline holds the methods that the likelihood of the diffusion model is compared with on
// the same maps: a moment network and a Gaussian likelihood of the power spectrum. Both learn from
// labelled maps and answer for a single map; they know no diffusion.
//
// The moment network (Jeffrey and Wandelt 2020; Villaescusa-Navarro et al. 2021) returns the mean
// and the standard deviation of the posterior of each parameter, under the prior that its training
// maps were drawn from. The Gaussian likelihood is a likelihood.Terms, which grids, contours and
// marginals are made of.
package baseline
