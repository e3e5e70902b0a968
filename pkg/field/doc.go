// Package field holds two-dimensional square maps, their geometry and their representations:
// linear values as in the files, log10 values, and the scaled values that the network is fed. It
// knows no cosmology and no files. Projection of cubes, augmentation, noise and smoothing are here
// because they need nothing but the pixels of a map.
package field
