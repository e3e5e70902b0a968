package diffusion

import (
	"context"
	"fmt"
	"math"
)

// LastTerm returns L_T = KL[q(x_T | x_0) ‖ N(0, I)] in nats, summed over the pixels of the scaled map x0. It does not depend
// on the network.
func (s Schedule) LastTerm(x0 []float32) float64 {
	ab := s.AlphaBar(Step(s.Steps()))
	sum := 0.0
	for _, x := range x0 {
		sum += 0.5 * (ab*float64(x)*float64(x) - ab - math.Log1p(-ab))
	}
	return sum
}

// BoundTerm returns L_i of one map for many θ that share its noise, in nats, summed over pixels in float64.
//
//   - Shapes: x0 and epsilon hold the pixels of one scaled map; theta holds rows of thetas numbers; one result a row.
//   - L_0 = −log N(x_0; μ, β_1) with μ the mean of the reverse step from x_1; L_i, i >= 1, is
//     KL[q(x_i | x_{i+1}, x_0) ‖ p(x_i | x_{i+1})], both with the posterior variance.
//   - Errors: those of the denoiser, and values that are not finite.
//   - Source: Mudur et al. (2023), section 4; Ho et al. (2020), equation 5.
func (s Schedule) BoundTerm(ctx context.Context, d Denoiser, term Term, x0, epsilon, theta []float32, thetas int) ([]float64, error) {
	if int(term) < 0 || int(term) >= s.Steps() {
		return nil, fmt.Errorf("diffusion: term %d, want 0…%d", term, s.Steps()-1)
	}
	if len(x0) != len(epsilon) || thetas < 1 || len(theta)%thetas != 0 {
		panic(fmt.Sprintf("diffusion: BoundTerm of %d pixels with noise of %d and %d numbers in rows of %d", len(x0), len(epsilon), len(theta), thetas))
	}
	pixels, size, t := len(x0), len(theta)/thetas, term.Step()
	xt := make([]float32, size*pixels)
	for i, x := range x0 {
		xt[i] = float32(s.Noised(t, float64(x), float64(epsilon[i])))
	}
	for i := 1; i < size; i++ {
		copy(xt[i*pixels:], xt[:pixels])
	}
	predicted, err := d.predict(ctx, t, pixels, xt, theta)
	if err != nil {
		return nil, err
	}
	out := make([]float64, size)
	for i := range out {
		out[i] = s.term(term, x0, epsilon, predicted[i*pixels:(i+1)*pixels])
		if math.IsNaN(out[i]) || math.IsInf(out[i], 0) {
			return nil, fmt.Errorf("diffusion: term %d is %g for θ = %v: the network's prediction is not finite", term, out[i], theta[i*thetas:(i+1)*thetas])
		}
	}
	return out, nil
}

// term sums one term over pixels. Written in the error of the predicted noise, which keeps digits that differences of means
// lose: the means differ by β_t/√(α_t(1 − ᾱ_t)) (ε − ε_predicted).
func (s Schedule) term(term Term, x0, epsilon, predicted []float32) float64 {
	t := term.Step()
	if term == 0 {
		return s.reconstruction(x0, epsilon, predicted)
	}
	sum := 0.0
	for i, e := range epsilon {
		d := float64(e) - float64(predicted[i])
		sum += d * d
	}
	scale := s.Beta(t) / math.Sqrt(s.Alpha(t)*(1-s.AlphaBar(t)))
	return sum * scale * scale / (2 * s.PosteriorVariance(t))
}

// reconstruction is L_0. At t = 1 the reverse mean with the true noise is x_0 itself, so x_0 − μ is the scaled error of the
// predicted noise here too.
func (s Schedule) reconstruction(x0, epsilon, predicted []float32) float64 {
	beta := s.Beta(1)
	sum := 0.0
	for i := range x0 {
		d := math.Sqrt(beta/s.Alpha(1)) * (float64(predicted[i]) - float64(epsilon[i]))
		sum += d * d
	}
	return sum/(2*beta) + 0.5*float64(len(x0))*math.Log(2*math.Pi*beta)
}
