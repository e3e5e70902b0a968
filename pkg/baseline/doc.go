// Package baseline holds the methods that the likelihood of the diffusion model is compared with on
// the same maps: a moment network, a density network and a Gaussian likelihood of the power
// spectrum. All learn from labelled maps and answer for a single map; they know no diffusion.
//
// The moment network (Jeffrey and Wandelt 2020; Villaescusa-Navarro et al. 2021) returns the mean
// and the standard deviation of the posterior of each parameter, under the prior that its training
// maps were drawn from. The density network, of the same layers, returns the posterior as a mixture
// of Gaussians (Bishop 1994; Papamakarios and Murray 2016). The Gaussian likelihood is a
// likelihood.Terms, which grids, contours and marginals are made of.
package baseline
