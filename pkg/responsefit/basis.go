package responsefit

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"darkfield/pkg/cosmology"
)

// Basis evaluates polynomials in the logarithms of the parameters, in which spectra and means are
// nearly linear. They are products of Legendre polynomials over the prior, so that regressions on
// them are well-conditioned.
type Basis struct {
	Prior  cosmology.Prior `json:"prior"`
	Degree int             `json:"degree"` // highest total degree
}

// Len returns the number of polynomials.
func (b Basis) Len() int { return (b.Degree + 1) * (b.Degree + 2) / 2 }

// At returns the polynomials at p; the first is 1.
func (b Basis) At(p cosmology.Params) []float64 {
	x := legendre(unitLog(p.OmegaM, b.Prior.Min.OmegaM, b.Prior.Max.OmegaM), b.Degree)
	y := legendre(unitLog(p.Sigma8, b.Prior.Min.Sigma8, b.Prior.Max.Sigma8), b.Degree)
	out := make([]float64, 0, b.Len())
	for total := range b.Degree + 1 {
		for i := range total + 1 {
			out = append(out, x[i]*y[total-i])
		}
	}
	return out
}

// Design returns the design matrix [parameters, polynomial] of a regression.
func (b Basis) Design(params []cosmology.Params) *mat.Dense {
	out := mat.NewDense(len(params), b.Len(), nil)
	for i, p := range params {
		out.SetRow(i, b.At(p))
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
