package diffusion

import (
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"
	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"
)

// TestQuadrature: terms rise, weights add up to all terms, and sums of what falls as 1/(1 + i)
// come out, the closer the more terms.
func TestQuadrature(t *testing.T) {
	s := Paper()
	rapid.Check(t, func(t *rapid.T) {
		q := s.Quadrature(rapid.IntRange(2, s.Steps()/2).Draw(t, "terms"))
		if !slices.IsSorted(q.Terms) || len(slices.Compact(slices.Clone(q.Terms))) != len(q.Terms) ||
			q.Terms[0] != 0 {
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

// TestMirrorImages: the same numbers with the other sign, and a mirror image's mirror image is
// the noise itself.
func TestMirrorImages(t *testing.T) {
	plain, mirror := TermNoise(3, 5, 100), TermNoise(Antithetic(3), 5, 100)
	for i := range plain {
		if mirror[i] != -plain[i] {
			t.Fatalf("pixel %d: %g and %g", i, plain[i], mirror[i])
		}
	}
	if Antithetic(Antithetic(3)) != 3 || slices.Equal(plain, TermNoise(3, 6, 100)) {
		t.Error("mirror images mix up seeds or terms")
	}
}

// TestLevelNoise: every mode of it has the expected power, its phases are those of the noise that
// it comes from, and a mirror image has the other sign.
func TestLevelNoise(t *testing.T) {
	const n = 16
	plain, flat, mirror := TermNoise(3, 5, n*n), TermNoise(FixedAmplitude(3), 5, n*n),
		TermNoise(Antithetic(FixedAmplitude(3)), 5, n*n)
	modes := func(x []float32) []complex128 {
		out := make([]complex128, len(x))
		for i, v := range x {
			out[i] = complex(float64(v), 0)
		}
		bothAxes(out, n, fourier.NewCmplxFFT(n).Coefficients)
		return out
	}
	before := modes(plain)
	for i, m := range modes(flat) {
		if math.Abs(cmplx.Abs(m)-n) > 1e-4 ||
			cmplx.Abs(m/n-before[i]/complex(cmplx.Abs(before[i]), 0)) > 1e-5 {
			t.Fatalf("mode %d is %v, of %v", i, m, before[i])
		}
	}
	for i := range flat {
		if mirror[i] != -flat[i] {
			t.Fatalf("pixel %d: %g and %g", i, flat[i], mirror[i])
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("15 pixels got fixed amplitudes")
		}
	}()
	TermNoise(FixedAmplitude(3), 5, 15)
}

// TestLevelPairsGiveTheExpectation: for the exact denoiser of a Gaussian, whatever the noise and
// the map. Values are float32 sums of 64 pixels.
func TestLevelPairsGiveTheExpectation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Paper()
		x0 := rapid.SliceOfN(rapid.Float32Range(-1, 1), 64, 64).Draw(t, "map")
		term, seed := Term(rapid.IntRange(0, 999).Draw(t, "term")),
			rapid.Uint64Range(1, 1000).Draw(t, "seed")
		sigma := rapid.Float64Range(0.2, 1).Draw(t, "σ")
		got := 0.0
		for _, draw := range []uint64{FixedAmplitude(seed), Antithetic(FixedAmplitude(seed))} {
			v, err := oneTerm(s, trial(s), term, x0, TermNoise(draw, term, len(x0)),
				[]float32{float32(sigma)}, 1)
			if err != nil {
				t.Fatal(err)
			}
			got += v[0] / 2
		}
		weight, constant := s.boundWeight(term)
		ab, want := s.AlphaBar(term.Step()), 0.0
		d := ab*sigma*sigma + 1 - ab
		for _, x := range x0 {
			wrong := ab*(1-ab)*(float64(x)-mu)*(float64(x)-mu) + ab*ab*sigma*sigma*sigma*sigma
			want += weight*wrong/(d*d) + constant
		}
		if math.Abs(got-want) > 1e-4*(1+math.Abs(want)) {
			t.Fatalf("L_%d of a pair: %g, want %g", term, got, want)
		}
	})
}
