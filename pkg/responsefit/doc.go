// Package responsefit fits how positive numbers, such as power spectra, respond to the
// parameters: polynomials in ln Ω_m and ln σ_8 of their logarithms, by least squares (of degree 1
// it is a power law). It knows no maps, no networks and no files.
package responsefit
