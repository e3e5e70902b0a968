// Package likelihood turns negative log-likelihoods over (Ω_m, σ_8) into surfaces, interpolants,
// contours and marginal densities. It sees only a function of cosmology.Params, and knows no
// network, no diffusion and no maps.
//
// Log-likelihoods are in nats; parameters are in their own units, not scaled to [0, 1].
package likelihood
