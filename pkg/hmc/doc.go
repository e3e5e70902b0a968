// Package hmc samples a density of a few parameters in a box by Hamiltonian Monte Carlo, and says
// whether the chains may be believed. It sees only a function that returns log densities and
// gradients of a batch of points; it knows no network and no cosmology.
//
// Parameters are in their own units. The sampler itself moves in their logits over the box, where
// there are no walls.
package hmc
