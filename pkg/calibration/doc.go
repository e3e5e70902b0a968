// Package calibration tests posteriors of simulated maps against the truth (scores, coverage,
// ranks, TARP), and fits a recalibration on some maps that is applied to others. It sees only
// surfaces of −ln L over (Ω_m, σ_8), truths, and which simulation a map is from: maps of one
// simulation are not independent. It also tells a map that is not of the kind that a calibration
// knows, by numbers that are handed in and by where the map fits best.
//
// A posterior is exp(−surface) under a flat prior, normalised over all of the prior. Surfaces are
// interpolated smoothly and continued beyond their grid, so that posteriors may be few cells wide
// and peaks may lie outside the prior. Inside the package parameters are in log units: 0 and 1 are
// the edges of the prior, and what lies between goes by the logarithm.
package calibration
