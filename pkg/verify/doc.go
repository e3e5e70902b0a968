// Package verify compares this program, number by number, with a file of outputs of the paper's own
// code: schedule, network, loss, gradients, terms of the VLB, a sampling step, spectra and reduced
// chi². It knows no training data and no checkpoints.
//
// Spectra are in the file's units: k in fundamental modes, P times the square of a box side of 25
// Mpc/h.
package verify
