package hmc

import (
	"fmt"
	"math/rand/v2"
)

// State is a sampling between two iterations: plain data that can be written as JSON and continued
// with the same draws as without the break. It holds no generator, since the random numbers of an
// iteration depend on the seed, the chain and the iteration only.
type State struct {
	Config    Config   `json:"config"`
	Box       Box      `json:"box"`
	Iteration int      `json:"iteration"` // iterations done, including the warm-up
	Points    []Point  `json:"points"`    // [chain]; without gradients before the first iteration
	Step      StepSize `json:"step"`
	Search    bool     `json:"search"` // a first guess of the step must be found next
	// Mass is the lower Cholesky factor of the inverse mass.
	Mass [][]float64 `json:"mass"`
	// Window holds the logits of all chains in the current window of the warm-up.
	Window      [][]float64   `json:"window"`
	Draws       [][][]float64 `json:"draws"`       // [chain][draw][parameter]
	Accepted    []float64     `json:"accepted"`    // [chain]: sum of acceptance probabilities
	Divergences []int         `json:"divergences"` // [chain]
	Evaluations int           `json:"evaluations"` // calls of the density
}

// Streams of random numbers by purpose.
const (
	chainStream = iota
	searchStream
	startStream
	stepsStream
)

// rng returns the random numbers of one purpose, chain and iteration.
func (s *State) rng(stream, chain, iteration int) *rand.Rand {
	return rand.New(rand.NewPCG(s.Config.Seed, uint64(stream)<<60|uint64(chain)<<40|uint64(iteration)))
}

// NewState returns a sampling that has not begun. starts are [chain][parameter]; nil draws them
// uniformly from the inner nine tenths of the box in each parameter. For a posterior some hundred
// times narrower than the box, pass starts near its peak: the default warm-up does not reach it
// otherwise. It returns an error for a bad box or Config, and for starts that are not one per chain
// inside the box.
func NewState(box Box, c Config, starts [][]float64) (*State, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := box.Validate(); err != nil {
		return nil, err
	}
	d := len(box.Low)
	s := &State{
		Config: c, Box: box, Points: make([]Point, c.Chains), Step: startStep(1), Search: true,
		Mass:  identity(d),
		Draws: make([][][]float64, c.Chains), Accepted: make([]float64, c.Chains),
		Divergences: make([]int, c.Chains),
	}
	if starts == nil {
		starts = s.starts()
	}
	if len(starts) != c.Chains {
		return nil, fmt.Errorf("hmc: %d starts for %d chains", len(starts), c.Chains)
	}
	for chain, x := range starts {
		if err := box.inside(x); err != nil {
			return nil, fmt.Errorf("hmc: start of chain %d: %w", chain, err)
		}
		s.Points[chain].Logits = box.logits(x)
	}
	return s, nil
}

// starts draws starting points.
func (s *State) starts() [][]float64 {
	out := make([][]float64, s.Config.Chains)
	for chain := range out {
		rng := s.rng(startStream, chain, 0)
		for k, low := range s.Box.Low {
			out[chain] = append(out[chain], low+(s.Box.High[k]-low)*(0.05+0.9*rng.Float64()))
		}
	}
	return out
}

// Validate returns an error for a state whose parts do not fit each other.
func (s *State) Validate() error {
	if err := s.Config.Validate(); err != nil {
		return err
	}
	if err := s.Box.Validate(); err != nil {
		return err
	}
	d, n := len(s.Box.Low), s.Config.Chains
	if s.Iteration < 0 || s.Iteration > s.Config.Warmup+s.Config.Draws {
		return fmt.Errorf("hmc.State.Iteration = %d, want 0 to %d", s.Iteration,
			s.Config.Warmup+s.Config.Draws)
	}
	if len(s.Points) != n || len(s.Draws) != n || len(s.Accepted) != n || len(s.Divergences) != n {
		return fmt.Errorf("hmc.State has %d points, %d chains of draws, %d acceptances and %d "+
			"divergences, want one of each for %d chains",
			len(s.Points), len(s.Draws), len(s.Accepted), len(s.Divergences), n)
	}
	if !(s.Step.Current > 0 && s.Step.Mean > 0 && finite(s.Step.Current, s.Step.Mean, s.Step.Centre,
		s.Step.Excess)) {
		return fmt.Errorf("hmc.State.Step = %+v, want finite steps > 0", s.Step)
	}
	for c, p := range s.Points {
		if len(p.Logits) != d || s.Iteration > 0 && len(p.Grad) != d || !finite(p.Logits...) ||
			!finite(p.Grad...) {
			return fmt.Errorf("hmc.State.Points[%d] has %d logits and %d gradients, want %d finite ones "+
				"of each", c, len(p.Logits), len(p.Grad), d)
		}
		if want := max(0, s.Iteration-s.Config.Warmup); len(s.Draws[c]) != want {
			return fmt.Errorf("hmc.State.Draws[%d] has %d draws after iteration %d, want %d", c,
				len(s.Draws[c]), s.Iteration, want)
		}
	}
	if len(s.Mass) != d {
		return fmt.Errorf("hmc.State.Mass has %d rows, want %d", len(s.Mass), d)
	}
	for i, row := range s.Mass {
		if len(row) != i+1 || !finite(row...) || !(row[i] > 0) {
			return fmt.Errorf("hmc.State.Mass[%d] = %v, want %d finite values, the last > 0", i, row, i+1)
		}
	}
	return nil
}
