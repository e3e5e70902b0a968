package diffusion

import (
	"fmt"
	"math"
)

// Quadrature is a choice of terms whose weighted sum stands for the whole bound: Σ Weights[k] L_{Terms[k]} ≈ Σ L_i over all i < T.
// A term alone says little of the parameters; the sum of all is −ln p(x_0 | θ), or no less than it.
type Quadrature struct {
	Terms    []Term    `json:"terms"`
	Weights  []float64 `json:"weights"`            // how many terms each one stands for
	Mirrored []bool    `json:"mirrored,omitempty"` // which are evaluated with a noise and its mirror image; nil: none
}

// Pair reports whether term k is evaluated with a noise and its mirror image.
func (q Quadrature) Pair(k int) bool { return q.Mirrored != nil && q.Mirrored[k] }

// Evaluations returns how many evaluations of the network one parameter and one seed take.
func (q Quadrature) Evaluations() int {
	n := len(q.Terms)
	for k := range q.Terms {
		if q.Pair(k) {
			n++
		}
	}
	return n
}

// pays reports whether the mirror image of a term's noise is worth its evaluation. Of the variance that one noise makes in the slope of ten terms by Ω_m,
// terms 1 and 250 made two thirds (14 maps of 32², 2026-11-26), and mirror images took away 95 % at 250 and more than half at 0 and 1.
func pays(i Term) bool { return i <= 1 || i >= 150 && i < 400 }

// Quadrature returns n >= 2 terms from 0 on, evenly spaced in ln(1 + i): what terms say of the parameters falls about as 1/(1 + i), so that
// each stands for about as much. Those of pure noise at the end, which say nothing, are left to the last one. A term stands for all that are nearer to it than
// to its neighbours. It panics unless 2 <= n <= T.
func (s Schedule) Quadrature(n int) Quadrature {
	last := s.Steps() / 2
	if n < 2 || n > last {
		panic(fmt.Sprintf("diffusion: a quadrature of %d terms, want 2 to %d", n, last))
	}
	var q Quadrature
	for k := range n {
		i := int(math.Round(math.Expm1(math.Log1p(float64(last)) * float64(k) / float64(n-1))))
		if k > 0 {
			i = max(i, int(q.Terms[k-1])+1)
		}
		q.Terms, q.Mirrored = append(q.Terms, Term(i)), append(q.Mirrored, pays(Term(i)))
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
