// Package trend holds smooth functions of the parameters through numbers that scatter:
// polynomials in ln Ω_m and ln σ_8, and the least squares that fit them. Spectra of few boxes
// become responses, and generated maps are compared with true ones, by way of them.
package trend
