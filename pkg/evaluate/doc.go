// Package evaluate compares maps that an emulator makes with true ones: spectra, reduced chi²,
// pixels, responses to single parameters and what a power spectrum does not see. It knows no
// likelihood and draws nothing: results are plain data, each with a caption and a WriteCSV.
//
// Lengths are in Mpc/h, wavenumbers in h/Mpc.
package evaluate
