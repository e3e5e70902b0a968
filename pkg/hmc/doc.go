// Package hmc samples a density of a few parameters in a box by Hamiltonian Monte Carlo and
// computes diagnostics of the chains. It sees only a function that returns log densities and
// gradients for a batch of points, and knows no network and no cosmology.
//
// Parameters are in their own units. The sampler moves in their logits over the box, which have no
// bounds.
package hmc
