package hmc

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Result is what a sampling found.
type Result struct {
	// [chain][draw][parameter], in the parameters' own units
	Draws [][][]float64 `json:"draws"`
	// mean chance of acceptance of each chain, after the warm-up
	Acceptance []float64 `json:"acceptance"`
	// of each chain, after the warm-up: moves whose energy error exceeded 1000 nats or was not finite
	Divergences []int `json:"divergences"`
	// of the leapfrog, in standard deviations of the posterior where the mass fits it
	Step        float64 `json:"step"`
	Evaluations int     `json:"evaluations"` // calls of the density, each for all chains
}

// Progress tells how far a sampling is.
type Progress struct {
	Done, Total int     // iterations
	Warmup      bool    // whether the last one was of the warm-up
	Acceptance  float64 // mean over the chains of its chance of acceptance
}

// Sample runs a sampling from nothing to its end: NewState, Run and Result.
func Sample(ctx context.Context, density Density, box Box, c Config,
	progress func(Progress),
) (Result, error) {
	s, err := NewState(box, c, nil)
	if err != nil {
		return Result{}, err
	}
	if err := s.Run(ctx, density, progress); err != nil {
		return Result{}, err
	}
	return s.Result(), nil
}

// Result returns what has been found so far.
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
//   - Randomness: moves of a chain depend on the seed and its number, not on how many chains
//     there are; but step and mass are found in the warm-up from all chains together, so that a
//     chain has the same draws among more chains only from the same step and mass on.
//   - Errors: those of the density, and the context's when it is cancelled. The state is then
//     that after the last whole iteration, from which Run may be called again, with the same
//     draws as without the break. A start where the density is not finite is an error.
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
				Acceptance: mean(accepted),
			})
		}
	}
	return nil
}

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

// iterate moves all chains once. It changes the state only when nothing can fail any more.
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

// steps draws how many steps a trajectory has: its length is jittered by half, so that no period
// of the motion can be met, and is the same for all chains, so that their calls are one.
func (s *State) steps(step float64) int {
	length := s.Config.Path * (0.5 + s.rng(stepsStream, 0, s.Iteration).Float64())
	return int(math.Max(1, math.Min(math.Round(length/step), float64(s.Config.MaxSteps))))
}

// count keeps the books of a chain after the warm-up.
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

// adapt learns step and mass from an iteration of the warm-up.
func (s *State) adapt(accepted []float64) {
	if s.Iteration > s.Config.Warmup {
		return
	}
	ends := windows(s.Config.Warmup)
	if s.Iteration <= ends[0] { // on the way to the bulk no chain may be left behind
		s.Step.update(harmonicMean(accepted), s.Config.Acceptance)
	} else {
		s.Step.update(mean(accepted), s.Config.Acceptance)
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

// search finds a step of the right order: from that of the state it is doubled or halved until
// single steps are no longer, or at last, accepted as often as wanted.
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
