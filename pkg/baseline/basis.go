package baseline

import (
	"math"

	"darkfield/pkg/cosmology"
)

// basis evaluates polynomials in the logarithms of the parameters, in which spectra and means are nearly linear. They are products of Legendre
// polynomials over the prior, so that regressions on them are well-conditioned.
type basis struct {
	prior  cosmology.Prior
	degree int // highest total degree
}

// len returns the number of polynomials.
func (b basis) len() int { return (b.degree + 1) * (b.degree + 2) / 2 }

// at returns the polynomials at p; the first is 1.
func (b basis) at(p cosmology.Params) []float64 {
	x := legendre(unitLog(p.OmegaM, b.prior.Min.OmegaM, b.prior.Max.OmegaM), b.degree)
	y := legendre(unitLog(p.Sigma8, b.prior.Min.Sigma8, b.prior.Max.Sigma8), b.degree)
	out := make([]float64, 0, b.len())
	for total := range b.degree + 1 {
		for i := range total + 1 {
			out = append(out, x[i]*y[total-i])
		}
	}
	return out
}

// unitLog maps [low, high] to [−1, 1], linearly in the logarithm.
func unitLog(v, low, high float64) float64 { return 2*math.Log(v/low)/math.Log(high/low) - 1 }

// legendre returns P_0(x) … P_degree(x) by Bonnet's recursion.
func legendre(x float64, degree int) []float64 {
	out := make([]float64, degree+1)
	out[0] = 1
	for n := range degree {
		out[n+1] = float64(2*n+1) * x * out[n]
		if n > 0 {
			out[n+1] -= float64(n) * out[n-1]
		}
		out[n+1] /= float64(n + 1)
	}
	return out
}
