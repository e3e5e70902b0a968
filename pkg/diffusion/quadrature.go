package diffusion

import (
	"fmt"
	"math"
)

// Quadrature is a choice of terms whose weighted sum estimates the whole VLB: Σ Weights[k]
// L_{Terms[k]} ≈ Σ L_i over all i < T. Only the exact sum is an upper bound of −ln p(x_0 | θ); the
// estimate may lie below it.
type Quadrature struct {
	Terms   []Term    `json:"terms"`
	Weights []float64 `json:"weights"` // number of terms that each one represents

	Antithetic     bool `json:"mirrored,omitempty"` // noise in antithetic pairs; see Antithetic
	FixedAmplitude bool `json:"level,omitempty"`    // see FixedAmplitude
	Augmented      bool `json:"turned,omitempty"`   // see Augmented
}

// Draws returns the seeds of the noise that terms are averaged over: 1, 2, …, with the options of
// the quadrature, each followed by its antithetic partner if there are pairs.
func (q Quadrature) Draws(seeds int) []uint64 {
	var out []uint64
	for seed := range uint64(seeds) {
		draw := seed + 1
		if q.FixedAmplitude {
			draw = FixedAmplitude(draw)
		}
		if q.Augmented {
			draw = Augmented(draw)
		}
		out = append(out, draw)
		if q.Antithetic {
			out = append(out, Antithetic(draw))
		}
	}
	return out
}

// Quadrature returns n >= 2 terms from L_first to L_{T/2}, uniform in ln(1 + i). The information of
// a term about θ falls about as 1/(1 + i), so that each chosen term represents about as much of it.
// A term represents those that are nearer to it than to its neighbours; the last one represents all
// later ones too, which are nearly pure noise, and no term those before first. All options that
// reduce the scatter of the estimate are set. It panics unless first >= 0 and 2 <= n <= T/2 −
// first.
func (s Schedule) Quadrature(first Term, n int) Quadrature {
	last := s.Steps() / 2
	if first < 0 || n < 2 || n > last-int(first) {
		panic(fmt.Sprintf("diffusion: a quadrature of %d terms from %d on, want 2 to %d", n, first,
			last-int(first)))
	}
	q := Quadrature{Antithetic: true, FixedAmplitude: true, Augmented: true}
	from, to := math.Log1p(float64(first)), math.Log1p(float64(last))
	for k := range n {
		i := int(math.Round(math.Expm1(from + (to-from)*float64(k)/float64(n-1))))
		if k > 0 {
			i = max(i, int(q.Terms[k-1])+1)
		}
		q.Terms = append(q.Terms, Term(i))
	}
	low := float64(first) - 0.5 // the lower edge of the range of terms that a term represents
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

// FirstTerm returns the first term L_i, up to L_{T/4}, whose own noise is at least that of a map:
// of standard deviation sigma in the scaled pixels, where that of x_{i+1} is √(1/ᾱ − 1). Terms
// before it look at structure that such noise hides.
func (s Schedule) FirstTerm(sigma float64) Term {
	i := Term(0)
	for 1/s.AlphaBar(i.Step())-1 < sigma*sigma && int(i) < s.Steps()/4 {
		i++
	}
	return i
}
