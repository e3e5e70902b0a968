package calibration

import (
	"math"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// OutsidePrior returns how far outside the prior a surface has its least −ln L, by the quadratic
// that continues it there: in standard deviations, the square root of twice what −ln L falls from
// the best point of the prior to its vertex; 0 where the vertex lies inside. For a calibrated
// posterior of a map from inside the prior it is at most the distance of the estimate from the
// truth, whose square has a chi² distribution with two degrees of freedom. s is that of
// likelihood.Resolve. It returns an error for a prior without width.
func OutsidePrior(s likelihood.Surface, prior cosmology.Prior) (float64, error) {
	units, err := newLogUnits(prior)
	if err != nil {
		return 0, err
	}
	var x [2][]float64
	for k, nodes := range [2][]float64{s.Grid.OmegaM, s.Grid.Sigma8} {
		for _, v := range nodes {
			x[k] = append(x[k], units.of(k, v))
		}
	}
	q := fitQuadratic(x, s.NLL)
	return math.Sqrt(2 * math.Max(0, q.least()-q.value)), nil
}

// least returns the least value inside the prior, the unit square of log units.
func (q quadratic) least() float64 {
	inside := true
	for _, v := range q.vertex {
		inside = inside && v >= 0 && v <= 1
	}
	if inside {
		return q.value
	}
	least := math.Inf(1)
	for k, other := range [2]int{1, 0} { // a convex function has it on an edge
		for _, edge := range []float64{0, 1} {
			var x [2]float64
			x[k] = edge
			x[other] = clamp(q.vertex[other]-q.h[0][1]*(edge-q.vertex[k])/q.h[other][other], 0, 1)
			least = math.Min(least, q.at(x))
		}
	}
	return least
}
