package likelihood

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/cosmology"
)

// Terms evaluates the terms of a negative log-likelihood (in nats, up to a constant) of one map at
// many parameters; the result is [θ][term]. The value at a θ must not depend on the other ones of
// the call.
type Terms func(ctx context.Context, thetas []cosmology.Params) ([][]float64, error)

// ErrNotFinite is wrapped by the error for a term that is NaN or infinite.
var ErrNotFinite = errors.New("not a finite number")

// Surface is a negative log-likelihood (one term or a sum of terms) on a grid.
type Surface struct {
	Grid Grid
	NLL  []float64 // nats; row-major like Grid.Points: σ_8 runs fastest
}

// chunk is the number of θ per call of Terms, so that progress is shown and a cancelled context is
// noticed.
const chunk = 160

// Evaluate returns the terms at all points of the grid, one Surface per term. progress, unless nil,
// is called after every few points. It returns an error for a bad grid, a wrong number of results,
// and a value that is NaN or infinite, which names θ and the term and wraps ErrNotFinite.
func Evaluate(ctx context.Context, terms Terms, grid Grid,
	progress func(done, total int),
) ([]Surface, error) {
	if err := grid.Validate(); err != nil {
		return nil, err
	}
	e := evaluator{terms: terms, total: grid.Len(), progress: progress}
	values, err := e.values(ctx, grid.Points())
	if err != nil {
		return nil, err
	}
	out := empty(grid, e.columns)
	for i, row := range values {
		for t, v := range row {
			out[t].NLL[i] = v
		}
	}
	return out, nil
}

// evaluator evaluates terms in chunks and counts the points.
type evaluator struct {
	terms       Terms
	done, total int
	columns     int // number of terms; 0 before the first point
	progress    func(done, total int)
}

func (e *evaluator) values(ctx context.Context, points []cosmology.Params) ([][]float64, error) {
	var out [][]float64
	for first := 0; first < len(points); first += chunk {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part := points[first:min(first+chunk, len(points))]
		values, err := e.terms(ctx, part)
		if err != nil {
			return nil, err
		}
		if err := check(part, values); err != nil {
			return nil, err
		}
		for i, row := range values {
			if e.columns == 0 {
				e.columns = len(row)
			}
			if len(row) != e.columns {
				return nil, fmt.Errorf("likelihood: %d terms at %v, %d at the first point", len(row),
					part[i], e.columns)
			}
		}
		out = append(out, values...)
		e.done += len(part)
		e.report(max(e.total, e.done))
	}
	return out, nil
}

func (e *evaluator) report(total int) {
	if e.progress != nil {
		e.progress(e.done, total)
	}
}

func empty(grid Grid, terms int) []Surface {
	out := make([]Surface, terms)
	for t := range out {
		out[t] = Surface{Grid: grid, NLL: make([]float64, grid.Len())}
	}
	return out
}

func check(thetas []cosmology.Params, values [][]float64) error {
	if len(values) != len(thetas) {
		return fmt.Errorf("likelihood: %d results for %d parameters", len(values), len(thetas))
	}
	for i, row := range values {
		if len(row) == 0 {
			return fmt.Errorf("likelihood: no term at %v, want at least one", thetas[i])
		}
		for t, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("likelihood: entry %d of the terms at %v is %g: %w; the network has "+
					"diverged or the map is damaged", t, thetas[i], v, ErrNotFinite)
			}
		}
	}
	return nil
}

// Sum returns the sum of terms on their common grid. The result does not depend on their order,
// to the last bit. It panics on no surfaces or different grids.
func Sum(surfaces []Surface) Surface {
	if len(surfaces) == 0 {
		panic("likelihood: Sum of no surfaces")
	}
	out := Surface{Grid: surfaces[0].Grid, NLL: make([]float64, surfaces[0].Grid.Len())}
	values := make([]float64, len(surfaces))
	for i := range out.NLL {
		for t, s := range surfaces {
			if i == 0 && !s.Grid.same(out.Grid) {
				panic("likelihood: Sum of surfaces on different grids")
			}
			values[t] = s.NLL[i]
		}
		slices.Sort(values) // makes the sum independent of the order of the terms
		out.NLL[i] = floats.Sum(values)
	}
	return out
}

// MinusTwoDeltaLnL returns 2(L − min L) for each grid point, the paper's −2Δln L: 0 at the best
// point.
func (s Surface) MinusTwoDeltaLnL() []float64 {
	least := floats.Min(s.NLL)
	out := make([]float64, len(s.NLL))
	for i, v := range s.NLL {
		out[i] = 2 * (v - least)
	}
	return out
}

// Best returns the grid point with the least negative log-likelihood.
func (s Surface) Best() cosmology.Params {
	n := len(s.Grid.Sigma8)
	i := floats.MinIdx(s.NLL)
	return cosmology.Params{OmegaM: s.Grid.OmegaM[i/n], Sigma8: s.Grid.Sigma8[i%n]}
}

// Range returns the largest −2Δln L on the grid; 0 for a flat likelihood.
func (s Surface) Range() float64 { return 2 * (floats.Max(s.NLL) - floats.Min(s.NLL)) }
