// Package summary turns maps into numbers: power spectra and bispectra, peaks, Minkowski
// functionals, z-scores, reduced chi², histograms and ratios. It draws nothing and knows no
// files. It is the only home of the reduced chi².
package summary
