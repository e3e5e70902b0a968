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

// Posteriors are integrated on weightsGrid points per side while weights are sought, over the
// rectangle of the posterior at a temperature of hottest: it holds posteriors of all weights from
// 1/hottest on, and resolves those of weights up to 2.
const (
	weightsGrid = 40
	hottest     = 16
)

// FitWeights returns the weights of parts, and the offset of their weighted sum, that maximise the
// mean log density of the truths: an inverse temperature for each part. A part that the network
// gets wrong, or that repeats another, weighs less. The logarithms of the weights, and the offset
// over its scale, are regularised by a prior worth one simulation. It returns an error for maps of
// different numbers of parts and for fewer simulations than twice the parts.
//
// The score is that of an exponential family. Its gradient with respect to a weight is how much
// lower the part is at the truth than on average over the posterior, so at the best weights no part
// tells the truth from the posterior, and at the best offset no power of the parameters up to the
// second.
func FitWeights(maps []Parts, prior cosmology.Prior) ([]float64, Offset, error) {
	cases, err := newWeightCases(maps, prior, true)
	if err != nil {
		return nil, Offset{}, err
	}
	simulations := map[int]bool{}
	for _, m := range maps {
		simulations[m.Simulation] = true
	}
	n := len(cases[0].atTruth) - offsetSize
	if len(simulations) < 2*n {
		return nil, Offset{}, fmt.Errorf("calibration: %d simulations for the weights of %d parts, want "+
			"at least %d: use more simulations or fewer terms", len(simulations), n, 2*n)
	}
	weights, offset, err := minimise(cases, n, 1/float64(len(simulations)))
	if err != nil {
		return nil, Offset{}, err
	}
	return weights, Offset(offset), nil
}

// minimise returns the weights of the first n parts and the coefficients of the others of least
// loss.
func minimise(cases []weightCase, n int, evidence float64) (weights, coefficients []float64,
	err error,
) {
	problem := optimize.Problem{
		Func: func(u []float64) float64 {
			value, _ := loss(cases, u, n, evidence)
			return value
		},
		Grad: func(grad, u []float64) {
			_, g := loss(cases, u, n, evidence)
			copy(grad, g)
		},
	}
	found, err := optimize.Minimize(problem, make([]float64, len(cases[0].atTruth)),
		&optimize.Settings{GradientThreshold: 1e-5}, &optimize.BFGS{})
	// A line search fails where the loss can no longer fall within the digits of float64.
	if found == nil || err != nil && !errors.Is(err, optimize.ErrLinesearcherFailure) {
		return nil, nil, fmt.Errorf("calibration: the weights of %d parts: %w", n, err)
	}
	eta := natural(found.X, n)
	return eta[:n], eta[n:], nil
}

// temperatureSlack is the |ln Temperature| at which the regularisation, worth one simulation, costs
// half a nat.
const temperatureSlack = 4

// FitTemperature returns the number that −ln L of all cases is divided by to maximise the mean log
// density of the truths: above 1 where posteriors are too narrow. It is regularised by a prior
// worth one simulation. Errors name a case that cannot be used.
func FitTemperature(cases []Case, prior cosmology.Prior) (float64, error) {
	parts := make([]Parts, len(cases))
	simulations := map[int]bool{}
	for i, c := range cases {
		parts[i] = Parts{Truth: c.Truth, Simulation: c.Simulation, On: func(
			g likelihood.Grid,
		) []likelihood.Surface {
			return []likelihood.Surface{c.NLL(g)}
		}}
		simulations[c.Simulation] = true
	}
	single, err := newWeightCases(parts, prior, false)
	if err != nil {
		return 0, err
	}
	weights, _, err := minimise(single, 1,
		1/float64(len(simulations)*temperatureSlack*temperatureSlack))
	if err != nil {
		return 0, err
	}
	return 1 / weights[0], nil
}

