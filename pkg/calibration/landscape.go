package calibration

import (
	"fmt"
	"math"
	"sort"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// landscape is a surface of −ln L continued everywhere: a quadratic plus the remainder, which is
// interpolated by cubics between the nodes and constant beyond the grid's edges. It is exact for
// Gaussians in the logarithms of the parameters, whatever the grid.
type landscape struct {
	units logUnits
	x     [2][]float64 // nodes, in log units
	rest  []float64    // −ln L less the quadratic at the nodes; σ_8 runs fastest
	q     quadratic
}

// newLandscape returns an error for a surface that cannot be used.
func newLandscape(s likelihood.Surface, units logUnits) (landscape, error) {
	l := landscape{units: units}
	if err := checkSurface(s); err != nil {
		return l, err
	}
	for k, nodes := range [2][]float64{s.Grid.OmegaM, s.Grid.Sigma8} {
		for _, v := range nodes {
			l.x[k] = append(l.x[k], units.of(k, v))
		}
	}
	l.q = fitQuadratic(l.x, s.NLL)
	n := len(l.x[1])
	l.rest = make([]float64, len(s.NLL))
	for k, v := range s.NLL {
		l.rest[k] = v - l.q.at([2]float64{l.x[0][k/n], l.x[1][k%n]})
	}
	return l, nil
}

// checkSurface returns an error unless a surface has a usable grid and finite values.
func checkSurface(s likelihood.Surface) error {
	if err := s.Grid.Validate(); err != nil {
		return err
	}
	if s.Grid.OmegaM[0] <= 0 || s.Grid.Sigma8[0] <= 0 {
		return fmt.Errorf("calibration: a grid from Ω_m = %g, σ_8 = %g, want both > 0: errors are "+
			"taken in the logarithms", s.Grid.OmegaM[0], s.Grid.Sigma8[0])
	}
	if len(s.NLL) != s.Grid.Len() {
		return fmt.Errorf("calibration: %d values of −ln L on a grid of %d points", len(s.NLL),
			s.Grid.Len())
	}
	n := len(s.Grid.Sigma8)
	for k, v := range s.NLL {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			p := cosmology.Params{OmegaM: s.Grid.OmegaM[k/n], Sigma8: s.Grid.Sigma8[k%n]}
			return fmt.Errorf("calibration: −ln L = %g at %v: %w", v, p, likelihood.ErrNotFinite)
		}
	}
	return nil
}

// at returns −ln L at a point in log units.
func (l landscape) at(x [2]float64) float64 {
	return l.q.at(x) + along(l.x[1], l.line(x[0], nil), x[1])
}

// line returns the remainder at Ω_m = x and each node of σ_8, in dst if that is long enough.
func (l landscape) line(x float64, dst []float64) []float64 {
	n := len(l.x[1])
	if cap(dst) < n {
		dst = make([]float64, n)
	}
	dst = dst[:n]
	clear(dst)
	w := stencilAt(l.x[0], x)
	for k := range w.count {
		for j, v := range l.rest[(w.first+k)*n : (w.first+k+1)*n] {
			dst[j] += w.weights[k] * v
		}
	}
	return dst
}

// along interpolates values at nodes.
func along(nodes, values []float64, x float64) float64 { return stencilAt(nodes, x).of(values) }

// stencil holds the Lagrange weights of a few neighbouring nodes.
type stencil struct {
	first, count int
	weights      [4]float64
}

// stencilAt takes the four nodes around x, or all if there are fewer. An x outside the nodes is
// moved to the nearest one.
func stencilAt(nodes []float64, x float64) stencil {
	n := len(nodes)
	x = clamp(x, nodes[0], nodes[n-1])
	s := stencil{count: min(4, n)}
	s.first = max(0, min(sort.SearchFloat64s(nodes, x)-2, n-s.count))
	for k := range s.count {
		s.weights[k] = 1
		for m := range s.count {
			if m != k {
				s.weights[k] *= (x - nodes[s.first+m]) / (nodes[s.first+k] - nodes[s.first+m])
			}
		}
	}
	return s
}

func (s stencil) of(values []float64) float64 {
	sum := 0.0
	for k := range s.count {
		sum += s.weights[k] * values[s.first+k]
	}
	return sum
}
