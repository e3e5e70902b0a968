// Package study runs what a figure or a table of the paper needs (samples at the validation
// parameters, spectra and their scores, response to one parameter, likelihood surfaces) and
// returns plain results, each with a caption and a WriteCSV. It draws nothing, prints nothing and
// opens no network: samples and bounds come through two functions.
//
// Lengths are in Mpc/h, wavenumbers in h/Mpc.
package study
