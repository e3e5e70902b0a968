// Package nbody simulates boxes of dark matter: second-order initial conditions and a FastPM
// particle mesh, projected to maps like those of CAMELS. It knows no files and no networks.
//
// A seed fixes the phase of every Fourier mode, whatever the resolution and the cosmology, so that
// maps of different parameters can be compared mode by mode. One call runs on one core; callers
// run several boxes in parallel.
//
// # Numerical choices
//
// The particles begin on a lattice with half as many points a side as the force mesh, and
// second-order perturbation theory moves them to a = 0.1. Much earlier, displacements are a small
// part of a mesh cell and the force is that of the lattice; much later, perturbation theory no
// longer holds. Steps are equal in a^1.25. Mass is assigned and forces are read by clouds in cells,
// without deconvolution: deconvolved forces take maps of 64³ particles further from those of 128³.
// Package validation measures how much maps depend on these choices.
//
// Sources: cosmology.Transfer for the power, Bouchet et al. (1995) for second order, Feng et al.
// (2016, FastPM) for the kick and drift factors.
package nbody
