package diffusion

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"
)

// TestQuadrature: terms rise, weights add up to all terms, and sums of what falls as 1/(1 + i) come out, the closer the more terms.
func TestQuadrature(t *testing.T) {
	s := Paper()
	rapid.Check(t, func(t *rapid.T) {
		q := s.Quadrature(rapid.IntRange(2, s.Steps()/2).Draw(t, "terms"))
		if !slices.IsSorted(q.Terms) || len(slices.Compact(slices.Clone(q.Terms))) != len(q.Terms) || q.Terms[0] != 0 {
			t.Fatalf("terms %v", q.Terms)
		}
		if math.Abs(floats.Sum(q.Weights)-float64(s.Steps())) > 1e-9 || floats.Min(q.Weights) < 0.5 {
			t.Fatalf("weights %v", q.Weights)
		}
	})
	exact, before := 0.0, math.Inf(1)
	for i := range s.Steps() {
		exact += 1 / float64(1+i)
	}
	for _, n := range []int{10, 20, 40} {
		q := s.Quadrature(n)
		sum := 0.0
		for k, i := range q.Terms {
			sum += q.Weights[k] / float64(1+i)
		}
		if d := math.Abs(sum/exact - 1); d > before || d > 0.15 {
			t.Errorf("%d terms: the sum of 1/(1+i) is off by %.3f", n, d)
		} else {
			before = d
		}
	}
}

// TestMirrorImages: the same numbers with the other sign, and a mirror image's mirror image is the noise itself.
func TestMirrorImages(t *testing.T) {
	plain, mirror := TermNoise(3, 5, 100), TermNoise(Mirror(3), 5, 100)
	for i := range plain {
		if mirror[i] != -plain[i] {
			t.Fatalf("pixel %d: %g and %g", i, plain[i], mirror[i])
		}
	}
	if Mirror(Mirror(3)) != 3 || slices.Equal(plain, TermNoise(3, 6, 100)) {
		t.Error("mirror images mix up seeds or terms")
	}
}
