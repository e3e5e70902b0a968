// Package field holds two-dimensional square maps, their geometry and their representations:
// linear values as in the files, log10 values, and the scaled values that the network is fed; and
// what a study of robustness does to them: noise, smoothing, masks. It knows no cosmology and no
// files.
package field
