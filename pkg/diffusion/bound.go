package diffusion

import (
	"context"
	"fmt"
	"math"
)

// LastTerm returns L_T = KL[q(x_T | x_0) ‖ N(0, I)] in nats, summed over the pixels of the scaled
// map x0. It does not depend on the network.
func (s Schedule) LastTerm(x0 []float32) float64 {
	ab := s.AlphaBar(Step(s.Steps()))
	sum := 0.0
	for _, x := range x0 {
		sum += 0.5 * (ab*float64(x)*float64(x) - ab - math.Log1p(-ab))
	}
	return sum
}

// Draw is a term L_i of the VLB with the noise that it is evaluated with.
type Draw struct {
	Term    Term
	Epsilon []float32 // standard normal noise, one number per pixel
	X0      []float32 // the augmented (rotated, flipped, shifted) map; nil: the map itself
}

// Noised returns x_t of the draw: the map x0, or the draw's own X0, with the draw's noise.
func (d Draw) Noised(s Schedule, x0 []float32) []float32 {
	if d.X0 != nil {
		x0 = d.X0
	}
	if len(d.Epsilon) != len(x0) {
		panic(fmt.Sprintf("diffusion: a draw of %d pixels with noise of %d", len(x0), len(d.Epsilon)))
	}
	out := make([]float32, len(x0))
	for i, x := range x0 {
		out[i] = float32(s.Noised(d.Term.Step(), float64(x), float64(d.Epsilon[i])))
	}
	return out
}

// BoundTerms returns terms L_i of one map for many θ that share their noise: [θ][draw], in nats,
// summed over pixels in float64.
//
//   - Shapes: x0, and each Epsilon and X0 of a draw, hold the pixels of one scaled map; theta
//     holds rows of conditionDim numbers.
//   - L_0 = −log N(x_0; μ, β_1) with μ the mean of the reverse step from x_1; L_i, i >= 1, is
//     KL[q(x_i | x_{i+1}, x_0) ‖ p(x_i | x_{i+1})], both with the posterior variance.
//   - Cost: one evaluation of the network for each pair of θ and draw, rows pairs per call.
//   - Errors: those of the denoiser, a term outside 0…T−1, and values that are not finite.
//   - Source: Mudur et al. (2023), section 4; Ho et al. (2020), equation 5.
func (s Schedule) BoundTerms(ctx context.Context, d Denoiser, draws []Draw, x0, theta []float32,
	conditionDim, rows int,
) ([][]float64, error) {
	if conditionDim < 1 || len(theta)%conditionDim != 0 || rows < 1 {
		panic(fmt.Sprintf("diffusion: BoundTerms of %d numbers in rows of %d, %d at a time", len(theta),
			conditionDim, rows))
	}
	pixels, size := len(x0), len(theta)/conditionDim
	noised := make([][]float32, len(draws))
	for k, draw := range draws {
		if int(draw.Term) < 0 || int(draw.Term) >= s.Steps() {
			return nil, fmt.Errorf("diffusion: term %d, want 0…%d", draw.Term, s.Steps()-1)
		}
		if noised[k] = draw.Noised(s, x0); len(noised[k]) != pixels {
			panic(fmt.Sprintf("diffusion: BoundTerms of %d pixels with an augmented map of %d", pixels,
				len(noised[k])))
		}
	}
	out := make([][]float64, size)
	for i := range out {
		out[i] = make([]float64, len(draws))
	}
	pairs := size * len(draws)
	for first := 0; first < pairs; first += rows {
		n := min(rows, pairs-first)
		b := Batch{
			Size: n, Pixels: pixels, Xt: make([]float32, 0, n*pixels), Timestep: make([]float32, n),
			Theta: make([]float32, 0, n*conditionDim),
		}
		for p := range n {
			k, i := (first+p)/size, (first+p)%size
			b.Xt = append(b.Xt, noised[k]...)
			b.Timestep[p] = draws[k].Term.Step().Timestep()
			b.Theta = append(b.Theta, theta[i*conditionDim:(i+1)*conditionDim]...)
		}
		predicted, err := d.run(ctx, b)
		if err != nil {
			return nil, fmt.Errorf("predict the noise of terms of the bound: %w", err)
		}
		for p := range n {
			k, i := (first+p)/size, (first+p)%size
			v := s.term(draws[k].Term, draws[k].Epsilon, predicted[p*pixels:(p+1)*pixels])
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("diffusion: term %d is %g for θ = %v: the network's prediction is not "+
					"finite", draws[k].Term, v, theta[i*conditionDim:(i+1)*conditionDim])
			}
			out[i][k] = v
		}
	}
	return out, nil
}

// term returns L_i summed over pixels. It is written in the error of the predicted noise, which
// keeps digits that a difference of means would lose.
func (s Schedule) term(term Term, epsilon, predicted []float32) float64 {
	sum := 0.0
	for i, e := range epsilon {
		d := float64(e) - float64(predicted[i])
		sum += d * d
	}
	weight, constant := s.boundWeight(term)
	return weight*sum + constant*float64(len(epsilon))
}

// boundWeight returns the factor of a pixel's squared error of the noise in L_i, and the constant
// added per pixel. The means of the reverse step differ by β_t/√(α_t(1 − ᾱ_t)) (ε − ε_predicted);
// at t = 1, where the mean with the true noise is x_0 itself, that is √(β/α).
func (s Schedule) boundWeight(term Term) (weight, constant float64) {
	t := term.Step()
	if term == 0 {
		return 1 / (2 * s.Alpha(1)), 0.5 * math.Log(2*math.Pi*s.Beta(1))
	}
	return s.Beta(t) * s.Beta(t) / (s.Alpha(t) * (1 - s.AlphaBar(t)) * 2 * s.PosteriorVariance(t)), 0
}
