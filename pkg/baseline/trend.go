package baseline

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/cosmology"
)

// Trend is a smooth function of the parameters through positive numbers that scatter, such as spectra of simulations: a polynomial of their
// logarithms, as functions of those of the parameters.
type Trend struct {
	basis        basis
	coefficients [][]float64 // [number][polynomial]
}

// FitTrend fits a polynomial of a total degree by least squares to the logarithms of vectors [simulation][number]. Errors: no or uneven
// vectors, numbers that are not positive, a prior that reaches 0, and too few simulations.
func FitTrend(prior cosmology.Prior, degree int, params []cosmology.Params, vectors [][]float64) (Trend, error) {
	t := Trend{basis: basis{prior, degree}}
	if !(prior.Min.OmegaM > 0 && prior.Min.Sigma8 > 0) || degree < 0 {
		return t, fmt.Errorf("baseline: a trend of degree %d over a prior from %v, want a degree >= 0 and a prior above 0", degree, prior.Min)
	}
	if len(params) != len(vectors) || len(vectors) <= t.basis.len() || len(vectors[0]) == 0 {
		return t, fmt.Errorf("baseline: a trend of degree %d through %d vectors at %d parameters: %w", degree, len(vectors), len(params), errTooFew)
	}
	polynomials := design(t.basis, params)
	for j := range vectors[0] {
		logs := make([]float64, len(vectors))
		for i, v := range vectors {
			if len(v) != len(vectors[0]) {
				return t, fmt.Errorf("baseline: vector %d of a trend has %d numbers, want %d", i, len(v), len(vectors[0]))
			}
			if x := v[j]; !(x > 0) || math.IsInf(x, 1) {
				return t, fmt.Errorf("baseline: number %d of vector %d of a trend is %g, want > 0 and finite", j, i, x)
			}
			logs[i] = math.Log(v[j])
		}
		c, err := weighted(polynomials, logs, nil)
		if err != nil {
			return t, fmt.Errorf("baseline: a trend of degree %d: %w", degree, err)
		}
		t.coefficients = append(t.coefficients, c)
	}
	return t, nil
}

// At returns the numbers at p.
func (t Trend) At(p cosmology.Params) []float64 {
	polynomials, out := t.basis.at(p), make([]float64, len(t.coefficients))
	for j, c := range t.coefficients {
		out[j] = math.Exp(floats.Dot(polynomials, c))
	}
	return out
}
