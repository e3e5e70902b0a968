// Package nbody simulates boxes of dark matter: second-order initial conditions and a FastPM
// particle mesh, projected to maps like those of CAMELS. It knows no files and no networks.
//
// A seed fixes the phase of every Fourier mode whatever the resolution and the cosmology, so that
// maps of different parameters can be compared mode by mode. One call runs on one core; run boxes
// side by side.
//
// # Numerical choices
//
// The particles begin on a lattice that is half as fine as the force mesh, moved by second-order
// perturbation theory to a = 0.1. Much earlier they have hardly moved, and the mesh measures the
// lattice instead of the universe: a start at a = 0.02 adds a quarter to the power of the longest
// waves of log maps. Much later perturbation theory no longer holds. Steps are equal in a^1.25,
// forces are read and mass is assigned by clouds in cells, without a correction for their shape:
// forces sharpened by such a correction take maps of 64³ particles further from those of 128³.
// What depends on these choices, and how much, is measured by package validation.
//
// Sources: cosmology.Transfer for the power, Bouchet et al. (1995) for second order, Feng et al.
// (2016, FastPM) for the kick and drift factors.
package nbody
