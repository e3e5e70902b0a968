// Package nbody makes toy universes: dark matter only, second-order initial conditions and a FastPM particle mesh, projected to
// maps like CAMELS'. It knows no files and no networks.
//
// A seed fixes the phase of every Fourier mode whatever the resolution and the cosmology, so that maps of different
// parameters can be compared mode by mode. One call runs on one core; run boxes side by side.
//
// Sources: Eisenstein and Hu (1998) for the power, Bouchet et al. (1995) for second order, Feng et al. (2016, FastPM) for the
// kick and drift factors.
package nbody