// weightCase is a map with its parts where they are needed, and after them the terms of an offset
// where one is sought.
type weightCase struct {
	surfaces [][]float64 // [part][point] on weightsGrid×weightsGrid points
	atTruth  []float64   // [part]
}

func newWeightCases(maps []Parts, prior cosmology.Prior, offset bool) ([]weightCase, error) {
	if len(maps) == 0 {
		return nil, errors.New("calibration: no maps to fit weights on")
	}
	var out []weightCase
	for _, m := range maps {
		c, err := newWeightCase(m, prior, offset)
		if err != nil {
			return nil, fmt.Errorf("calibration: simulation %d: %w", m.Simulation, err)
		}
		if len(out) > 0 && len(c.atTruth) != len(out[0].atTruth) {
			return nil, fmt.Errorf("calibration: simulation %d has %d parts, others have %d", m.Simulation,
				len(c.atTruth), len(out[0].atTruth))
		}
		out = append(out, c)
	}
	return out, nil
}

func newWeightCase(m Parts, prior cosmology.Prior, offset bool) (weightCase, error) {
	var c weightCase
	u, err := newLogUnits(prior)
	if err := errors.Join(err, prior.Check(m.Truth)); err != nil {
		return c, err
	}
	for _, s := range m.On(likelihood.Grid{
		OmegaM: []float64{m.Truth.OmegaM},
		Sigma8: []float64{m.Truth.Sigma8},
	}) {
		c.atTruth = append(c.atTruth, s.NLL[0])
	}
	heat := make([]float64, len(c.atTruth))
	floats.AddConst(1.0/hottest, heat)
	wide, err := likelihood.Resolve(likelihood.WeightedSum(m.On, heat), prior)
	if err != nil {
		return c, err
	}
	grid := wide.Grid.Spanned(weightsGrid)
	for _, s := range m.On(grid) {
		c.surfaces = append(c.surfaces, s.NLL)
	}
	if !offset {
		return c, nil
	}
	terms := make([][]float64, offsetSize)
	for _, p := range grid.Points() {
		for k, v := range u.offsetTerms(p) {
			terms[k] = append(terms[k], v)
		}
	}
	atTruth := u.offsetTerms(m.Truth)
	c.surfaces, c.atTruth = append(c.surfaces, terms...), append(c.atTruth, atTruth[:]...)
	return c, nil
}

// loss returns the mean of −ln of the posterior density at the truth plus the regularisation, and
// its gradient with respect to u. The first n of u are logarithms of weights, regularised by
// evidence/2·|u|²; the others are coefficients over offsetScale, regularised likewise.
func loss(cases []weightCase, u []float64, n int, evidence float64) (value float64,
	grad []float64,
) {
	eta, grad := natural(u, n), make([]float64, len(u))
	trapezoid := likelihood.TrapezoidWeights(floats.Span(make([]float64, weightsGrid), 0, 1))
	for _, c := range cases {
		sum := make([]float64, len(c.surfaces[0]))
		for k, w := range eta {
			floats.AddScaled(sum, w, c.surfaces[k])
		}
		least, total := floats.Min(sum), 0.0
		for i, v := range sum {
			sum[i] = math.Exp(least-v) * trapezoid[i/weightsGrid] * trapezoid[i%weightsGrid]
			total += sum[i]
		}
		value += floats.Dot(eta, c.atTruth) - least + math.Log(total)
		for k, w := range eta {
			if k >= n {
				w = offsetScale
			}
			grad[k] += w * (c.atTruth[k] - floats.Dot(sum, c.surfaces[k])/total)
		}
	}
	maps := float64(len(cases))
	floats.Scale(1/maps, grad)
	floats.AddScaled(grad, evidence, u)
	return value/maps + evidence/2*floats.Dot(u, u), grad
}

// natural returns what parts are multiplied by.
func natural(u []float64, n int) []float64 {
	out := make([]float64, len(u))
	for i, x := range u {
		if i < n {
			out[i] = math.Exp(x)
		} else {
			out[i] = offsetScale * x
		}
	}
	return out
}
