// Package backend opens the GoMLX backend (XLA on the CPU or on CUDA, or pure Go) and turns a
// missing plugin into an error that says what to run. It knows no networks.
package backend
