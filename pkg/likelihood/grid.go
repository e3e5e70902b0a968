package likelihood

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/cosmology"
)

// Grid is a rectangular grid over the parameters: the products of two strictly rising axes of at
// least two values each.
type Grid struct {
	OmegaM, Sigma8 []float64
}

// WholePrior returns an n×n grid over the whole prior, its edges included, for inference. It panics
// unless n >= 2.
func WholePrior(prior cosmology.Prior, n int) Grid {
	return rectangle(prior.Min, prior.Max, n)
}

// AroundTruth returns an n×n grid of ±half around truth, cut to the prior: the grid of the paper's
// figure 3 (half 0.1). It serves that figure only, since a grid centred on the truth biases every
// estimate towards it. It panics unless n >= 2, half > 0 and truth lies in the prior.
func AroundTruth(truth cosmology.Params, half float64, prior cosmology.Prior, n int) Grid {
	if !(half > 0) || !prior.Contains(truth) {
		panic(fmt.Sprintf("likelihood: AroundTruth(%v, half %g): want half > 0 and a truth in the prior",
			truth, half))
	}
	low := cosmology.Params{
		OmegaM: math.Max(truth.OmegaM-half, prior.Min.OmegaM),
		Sigma8: math.Max(truth.Sigma8-half, prior.Min.Sigma8),
	}
	high := cosmology.Params{
		OmegaM: math.Min(truth.OmegaM+half, prior.Max.OmegaM),
		Sigma8: math.Min(truth.Sigma8+half, prior.Max.Sigma8),
	}
	return rectangle(low, high, n)
}

func rectangle(low, high cosmology.Params, n int) Grid {
	if n < 2 {
		panic(fmt.Sprintf("likelihood: a grid of %d points a side, want >= 2", n))
	}
	return Grid{
		OmegaM: floats.Span(make([]float64, n), low.OmegaM, high.OmegaM),
		Sigma8: floats.Span(make([]float64, n), low.Sigma8, high.Sigma8),
	}
}

// Spanned returns an n×n grid over the same rectangle. It panics unless n >= 2.
func (g Grid) Spanned(n int) Grid { return rectangle(g.low(), g.high(), n) }

// Len returns the number of points.
func (g Grid) Len() int { return len(g.OmegaM) * len(g.Sigma8) }

// Points returns all points, row-major: σ_8 runs fastest, so that point i*len(Sigma8)+j is
// (OmegaM[i], Sigma8[j]).
func (g Grid) Points() []cosmology.Params {
	out := make([]cosmology.Params, 0, g.Len())
	for _, om := range g.OmegaM {
		for _, s8 := range g.Sigma8 {
			out = append(out, cosmology.Params{OmegaM: om, Sigma8: s8})
		}
	}
	return out
}

// Validate returns an error unless both axes rise strictly and have at least two finite values.
func (g Grid) Validate() error {
	for _, a := range []struct {
		name   string
		values []float64
	}{{"OmegaM", g.OmegaM}, {"Sigma8", g.Sigma8}} {
		if len(a.values) < 2 {
			return fmt.Errorf("likelihood.Grid.%s has %d values, want >= 2", a.name, len(a.values))
		}
		for i, v := range a.values {
			if math.IsNaN(v) || math.IsInf(v, 0) || i > 0 && !(v > a.values[i-1]) {
				return fmt.Errorf("likelihood.Grid.%s[%d] = %g, want finite values that rise strictly",
					a.name, i, v)
			}
		}
	}
	return nil
}

// same reports whether two grids have the same points.
func (g Grid) same(h Grid) bool {
	return floats.Equal(g.OmegaM, h.OmegaM) && floats.Equal(g.Sigma8, h.Sigma8)
}
