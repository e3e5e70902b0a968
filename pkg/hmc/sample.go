package hmc

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Result is the outcome of a sampling.
type Result struct {
	// Draws are [chain][draw][parameter], in the parameters' own units.
	Draws [][][]float64 `json:"draws"`
	// Acceptance is the mean acceptance probability of each chain after the warm-up.
	Acceptance []float64 `json:"acceptance"`
	// Divergences counts, for each chain after the warm-up, the moves whose energy error exceeded 1000
	// nats or was not finite.
	Divergences []int `json:"divergences"`
	// Step is that of the leapfrog, in standard deviations of the posterior if the mass fits it.
	Step        float64 `json:"step"`
	Evaluations int     `json:"evaluations"` // calls of the density, each for all chains
}

// Progress is the state of a sampling for a progress display.
type Progress struct {
	Done, Total int     // iterations
	Warmup      bool    // whether the last one was of the warm-up
	Acceptance  float64 // its acceptance probability, averaged over the chains
}

// Result returns the outcome so far.
func (s *State) Result() Result {
	out := Result{
		Draws: s.Draws, Acceptance: slices.Clone(s.Accepted), Divergences: s.Divergences,
		Step: s.Step.Current, Evaluations: s.Evaluations,
	}
	for c := range out.Acceptance {
		out.Acceptance[c] /= float64(max(1, len(s.Draws[c])))
	}
	return out
}

// Run continues a sampling to its end. progress, unless nil, is called after each iteration.
//
//   - Randomness: the random numbers of a chain depend on the seed, its number and the iteration
//     only. Step and mass are adapted in the warm-up to all chains together.
//   - Errors: those of the density, and the context's when it is cancelled. The state is then that
//     after the last whole iteration, from which Run may be called again, with the same draws as
//     without the break. A start where the density is not finite is an error.
//   - Source: Neal (2011), Hoffman and Gelman (2014); the warm-up is laid out as in Stan.
func (s *State) Run(ctx context.Context, density Density, progress func(Progress)) error {
	if err := s.Validate(); err != nil {
		return err
	}
	total := s.Config.Warmup + s.Config.Draws
	t := target{density, s.Box}
	if s.Iteration < total && s.Points[0].Grad == nil {
		if err := s.start(ctx, t); err != nil {
			return err
		}
	}
	for s.Iteration < total {
		accepted, err := s.iterate(ctx, t)
		if err != nil {
			return err
		}
		if progress != nil {
			progress(Progress{
				Done: s.Iteration, Total: total, Warmup: s.Iteration <= s.Config.Warmup,
				Acceptance: stat.Mean(accepted, nil),
			})
		}
	}
	return nil
}

// start evaluates the density at the starting points.
func (s *State) start(ctx context.Context, t target) error {
	logits := make([][]float64, len(s.Points))
	for c, p := range s.Points {
		logits[c] = p.Logits
	}
	points, err := t.at(ctx, logits)
	if err != nil {
		return err
	}
	for c, p := range points {
		if math.IsInf(p.LogP, -1) {
			return fmt.Errorf("hmc: chain %d starts at %v, where log density or gradient is not finite: "+
				"start it elsewhere", c, s.Box.params(p.Logits))
		}
	}
	s.Points = points
	s.Evaluations++
	return nil
}

