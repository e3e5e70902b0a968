package diffusion

import (
	"fmt"
	"math"
)

// Spacing says how the times that a sampler visits are spaced between T and 0.
type Spacing string

const (
	// UniformTime is uniform in t: most steps where there is much noise.
	UniformTime Spacing = "time"
	// UniformLogSNR is uniform in ln SNR from T to 1, followed by 0.
	UniformLogSNR Spacing = "log-snr"
)

// Validate returns an error unless the spacing is known; "" stands for a sampler's default.
func (g Spacing) Validate() error {
	if g != "" && g != UniformTime && g != UniformLogSNR {
		return fmt.Errorf("diffusion.Spacing = %q, want %s or %s", string(g), UniformTime, UniformLogSNR)
	}
	return nil
}

// or returns g, or standard where g is empty.
func (g Spacing) or(standard Spacing) Spacing {
	if g == "" {
		return standard
	}
	return g
}

// times returns the times that steps network evaluations visit: steps + 1 of them, falling
// strictly from T to 0.
func (g Spacing) times(s Schedule, steps int) []Step {
	out := make([]Step, steps+1)
	for i := range steps {
		share := float64(i) / float64(steps)
		if g == UniformTime {
			out[i] = Step(math.Round(float64(s.Steps()) * (1 - share)))
			continue
		}
		if steps > 1 {
			share = float64(i) / float64(steps-1)
		}
		first, last := s.halfLogSNR(Step(s.Steps())), s.halfLogSNR(1)
		t := s.withHalfLogSNR(first + (last-first)*share)
		if i > 0 {
			t = min(t, out[i-1]-1)
		}
		out[i] = max(t, Step(steps-i)) // leave a time for each remaining step
	}
	return out
}

// halfLogSNR returns λ_t = ½ ln SNR(t), the time in which the probability-flow equation is nearly
// linear; λ_0 = +Inf.
func (s Schedule) halfLogSNR(t Step) float64 { return 0.5 * math.Log(s.SNR(t)) }

// withHalfLogSNR returns the step in 1…T whose λ is nearest.
func (s Schedule) withHalfLogSNR(lambda float64) Step {
	low, high := Step(1), Step(s.Steps()) // λ falls with t
	for high-low > 1 {
		middle := (low + high) / 2
		if s.halfLogSNR(middle) > lambda {
			low = middle
		} else {
			high = middle
		}
	}
	if s.halfLogSNR(low)-lambda < lambda-s.halfLogSNR(high) {
		return low
	}
	return high
}
