// Package cosmology holds the parameters of flat ΛCDM and what linear theory computes from them:
// background expansion, growth, transfer functions and the power spectrum. It knows no maps and
// reads no files.
//
// Lengths are in Mpc/h and wavenumbers in h/Mpc everywhere in darkfield.
package cosmology
