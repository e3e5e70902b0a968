package calibration

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/diff/fd"
	"gonum.org/v1/gonum/optimize"
	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/cosmology"
)

// ErrUnsettled says that a fit did not end at a best recalibration.
var ErrUnsettled = errors.New("did not settle")

// Fit returns the recalibration of a kind that maximises the mean log density of the truths, a
// proper score: no other density than the honest one does better on average. Recalibrations far
// from the identity are held back by about one simulation's worth of evidence, so that what the
// maps do not tell stays as it was. It returns an error for cases that cannot be used, naming
// them, and for fewer simulations than twice the numbers to fit.
func Fit(cases []Case, prior cosmology.Prior, kind Kind) (Recalibration, error) {
	p, err := newProblem(cases, prior)
	if err != nil {
		return Recalibration{}, err
	}
	return p.fit(kind)
}

// subject is a case made ready to be fitted.
type subject struct {
	landscape  landscape
	truth      [2]float64 // in log units
	simulation int
}

// logScore is ln of the recalibrated density at the truth over that of the prior.
func (s subject) logScore(r Recalibration) float64 {
	m := r.of(s.landscape)
	return -s.landscape.at(m.source(s.truth))/m.temperature - s.landscape.lnEvidence(m)
}

// problem is a set of subjects, with the size that errors have among them.
type problem struct {
	prior       cosmology.Prior
	subjects    []subject
	simulations int
	// typical standard deviation, in log units: it makes the fitted numbers of order one
	scale [2]float64
}

func newProblem(cases []Case, prior cosmology.Prior) (problem, error) {
	units, err := newLogUnits(prior)
	if err != nil {
		return problem{}, err
	}
	subjects := make([]subject, len(cases))
	for i, c := range cases {
		l, err := newLandscape(c.Surface, units)
		if err == nil {
			err = prior.Check(c.Truth)
		}
		if err != nil {
			return problem{}, fmt.Errorf("calibration: case %d, of simulation %d: %w", i, c.Simulation, err)
		}
		subjects[i] = subject{l, units.point(c.Truth), c.Simulation}
	}
	return problemOf(subjects, prior), nil
}

func problemOf(subjects []subject, prior cosmology.Prior) problem {
	p := problem{prior: prior, subjects: subjects, simulations: len(simulationsOf(subjects))}
	for k := range p.scale {
		var stds []float64
		for _, s := range subjects {
			stds = append(stds, math.Min(s.landscape.q.std()[k], 0.3)) // a flat density's is 0.29
		}
		if len(stds) > 0 {
			slices.Sort(stds)
			p.scale[k] = stat.Quantile(0.5, stat.Empirical, stds, nil)
		}
	}
	return p
}

func simulationsOf(subjects []subject) []int {
	var out []int
	for _, s := range subjects {
		out = append(out, s.simulation)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// numbers are what is fitted, in this order, all of order one: ln Temperature alone, or shifts,
// log scales, the shear, the slopes of shifts, and those of log scales.
func (p problem) recalibration(kind Kind, numbers []float64) Recalibration {
	r := NewIdentity(p.prior)
	r.Kind, r.Maps, r.Simulations = kind, len(p.subjects), p.simulations
	if kind == Temperature {
		r.Temperature = math.Exp(numbers[0])
		return r
	}
	var all [13]float64
	copy(all[:], numbers)
	r.Shear = all[4] * p.scale[1] / p.scale[0]
	for k := range 2 {
		r.Shift[k], r.LogScale[k] = all[k]*p.scale[k], all[2+k]
		for m := range 2 {
			r.ShiftSlope[k][m], r.LogScaleSlope[k][m] = all[5+2*k+m]*p.scale[k], all[9+2*k+m]
		}
	}
	return r
}

// slack is how far numbers may wander before they are held back by half a nat in all: shifts and
// their slopes by several sigma, factors by e².
var slack = [13]float64{10, 10, 2, 2, 2, 5, 5, 5, 5, 1, 1, 1, 1}

// loss is what is minimised: less the mean log score, plus what holds numbers back.
func (p problem) loss(kind Kind, numbers []float64) float64 {
	r, sum, held := p.recalibration(kind, numbers), 0.0, 0.0
	for _, s := range p.subjects {
		sum += s.logScore(r)
	}
	for i, v := range numbers {
		unit := slack[i]
		if kind == Temperature {
			unit = 4
		}
		held += v * v / (2 * unit * unit)
	}
	return -sum/float64(len(p.subjects)) + held/float64(p.simulations)
}

func (p problem) fit(kind Kind) (Recalibration, error) {
	n := kind.parameters()
	switch {
	case kind == Identity:
		r := NewIdentity(p.prior)
		r.Maps, r.Simulations = len(p.subjects), p.simulations
		return r, nil
	case n == 0:
		return Recalibration{}, fmt.Errorf("calibration: kind %q, want one of %v", kind, Kinds())
	case p.simulations < 2*n:
		return Recalibration{}, fmt.Errorf("calibration: %q fits %d numbers and wants maps of %d "+
			"simulations or more, got %d", kind, n, 2*n, p.simulations)
	}
	start := make([]float64, n)
	if kind != Temperature { // from the best of the simpler kind
		warm, err := p.minimise(Temperature, make([]float64, 1))
		if err != nil {
			return Recalibration{}, err
		}
		start[2], start[3] = -warm[0]/2, -warm[0]/2
	}
	best, err := p.minimise(kind, start)
	if err != nil {
		return Recalibration{}, err
	}
	r := p.recalibration(kind, best)
	return r, r.Validate()
}

func (p problem) minimise(kind Kind, start []float64) ([]float64, error) {
	f := func(x []float64) float64 { return p.loss(kind, x) }
	gradient := func(dst, x []float64) {
		fd.Gradient(dst, f, x, &fd.Settings{Formula: fd.Forward, Step: 1e-6})
	}
	result, err := optimize.Minimize(optimize.Problem{Func: f, Grad: gradient}, start,
		&optimize.Settings{
			// nats a map a unit: statistical errors are tens of times larger
			GradientThreshold: 1e-3, MajorIterations: 200,
			Converger: &optimize.FunctionConverge{Absolute: 1e-6, Iterations: 5},
		}, &optimize.BFGS{})
	if result == nil || math.IsNaN(result.F) || math.IsInf(result.F, 0) {
		return nil, fmt.Errorf("calibration: fitting %q: %w", kind, err)
	}
	// The line search may fail on the rounding of differences when nothing is left to gain.
	slope := make([]float64, len(start))
	gradient(slope, result.X)
	for i, g := range slope {
		if math.Abs(g) > 1e-2 {
			return nil, fmt.Errorf("calibration: fitting %q %w: number %d still gains %.2g nats a map a "+
				"unit (%v); a few cases with truths far outside their posteriors do this", kind, ErrUnsettled,
				i, g, result.Status)
		}
	}
	return result.X, nil
}
