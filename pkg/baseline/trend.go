package baseline

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"darkfield/pkg/cosmology"
)

// Trend is a smooth function of the parameters through positive numbers that scatter, such as spectra of simulations: a polynomial of their
// logarithms. Its ratios between parameters are the best that one can say of these simulations without knowing more.
type Trend struct {
	basis        basis
	coefficients mat.Dense // [polynomial, number]
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
	logs := mat.NewDense(len(vectors), len(vectors[0]), nil)
	for i, v := range vectors {
		if len(v) != len(vectors[0]) {
			return t, fmt.Errorf("baseline: vector %d of a trend has %d numbers, want %d", i, len(v), len(vectors[0]))
		}
		for j, x := range v {
			if !(x > 0) || math.IsInf(x, 1) {
				return t, fmt.Errorf("baseline: number %d of vector %d of a trend is %g, want > 0 and finite", j, i, x)
			}
			logs.Set(i, j, math.Log(x))
		}
	}
	if err := t.coefficients.Solve(design(t.basis, params), logs); err != nil {
		return t, fmt.Errorf("baseline: a trend of degree %d: %w: %w", degree, errTooFew, err)
	}
	return t, nil
}

// At returns the numbers at p.
func (t Trend) At(p cosmology.Params) []float64 {
	var out mat.VecDense
	out.MulVec(t.coefficients.T(), mat.NewVecDense(t.basis.len(), t.basis.at(p)))
	for j, v := range out.RawVector().Data {
		out.SetVec(j, math.Exp(v))
	}
	return out.RawVector().Data
}