// iterate moves all chains once. If it fails the state is unchanged.
func (s *State) iterate(ctx context.Context, t target) ([]float64, error) {
	m := integrator{t, s.Mass}
	if s.Search {
		if err := s.search(ctx, m); err != nil {
			return nil, err
		}
	}
	step := s.Step.Current
	steps := s.steps(step)
	rngs, z := make([]*rand.Rand, len(s.Points)), make([][]float64, len(s.Points))
	before := make([]float64, len(s.Points))
	for c, p := range s.Points {
		rngs[c] = s.rng(chainStream, c, s.Iteration)
		z[c] = normals(rngs[c], len(s.Box.Low))
		before[c] = energy(p, z[c])
	}
	points, err := m.leapfrog(ctx, s.Points, z, step, steps)
	if err != nil {
		return nil, err
	}
	accepted := make([]float64, len(points))
	for c, p := range points {
		after := energy(p, z[c])
		accepted[c] = acceptance(before[c], after)
		if rngs[c].Float64() < accepted[c] {
			s.Points[c] = p
		}
		s.count(c, accepted[c], after-before[c])
	}
	s.Evaluations += steps
	s.Iteration++
	s.adapt(accepted)
	return accepted, nil
}

// steps draws the number of steps of a trajectory. Its length is jittered by half, so that it never
// matches a period of the motion for long. It is the same for all chains, which share the calls of
// the density.
func (s *State) steps(step float64) int {
	length := s.Config.Path * (0.5 + s.rng(stepsStream, 0, s.Iteration).Float64())
	return int(math.Max(1, math.Min(math.Round(length/step), float64(s.Config.MaxSteps))))
}

// count records an iteration of a chain after the warm-up.
func (s *State) count(c int, accepted, errorOfEnergy float64) {
	const divergent = 1000 // nats, as in Stan
	if s.Iteration < s.Config.Warmup {
		return
	}
	s.Accepted[c] += accepted
	if !(errorOfEnergy < divergent) {
		s.Divergences[c]++
	}
	s.Draws[c] = append(s.Draws[c], s.Box.params(s.Points[c].Logits))
}

// adapt adapts step and mass to an iteration of the warm-up.
func (s *State) adapt(accepted []float64) {
	if s.Iteration > s.Config.Warmup {
		return
	}
	ends := windows(s.Config.Warmup)
	if s.Iteration <= ends[0] { // no chain may be stuck on the way to the bulk
		s.Step.update(harmonicMean(accepted), s.Config.Acceptance)
	} else {
		s.Step.update(stat.Mean(accepted, nil), s.Config.Acceptance)
	}
	if s.Iteration > ends[0] && s.Iteration <= ends[len(ends)-1] {
		for _, p := range s.Points {
			s.Window = append(s.Window, p.Logits)
		}
		if slices.Contains(ends, s.Iteration) {
			if factor, ok := factorOf(covariance(s.Window)); ok {
				s.Mass = factor
			}
			s.Window, s.Search = nil, true
			s.Step = startStep(1)
		}
	}
	if s.Iteration == s.Config.Warmup {
		s.Step.Current = s.Step.Mean
	}
}

// search finds a step of the right order: it doubles or halves the step until the acceptance of
// single steps crosses the target.
func (s *State) search(ctx context.Context, m integrator) error {
	const most = 60
	step, up := s.Step.Current, false
	for try := range most {
		z := make([][]float64, len(s.Points))
		before := make([]float64, len(s.Points))
		for c, p := range s.Points {
			z[c] = normals(s.rng(searchStream, c, s.Iteration), len(s.Box.Low))
			before[c] = energy(p, z[c])
		}
		points, err := m.leapfrog(ctx, s.Points, z, step, 1)
		if err != nil {
			return err
		}
		accepted := make([]float64, len(points))
		for c, p := range points {
			accepted[c] = acceptance(before[c], energy(p, z[c]))
		}
		enough := harmonicMean(accepted) > s.Config.Acceptance
		if try == 0 {
			up = enough
		}
		if enough != up || up && step >= 4 { // a flat density accepts everything
			s.Step, s.Search = startStep(step), false
			s.Evaluations += try + 1
			return nil
		}
		if up {
			step *= 2
		} else {
			step /= 2
		}
	}
	return fmt.Errorf("hmc: no step down to %.1g is accepted at iteration %d: is the gradient that "+
		"of the log density?", step, s.Iteration)
}

func normals(rng *rand.Rand, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = rng.NormFloat64()
	}
	return out
}
