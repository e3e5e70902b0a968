package diffusion

import (
	"context"
	"math"
)

// GaussianDenoiser returns the exact denoiser E[ε | x_t] for pixels that are independent N(mean,
// deviation²). Samplers and bounds can be tested against it without a network. It ignores θ.
func GaussianDenoiser(s Schedule, mean, deviation float64) Denoiser {
	return func(_ context.Context, b Batch) ([]float32, error) {
		out := make([]float32, len(b.Xt))
		for i, x := range b.Xt {
			ab := s.AlphaBar(Step(b.Timestep[i/b.Pixels]) + 1)
			out[i] = float32(math.Sqrt(1-ab) * (float64(x) - math.Sqrt(ab)*mean) /
				(ab*deviation*deviation + 1 - ab))
		}
		return out, nil
	}
}
