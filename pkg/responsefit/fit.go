package responsefit

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/cosmology"
)

// Response is a fit of positive numbers, such as the bins of a spectrum, as a function of the
// parameters: the logarithm of each is a polynomial in the logarithms of the parameters.
type Response struct {
	Basis Basis `json:"basis"`
	// Coefficients are [number][polynomial of Basis] of the logarithm of each number.
	Coefficients [][]float64 `json:"coefficients"`
}

// Fit fits a polynomial of a total degree by least squares to the logarithms of vectors
// [simulation][number]. Errors: no or uneven vectors, numbers that are not positive, a prior that
// reaches 0, and too few simulations.
func Fit(prior cosmology.Prior, degree int, params []cosmology.Params, vectors [][]float64,
) (Response, error) {
	t := Response{Basis: Basis{prior, degree}}
	if !(prior.Min.OmegaM > 0 && prior.Min.Sigma8 > 0) || degree < 0 {
		return t, fmt.Errorf("responsefit: degree %d over a prior from %v, want a degree >= 0 "+
			"and a prior above 0", degree, prior.Min)
	}
	if len(params) != len(vectors) || len(vectors) <= t.Basis.Len() || len(vectors[0]) == 0 {
		return t, fmt.Errorf("responsefit: degree %d through %d vectors at %d parameters: %w", degree,
			len(vectors), len(params), ErrSingular)
	}
	polynomials := t.Basis.Design(params)
	for j := range vectors[0] {
		logs := make([]float64, len(vectors))
		for i, v := range vectors {
			if len(v) != len(vectors[0]) {
				return t, fmt.Errorf("responsefit: vector %d has %d numbers, want %d", i, len(v),
					len(vectors[0]))
			}
			if x := v[j]; !(x > 0) || math.IsInf(x, 1) {
				return t, fmt.Errorf("responsefit: number %d of vector %d is %g, want > 0 and finite", j, i, x)
			}
			logs[i] = math.Log(v[j])
		}
		c, err := LeastSquares(polynomials, logs, nil)
		if err != nil {
			return t, fmt.Errorf("responsefit: degree %d: %w", degree, err)
		}
		t.Coefficients = append(t.Coefficients, c)
	}
	return t, nil
}

// At returns the numbers at p.
func (t Response) At(p cosmology.Params) []float64 {
	polynomials, out := t.Basis.At(p), make([]float64, len(t.Coefficients))
	for j, c := range t.Coefficients {
		out[j] = math.Exp(floats.Dot(polynomials, c))
	}
	return out
}
