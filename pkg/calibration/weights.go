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

// Parts is one simulated map whose −ln L is a sum of parts, as a variational bound is a sum of
// terms.
type Parts struct {
	// On returns the parts on a grid, in nats; it must accept a grid of one point.
	On         func(likelihood.Grid) []likelihood.Surface
	Truth      cosmology.Params
	Simulation int // maps with the same number are not independent
}

// Sum returns Σ weights[k] part_k on a grid.
func (p Parts) Sum(grid likelihood.Grid, weights []float64) likelihood.Surface {
	out := likelihood.Surface{Grid: grid, NLL: make([]float64, grid.Len())}
	for k, part := range p.On(grid) {
		floats.AddScaled(out.NLL, weights[k], part.NLL)
	}
	return out
}

// weightsGrid is the number of points per side of the grid that posteriors are integrated on while
// weights are sought.
const weightsGrid = 40

// FitWeights returns the weights of parts that maximise the mean log density of the truths: an
// inverse temperature for each part. A part that the network gets wrong, or that repeats another,
// weighs less. The logarithms of the weights are regularised by a prior worth one simulation. It
// returns an error for maps of different numbers of parts and for fewer simulations than twice the
// parts.
//
// The score is that of an exponential family. Its gradient with respect to a weight is how much
// lower the part is at the truth than on average over the posterior, so at the best weights no part
// tells the truth from the posterior.
func FitWeights(maps []Parts, prior cosmology.Prior) ([]float64, error) {
	cases, err := newWeightCases(maps, prior)
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
	return minimise(cases, 1/float64(len(simulations)))
}

// minimise returns the weights of least loss.
func minimise(cases []weightCase, evidence float64) ([]float64, error) {
	n := len(cases[0].atTruth)
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
	// A line search fails where the loss can no longer fall within the digits of float64.
	if found == nil || err != nil && !errors.Is(err, optimize.ErrLinesearcherFailure) {
		return nil, fmt.Errorf("calibration: the weights of %d parts: %w", n, err)
	}
	return exp(found.X), nil
}

// weightCase is a map with its parts where they are needed.
type weightCase struct {
	surfaces [][]float64 // [part][point] on weightsGrid×weightsGrid points over the prior
	atTruth  []float64   // [part]
}

func newWeightCases(maps []Parts, prior cosmology.Prior) ([]weightCase, error) {
	if len(maps) == 0 {
		return nil, errors.New("calibration: no maps to fit weights on")
	}
	var out []weightCase
	grid := likelihood.WholePrior(prior, weightsGrid)
	for _, m := range maps {
		if err := prior.Check(m.Truth); err != nil {
			return nil, fmt.Errorf("calibration: simulation %d: %w", m.Simulation, err)
		}
		var c weightCase
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

// loss returns the mean of −ln of the posterior density at the truth plus the regularisation
// evidence/2·|u|² of the weights exp(u), and its gradient with respect to u.
func loss(cases []weightCase, u []float64, evidence float64) (value float64, grad []float64) {
	weights, grad := exp(u), make([]float64, len(u))
	trapezoid := likelihood.TrapezoidWeights(floats.Span(make([]float64, weightsGrid), 0, 1))
	for _, c := range cases {
		sum := make([]float64, len(c.surfaces[0]))
		for k, w := range weights {
			floats.AddScaled(sum, w, c.surfaces[k])
		}
		least, total := floats.Min(sum), 0.0
		for i, v := range sum {
			sum[i] = math.Exp(least-v) * trapezoid[i/weightsGrid] * trapezoid[i%weightsGrid]
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

func exp(u []float64) []float64 {
	out := make([]float64, len(u))
	for i, x := range u {
		out[i] = math.Exp(x)
	}
	return out
}
