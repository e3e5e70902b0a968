// Package cosmology holds the parameters, the background expansion, the linear growth and the
// linear power spectrum of flat ΛCDM universes. It knows no maps and no files.
//
// Lengths are in Mpc/h and wavenumbers in h/Mpc everywhere in darkfield.
package cosmology
