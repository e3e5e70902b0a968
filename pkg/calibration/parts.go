package calibration

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// Parts is one simulated map whose −ln L is a sum of parts, as a bound is of terms.
type Parts struct {
	On         func(likelihood.Grid) []likelihood.Surface // the parts on a grid, one point included
	Truth      cosmology.Params
	Simulation int
}

// Sum returns Σ weights[k] part_k on a grid.
func (p Parts) Sum(grid likelihood.Grid, weights []float64) likelihood.Surface {
	out := likelihood.Surface{Grid: grid, NLL: make([]float64, grid.Len())}
	for k, part := range p.On(grid) {
		floats.AddScaled(out.NLL, weights[k], part.NLL)
	}
	return out
}

// partsGrid is how many points a side posteriors are integrated on while weights are sought.
const partsGrid = 40

// FitWeights returns the weights of parts that maximise the mean log density of the truths: a
// temperature for each part. Parts that a network gets wrong, or that say the same as others,
// weigh less. Weights far from 1 are held back by one simulation's worth of evidence. It returns
// an error for maps of different numbers of parts and for fewer simulations than twice the parts.
//
// The score is that of an exponential family, whose gradient by a weight is how much the part is
// lower at the truth than on average over the posterior: at the best weights no part tells the
// truth from the posterior.
func FitWeights(maps []Parts, prior cosmology.Prior) ([]float64, error) {
	cases, err := newPartCases(maps, prior)
	if err != nil {
		return nil, err
	}
	simulations := map[int]bool{}
	for _, m := range maps {
		simulations[m.Simulation] = true
	}
	n := len(cases[0].atTruth)
	if len(simulations) < 2*n {
		return nil, fmt.Errorf("calibration: %d simulations for the weights of %d parts, want at least "+
			"%d: use more simulations or fewer terms", len(simulations), n, 2*n)
	}
	evidence := 1 / float64(len(simulations))
	problem := optimize.Problem{
		Func: func(u []float64) float64 {
			value, _ := loss(cases, u, evidence)
			return value
		},
		Grad: func(grad, u []float64) {
			_, g := loss(cases, u, evidence)
			copy(grad, g)
		},
	}
	found, err := optimize.Minimize(problem, make([]float64, n),
		&optimize.Settings{GradientThreshold: 1e-5}, &optimize.BFGS{})
	// that is how a search ends where float64 does
	if found == nil || err != nil && !errors.Is(err, optimize.ErrLinesearcherFailure) {
		return nil, fmt.Errorf("calibration: the weights of %d parts: %w", n, err)
	}
	return exp(found.X), nil
}

// partCase is a map with its parts where they are needed.
type partCase struct {
	surfaces [][]float64 // [part][point]
	atTruth  []float64
}

func newPartCases(maps []Parts, prior cosmology.Prior) ([]partCase, error) {
	if len(maps) == 0 {
		return nil, errors.New("calibration: no maps to fit weights on")
	}
	var out []partCase
	grid := likelihood.WholePrior(prior, partsGrid)
	for _, m := range maps {
		if err := prior.Check(m.Truth); err != nil {
			return nil, fmt.Errorf("calibration: simulation %d: %w", m.Simulation, err)
		}
		var c partCase
		for _, s := range m.On(grid) {
			c.surfaces = append(c.surfaces, s.NLL)
		}
		for _, s := range m.On(likelihood.Grid{
			OmegaM: []float64{m.Truth.OmegaM},
			Sigma8: []float64{m.Truth.Sigma8},
		}) {
			c.atTruth = append(c.atTruth, s.NLL[0])
		}
		if len(out) > 0 && len(c.atTruth) != len(out[0].atTruth) {
			return nil, fmt.Errorf("calibration: simulation %d has %d parts, others have %d", m.Simulation,
				len(c.atTruth), len(out[0].atTruth))
		}
		out = append(out, c)
	}
	return out, nil
}

// loss returns the mean of −ln of the density at the truth, with what holds the weights exp(u)
// back, and its gradient by u.
func loss(cases []partCase, u []float64, evidence float64) (value float64, grad []float64) {
	weights, grad := exp(u), make([]float64, len(u))
	trapezoid := edges(partsGrid)
	for _, c := range cases {
		sum := make([]float64, len(c.surfaces[0]))
		for k, w := range weights {
			floats.AddScaled(sum, w, c.surfaces[k])
		}
		least, total := floats.Min(sum), 0.0
		for i, v := range sum {
			sum[i] = math.Exp(least-v) * trapezoid[i]
			total += sum[i]
		}
		value += floats.Dot(weights, c.atTruth) - least + math.Log(total)
		for k, w := range weights {
			grad[k] += w * (c.atTruth[k] - floats.Dot(sum, c.surfaces[k])/total)
		}
	}
	n := float64(len(cases))
	floats.Scale(1/n, grad)
	floats.AddScaled(grad, evidence, u)
	return value/n + evidence/2*floats.Dot(u, u), grad
}

// edges returns the weights of the trapezoidal rule on n×n points.
func edges(n int) []float64 {
	out := make([]float64, 0, n*n)
	for i := range n {
		for j := range n {
			w := 1.0
			if i == 0 || i == n-1 {
				w /= 2
			}
			if j == 0 || j == n-1 {
				w /= 2
			}
			out = append(out, w)
		}
	}
	return out
}

func exp(u []float64) []float64 {
	out := make([]float64, len(u))
	for i, x := range u {
		out[i] = math.Exp(x)
	}
	return out
}
