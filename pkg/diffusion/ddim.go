package diffusion

import (
	"context"
	"math"
)

// DDIM is the sampler of Song, Meng and Ermon (2021): first order, with any number of steps, and
// deterministic for Eta = 0. With all T steps and Eta = 1 it is the ancestral sampling of Ho et al.
// (2020), algorithm 2.
type DDIM struct {
	Steps    int     // network evaluations per map, 1…T
	Eta      float64 // 0: deterministic; 1: with the fresh noise of ancestral sampling
	ChurnMin Step    // fresh noise is added at times above this only; 0: at all times
	Spacing  Spacing // of the times; "": DDIMSpacing
}

// DDIMSpacing is the default spacing of DDIM, that of its paper.
const DDIMSpacing = UniformTime

var _ Sampler = DDIM{}

// Validate returns an error unless 1 <= Steps <= T, 0 <= Eta <= 1, 0 <= ChurnMin <= T and the
// spacing is known.
func (m DDIM) Validate(s Schedule) error {
	return CheckSettings("diffusion.DDIM", s, m.Steps, m.Eta, m.ChurnMin, m.Spacing)
}

// Sample implements Sampler.
func (m DDIM) Sample(ctx context.Context, d Denoiser, s Schedule, r Request) ([]float32, error) {
	return sample(ctx, m, d, s, r)
}

// Moves returns Steps steps.
func (m DDIM) Moves(s Schedule) []Move {
	times := m.Spacing.or(DDIMSpacing).times(s, m.Steps)
	moves := make([]Move, m.Steps)
	for i := range moves {
		moves[i] = m.move(s, times[i], times[i+1])
	}
	return moves
}

// move returns the step from t to an earlier time u, equation 12 of the DDIM paper: the clean map
// that ε implies, with noise of level u along ε and, for Eta > 0, fresh noise.
func (m DDIM) move(s Schedule, t, u Step) Move {
	au, at := s.AlphaBar(u), s.AlphaBar(t)
	out := s.move(t, u)
	out.Fresh = etaAt(t, m.Eta, m.ChurnMin) * math.Sqrt((1-au)/(1-at)*(1-at/au))
	direction := math.Sqrt(max(0, 1-au-out.Fresh*out.Fresh))
	out.X = math.Sqrt(au / at)
	out.Epsilon = direction - math.Sqrt(au/at*(1-at))
	return out
}
