// Package likelihood turns negative log-likelihoods on a grid of (Ω_m, σ_8) into surfaces,
// contours and marginals. It sees only a function of Params; it knows no network, no diffusion
// and no maps.
//
// Log-likelihoods are in nats, parameters in their own (dimensionless) units, never scaled to [0,
// 1].
package likelihood
