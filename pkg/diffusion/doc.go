// Package diffusion holds the mathematics of the denoising diffusion model: the schedule, the
// samplers and the terms of the variational bound. It sees only a Denoiser, a function from noisy
// maps to the noise in them; θ is an opaque row of numbers.
//
// Time is indexed as in Ho et al. (2020): a Step t runs from 1 to T and AlphaBar(0) = 1. A Term
// L_i of the bound, i = 0…T−1, uses x_{i+1}. The network is fed the 0-based index t − 1.
// Arithmetic is in float64, maps are float32.
package diffusion
