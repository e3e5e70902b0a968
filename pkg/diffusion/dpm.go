package diffusion

import (
	"context"
	"math"
)

// DPMSolver is DPM-Solver++ (2M) of Lu et al. (2022): the deterministic equation of DDIM, or the
// stochastic one of ancestral sampling, solved to second order, with one network evaluation a
// step, in the clean map that the network implies.
//
// The two agree for a perfect network. An imperfect one leaves errors, which the deterministic
// equation carries along and fresh noise drowns.
type DPMSolver struct {
	Steps    int     // network evaluations a map, 1…T
	Eta      float64 // 0: deterministic; 1: as noisy as ancestral sampling
	ChurnMin Step    // fresh noise only at times above this; 0: at all
	Spacing  Spacing // of the times; "": DPMSpacing
}

// DPMSpacing is DPMSolver's own spacing: even in the time in which its equation is nearly linear.
const DPMSpacing = UniformLogSNR

var _ Sampler = DPMSolver{}

// Validate returns an error unless 1 <= Steps <= T, 0 <= Eta <= 1, 0 <= ChurnMin <= T and the
// spacing is known.
func (m DPMSolver) Validate(s Schedule) error {
	return CheckSettings("diffusion.DPMSolver", s, m.Steps, m.Eta, m.ChurnMin, m.Spacing)
}

// Evaluations returns Steps.
func (m DPMSolver) Evaluations(Schedule) int { return m.Steps }

// Sample implements Sampler.
func (m DPMSolver) Sample(ctx context.Context, d Denoiser, s Schedule,
	r Request,
) ([]float32, error) {
	if err := m.Validate(s); err != nil {
		return nil, err
	}
	st, err := r.start()
	if err != nil {
		return nil, err
	}
	if err := m.solve(ctx, d, s, st, m.Spacing.or(DPMSpacing).times(s, m.Steps)); err != nil {
		return nil, err
	}
	return st.finished()
}

// solve takes st from the first of the times to the last.
func (m DPMSolver) solve(ctx context.Context, d Denoiser, s Schedule, st *state,
	times []Step,
) error {
	// of this step and of the one before
	clean, before := make([]float32, len(st.x)), make([]float32, len(st.x))
	steps := len(times) - 1
	for i, t := range times[:steps] {
		epsilon, err := d.predict(ctx, t, st.Pixels, st.x, st.Theta)
		if err != nil {
			return err
		}
		clean, before = before, clean
		root, noise := math.Sqrt(s.AlphaBar(t)), math.Sqrt(1-s.AlphaBar(t))
		u := times[i+1]
		step := s.halfLogSNR(u) - s.halfLogSNR(t) // +Inf when u is 0
		etaH := 0.0                               // of the noise, by the rate of fresh noise
		if eta := etaAt(t, m.Eta, m.ChurnMin); eta > 0 {
			etaH = eta * step
		}
		kept := math.Sqrt((1-s.AlphaBar(u))/(1-s.AlphaBar(t))) * math.Exp(-etaH)
		added := -math.Sqrt(s.AlphaBar(u)) * math.Expm1(-step-etaH)
		deviation := math.Sqrt((1 - s.AlphaBar(u)) * -math.Expm1(-2*etaH))
		// of the clean map over the last step, times half of this one; none is known at first, nor
		// needed at the end
		halfInverseR := 0.0
		if i > 0 && u > 0 {
			halfInverseR = step / (2 * (s.halfLogSNR(t) - s.halfLogSNR(times[i-1])))
		}
		for j, x := range st.x {
			c := (float64(x) - noise*float64(epsilon[j])) / root
			clean[j] = float32(c)
			v := kept*float64(x) + added*(c+halfInverseR*(c-float64(before[j])))
			if deviation > 0 {
				v += deviation * st.sources[j/st.Pixels].NormFloat64()
			}
			st.x[j] = float32(v)
		}
		st.progress(i+1, steps)
	}
	return nil
}
