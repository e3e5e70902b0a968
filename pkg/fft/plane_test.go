package fft

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

// TestPlane: a plane has the modes of the sum written out, and comes back.
func TestPlane(t *testing.T) {
	for _, n := range []int{8, 32} {
		p, rng := NewPlan(n), rand.New(rand.NewPCG(1, uint64(n)))
		src := make([]float32, n*n)
		for i := range src {
			src[i] = float32(rng.NormFloat64())
		}
		modes := make([]complex64, n*p.Modes())
		p.ForwardPlane(modes, src)
		for _, k := range [][2]int{{0, 0}, {1, 0}, {0, 1}, {3, 2}, {n - 2, 3}, {n / 2, n / 2}} {
			var want complex128
			for i, v := range src {
				phase := -2 * math.Pi * float64(k[0]*(i/n)+k[1]*(i%n)) / float64(n)
				want += complex(float64(v), 0) * cmplx.Exp(complex(0, phase))
			}
			// n² terms of order 1 in float32, added in few rounds.
			if got := complex128(modes[k[0]*p.Modes()+k[1]]); cmplx.Abs(got-want) > 1e-6*float64(n)*10 {
				t.Errorf("side %d, mode %v: %g, want %g", n, k, got, want)
			}
		}
		back := make([]float32, n*n)
		p.InversePlane(back, modes)
		for i, v := range back {
			if d := math.Abs(float64(v)/float64(n*n) - float64(src[i])); d > 1e-5 {
				t.Fatalf("side %d: pixel %d comes back %g off", n, i, d)
			}
		}
	}
}

func TestPlaneOfAnotherSide(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a plane of another side was taken")
		}
	}()
	NewPlan(8).ForwardPlane(make([]complex64, 8*5), make([]float32, 16))
}
