// Package calibration tests and corrects error bars: it scores posteriors of simulated maps against
// the true parameters, tests their coverage, fits weights and a temperature, and tells maps that
// are out of distribution. It sees only −ln L over (Ω_m, σ_8), numbers of a map, true parameters
// and the number of the simulation that a map is from, and knows no network and no maps.
//
// A posterior is exp(−NLL) under a flat prior, normalised over the whole prior, on the grid of
// likelihood.Resolve, which is as fine as the posterior is narrow. Maps of one simulation are not
// independent: all intervals and folds are by simulation. Inside the package parameters are in log
// units: 0 and 1 are the edges of the prior, linear in the logarithm.
package calibration
