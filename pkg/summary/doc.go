// Package summary computes statistics of maps: power spectra and bispectra, histograms, peaks,
// Minkowski functionals and nearest neighbours, and compares them by z-scores, reduced chi² and
// tests. It draws nothing, knows no files and no networks.
package summary
