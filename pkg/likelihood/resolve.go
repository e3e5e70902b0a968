package likelihood

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/cosmology"
)

// NLL returns −ln L, in nats up to a constant, on any grid inside the prior, one point included.
type NLL func(Grid) Surface

// WeightedSum returns Σ weights[k] part_k of the parts that on returns on any grid.
func WeightedSum(on func(Grid) []Surface, weights []float64) NLL {
	return func(g Grid) Surface {
		out := Surface{Grid: g, NLL: make([]float64, g.Len())}
		for k, part := range on(g) {
			floats.AddScaled(out.NLL, weights[k], part.NLL)
		}
		return out
	}
}

// Product returns −ln L of independent data with the same parameters: the sum.
func Product(of []NLL) NLL {
	return func(g Grid) Surface {
		out := Surface{Grid: g, NLL: make([]float64, g.Len())}
		for _, nll := range of {
			floats.Add(out.NLL, nll(g).NLL)
		}
		return out
	}
}

// Nodes per side of the grids that a posterior is searched on and handed on with. The latter has
// ten or more nodes per standard deviation.
const (
	searchNodes   = 48
	resolvedNodes = 161
)

// improbable is the depth in nats below the highest known density at which nodes are left out.
const improbable = 20

// Resolve returns −ln L on a grid that resolves the posterior under a flat prior, however narrow
// it is: the rectangle that holds all but about 1e-7 of the probability, cut to the prior. All that
// is printed, tested and drawn of posteriors comes from it. The error names a value that is not
// finite and wraps ErrNotFinite.
func Resolve(nll NLL, prior cosmology.Prior) (Surface, error) {
	low, high := prior.Min, prior.Max
	for {
		s, err := nll(rectangle(low, high, searchNodes)).finite()
		if err != nil {
			return s, err
		}
		nextLow, nextHigh := s.probable()
		done := nextHigh.OmegaM-nextLow.OmegaM > 0.8*(high.OmegaM-low.OmegaM) &&
			nextHigh.Sigma8-nextLow.Sigma8 > 0.8*(high.Sigma8-low.Sigma8)
		low, high = nextLow, nextHigh
		if done {
			return nll(rectangle(low, high, resolvedNodes)).finite()
		}
	}
}

// finite returns the surface, and an error if a value is not finite.
func (s Surface) finite() (Surface, error) {
	for i, v := range s.NLL {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return s, fmt.Errorf("likelihood: −ln L = %g at %v: %w", v, s.Grid.Points()[i], ErrNotFinite)
		}
	}
	return s, nil
}

// probable returns the rectangle of probable nodes with one node more on each side. A peak may lie
// between the nodes: at least a twentieth of them, the lowest ones, are kept, which surround it.
func (s Surface) probable() (low, high cosmology.Params) {
	sorted := append([]float64(nil), s.NLL...)
	order := make([]int, len(sorted))
	floats.Argsort(sorted, order)
	n := len(s.Grid.Sigma8)
	first, last := [2]int{len(s.Grid.OmegaM), n}, [2]int{}
	for k, v := range sorted {
		if k >= len(sorted)/20 && v >= sorted[0]+improbable {
			break
		}
		for axis, i := range [2]int{order[k] / n, order[k] % n} {
			first[axis], last[axis] = min(first[axis], i), max(last[axis], i)
		}
	}
	edge := func(x []float64, i int) float64 { return x[max(0, min(i, len(x)-1))] }
	return cosmology.Params{
		OmegaM: edge(s.Grid.OmegaM, first[0]-1), Sigma8: edge(s.Grid.Sigma8, first[1]-1),
	}, cosmology.Params{
		OmegaM: edge(s.Grid.OmegaM, last[0]+1), Sigma8: edge(s.Grid.Sigma8, last[1]+1),
	}
}
