package diffusion

import (
	"fmt"
	"math"
)

// Quadrature is a choice of terms whose weighted sum stands for the whole bound: Σ Weights[k]
// L_{Terms[k]} ≈ Σ L_i over all i < T. A term alone says little of the parameters; the sum of all
// is −ln p(x_0 | θ), or no less than it.
type Quadrature struct {
	Terms          []Term    `json:"terms"`
	Weights        []float64 `json:"weights"`            // how many terms each one stands for
	Antithetic     bool      `json:"mirrored,omitempty"` // each noise is followed by its mirror image
	FixedAmplitude bool      `json:"level,omitempty"`    // and has the same power in every mode; see Level
	Augmented      bool      `json:"turned,omitempty"`   // and meets the map in a pose of its own; see Turn
}

// Draws are the seeds of noise that terms are averaged over: 1, 2, …, levelled, turned and each
// with its mirror image where the quadrature says so.
func (q Quadrature) Draws(seeds int) []uint64 {
	var out []uint64
	for seed := range uint64(seeds) {
		draw := seed + 1
		if q.FixedAmplitude {
			draw = FixedAmplitude(draw)
		}
		out = append(out, draw)
		if q.Augmented {
			draw = Augmented(draw)
		}
		if q.Antithetic {
			out = append(out, Antithetic(draw))
		}
	}
	return out
}

// Quadrature returns n >= 2 terms from 0 on, evenly spaced in ln(1 + i): what terms say of the
// parameters falls about as 1/(1 + i), so that each stands for about as much. Those of pure noise
// at the end, which say nothing, are left to the last one. A term stands for all that are nearer
// to it than to its neighbours. Noise is levelled and mirrored: that leaves the posterior mean a
// scatter of 0.0087 in Ω_m and 0.0088 in σ_8; mirrored alone 0.0118 and 0.0270, as it comes 0.022
// and 0.032 (8 maps of 32², 4 seeds, 2026-11-28). Draws are turned, for poses of a map scatter it
// by 0.007 and 0.012 besides (8 maps, 8 poses, 2026-11-29). It panics unless 2 <= n <= T/2.
func (s Schedule) Quadrature(n int) Quadrature {
	last := s.Steps() / 2
	if n < 2 || n > last {
		panic(fmt.Sprintf("diffusion: a quadrature of %d terms, want 2 to %d", n, last))
	}
	q := Quadrature{Antithetic: true, FixedAmplitude: true, Augmented: true}
	for k := range n {
		i := int(math.Round(math.Expm1(math.Log1p(float64(last)) * float64(k) / float64(n-1))))
		if k > 0 {
			i = max(i, int(q.Terms[k-1])+1)
		}
		q.Terms = append(q.Terms, Term(i))
	}
	low := -0.5 // of the terms that a term stands for
	for k, i := range q.Terms {
		high := float64(s.Steps()) - 0.5
		if k < n-1 {
			high = (float64(i) + float64(q.Terms[k+1])) / 2
		}
		q.Weights = append(q.Weights, high-low)
		low = high
	}
	return q
}
