package diffusion

import (
	"context"
	"math"
)

// Ancestral is the sampler of Ho et al. (2020), algorithm 2: all T steps, each with fresh noise
// of the posterior variance.
type Ancestral struct{}

var _ Sampler = Ancestral{}

// Validate accepts every schedule.
func (Ancestral) Validate(Schedule) error { return nil }

// Evaluations returns T.
func (Ancestral) Evaluations(s Schedule) int { return s.Steps() }

// Sample implements Sampler.
func (Ancestral) Sample(ctx context.Context, d Denoiser, s Schedule, r Request) ([]float32, error) {
	st, err := r.start()
	if err != nil {
		return nil, err
	}
	for t := Step(s.Steps()); t >= 1; t-- {
		epsilon, err := d.predict(ctx, t, r.Pixels, st.x, r.Theta)
		if err != nil {
			return nil, err
		}
		st.update(epsilon, s.reverse(t))
		r.progress(s.Steps()-int(t)+1, s.Steps())
	}
	return st.finished()
}

// ReverseMean returns the mean of p(x_{t−1} | x_t) when the noise in x_t is predicted to be ε;
// equation 11 of Ho et al. A step of ancestral sampling adds √PosteriorVariance(t) times fresh
// noise to it.
func (s Schedule) ReverseMean(t Step, xt, epsilon float64) float64 {
	m := s.reverse(t)
	return m.ofX*xt + m.ofEpsilon*epsilon
}

func (s Schedule) reverse(t Step) linearStep {
	ofX := 1 / math.Sqrt(s.Alpha(t))
	return linearStep{
		ofX:       ofX,
		ofEpsilon: -ofX * s.Beta(t) / math.Sqrt(1-s.AlphaBar(t)),
		deviation: math.Sqrt(s.PosteriorVariance(t)),
	}
}
