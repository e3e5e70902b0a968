// Package diffusion holds the mathematics of the denoising diffusion model: the variance schedule,
// the samplers and the terms of the variational lower bound (VLB) of ln p(x_0 | θ). It sees only a
// Denoiser, a function from noisy maps to the noise in them, and knows neither the network nor what
// the parameters θ mean.
//
// Time is numbered as in Ho et al. (2020): a Step t runs from 1 to T, and AlphaBar(0) = 1. A Term
// L_i of the VLB, i = 0…T−1, uses x_{i+1}. The network is fed the timestep t − 1. Arithmetic is in
// float64; maps are float32.
package diffusion
