package likelihood

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/interp"

	"darkfield/pkg/cosmology"
)

// Resample returns the surface on a grid of n×n points over the same rectangle, by cubic splines (not-a-knot) along each
// axis: exact where the log-likelihood is a cubic polynomial, so for every Gaussian likelihood. The terms of the bound are
// smooth in θ when their noise is held fixed, which is what makes this right. It panics unless the surface has at least
// 4 points along each axis and n >= 2.
func (s Surface) Resample(n int) Surface {
	low := cosmology.Params{OmegaM: s.Grid.OmegaM[0], Sigma8: s.Grid.Sigma8[0]}
	high := cosmology.Params{OmegaM: s.Grid.OmegaM[len(s.Grid.OmegaM)-1], Sigma8: s.Grid.Sigma8[len(s.Grid.Sigma8)-1]}
	out := Surface{Grid: rectangle(low, high, n), NLL: make([]float64, n*n)}
	columns := len(s.Grid.Sigma8)
	rows := make([][]float64, len(s.Grid.OmegaM)) // each row of constant Ω_m on the new σ_8
	for i := range rows {
		rows[i] = spline(s.Grid.Sigma8, s.NLL[i*columns:(i+1)*columns], out.Grid.Sigma8)
	}
	column := make([]float64, len(rows))
	for j := range n {
		for i := range rows {
			column[i] = rows[i][j]
		}
		for i, v := range spline(s.Grid.OmegaM, column, out.Grid.OmegaM) {
			out.NLL[i*n+j] = v
		}
	}
	return out
}

func spline(x, y, at []float64) []float64 {
	var c interp.NotAKnotCubic
	if err := c.Fit(x, y); err != nil {
		panic(fmt.Sprintf("likelihood: spline through %d points: %v", len(x), err))
	}
	out := make([]float64, len(at))
	for i, v := range at {
		out[i] = c.Predict(v)
	}
	return out
}

// Refined evaluates the terms on an n×n grid over the whole prior and then, up to rounds times, on an n×n grid over the
// part that the sum of the terms leaves probable. It returns the last round's surfaces, one per term. The truth plays no
// part, so errors and coverage may be taken from it. n must be at least 5. Errors are those of Evaluate.
func Refined(ctx context.Context, terms Terms, prior cosmology.Prior, n, rounds int, progress func(done, total int)) ([]Surface, error) {
	grid := WholePrior(prior, n)
	var out []Surface
	for round := 0; ; round++ {
		var err error
		out, err = EvaluateProgress(ctx, terms, grid, func(done, _ int) {
			if progress != nil {
				progress(round*grid.Len()+done, (rounds+1)*grid.Len())
			}
		})
		if err != nil {
			return nil, err
		}
		finer, shrunk := Sum(out).Probable(n)
		if round == rounds || !shrunk {
			break
		}
		grid = finer
	}
	if progress != nil {
		progress((rounds+1)*grid.Len(), (rounds+1)*grid.Len())
	}
	return out, nil
}

// cut is the −2Δln L beyond which a point does not matter: exp(−12.5), 4e-6 of the peak.
const cut = 25

// Probable returns an n×n grid over the smallest rectangle that holds all points with −2Δln L below 25, both of the
// surface and of its spline (the peak may be narrower than a cell), widened by one of the surface's cells on each side and
// cut to its grid; and whether that is less than 0.8 of the grid along either axis. It panics like Resample.
func (s Surface) Probable(n int) (Grid, bool) {
	const finer = 4
	om, s8 := s.Grid.OmegaM, s.Grid.Sigma8
	low := cosmology.Params{OmegaM: om[len(om)-1], Sigma8: s8[len(s8)-1]}
	high := cosmology.Params{OmegaM: om[0], Sigma8: s8[0]}
	for _, t := range []Surface{s, s.Resample(finer * max(len(om), len(s8)))} {
		points := t.Grid.Points()
		for k, d := range t.MinusTwoDeltaLnL() {
			if d < cut {
				low.OmegaM, high.OmegaM = min(low.OmegaM, points[k].OmegaM), max(high.OmegaM, points[k].OmegaM)
				low.Sigma8, high.Sigma8 = min(low.Sigma8, points[k].Sigma8), max(high.Sigma8, points[k].Sigma8)
			}
		}
	}
	wider := func(axis []float64, low, high *float64) bool {
		whole := axis[len(axis)-1] - axis[0]
		cell := whole / float64(len(axis)-1)
		*low, *high = max(*low-cell, axis[0]), min(*high+cell, axis[len(axis)-1])
		return *high-*low < 0.8*whole
	}
	smaller := wider(om, &low.OmegaM, &high.OmegaM)
	smaller = wider(s8, &low.Sigma8, &high.Sigma8) || smaller
	return rectangle(low, high, n), smaller
}
