package diffusion

import (
	"context"
	"math"
)

// DPMSolver is DPM-Solver++ (2M) of Lu et al. (2022): the probability-flow equation of DDIM (Eta =
// 0) or the stochastic equation of ancestral sampling (Eta = 1), solved to second order in the
// clean map that the network implies, with one network evaluation per step.
//
// For a perfect network both equations give the same distribution of maps. The deterministic one
// carries the errors of an imperfect network along; fresh noise replaces them.
type DPMSolver struct {
	Steps    int     // network evaluations per map, 1…T
	Eta      float64 // 0: deterministic; 1: with the fresh noise of ancestral sampling
	ChurnMin Step    // fresh noise is added at times above this only; 0: at all times
	Spacing  Spacing // of the times; "": DPMSpacing

	// Trapezoid takes the last step, to a map without noise, by the trapezoidal rule. With x = x_t/√ᾱ
	// and its noise σ the slope dx/dσ of the deterministic equation is (x − x̂_0)/σ, which vanishes
	// with σ, so the map is halfway from x to the clean map x̂_0. Otherwise it is x̂_0, the mean of
	// all maps that x may come from, which lacks power at scales with noise at the last time.
	Trapezoid bool
}

// DPMSpacing is the default spacing of DPMSolver: uniform in the time in which its equation is
// nearly linear.
const DPMSpacing = UniformLogSNR

var _ Sampler = DPMSolver{}

// Validate returns an error unless 1 <= Steps <= T, 0 <= Eta <= 1, 0 <= ChurnMin <= T and the
// spacing is known.
func (m DPMSolver) Validate(s Schedule) error {
	return CheckSettings("diffusion.DPMSolver", s, m.Steps, m.Eta, m.ChurnMin, m.Spacing)
}

// Sample implements Sampler.
func (m DPMSolver) Sample(ctx context.Context, d Denoiser, s Schedule,
	r Request,
) ([]float32, error) {
	return sample(ctx, m, d, s, r)
}

// Moves returns Steps steps.
func (m DPMSolver) Moves(s Schedule) []Move {
	return m.along(s, m.Spacing.or(DPMSpacing).times(s, m.Steps))
}

// along returns the steps from the first of the times to the last. With λ = ½ ln SNR, h the step in
// λ and r the length of the step before over h, the coefficients are those of Lu et al., algorithm
// 2; fresh noise makes the old noise decay by exp(−ηh) besides.
func (m DPMSolver) along(s Schedule, times []Step) []Move {
	moves := make([]Move, len(times)-1)
	for i := range moves {
		t, u := times[i], times[i+1]
		move := s.move(t, u)
		h := s.halfLogSNR(u) - s.halfLogSNR(t) // +Inf when u is 0
		etaH := 0.0
		if eta := etaAt(t, m.Eta, m.ChurnMin); eta > 0 {
			etaH = eta * h
		}
		kept := math.Sqrt((1-s.AlphaBar(u))/(1-s.AlphaBar(t))) * math.Exp(-etaH)
		added := -math.Sqrt(s.AlphaBar(u)) * math.Expm1(-h-etaH)
		move.Fresh = math.Sqrt((1 - s.AlphaBar(u)) * -math.Expm1(-2*etaH))
		halfInverseR := 0.0 // 1/(2r); the first and the last step are of first order
		if i > 0 && u > 0 {
			halfInverseR = h / (2 * (s.halfLogSNR(t) - s.halfLogSNR(times[i-1])))
		}
		// x_u = kept·x_t + added·(x̂_0 + (x̂_0 − x̂_0 of the step before)/(2r))
		move.X = kept + added*(1+halfInverseR)*move.CleanX
		move.Epsilon = added * (1 + halfInverseR) * move.CleanEpsilon
		move.Before = -added * halfInverseR
		if u == 0 && m.Trapezoid {
			move.X, move.Epsilon, move.Fresh = move.CleanX, move.CleanEpsilon/2, 0
		}
		moves[i] = move
	}
	return moves
}
