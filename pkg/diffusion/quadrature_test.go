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
		first := rapid.IntRange(0, s.Steps()/4).Draw(t, "first")
		q := s.Quadrature(Term(first), rapid.IntRange(2, s.Steps()/2-first).Draw(t, "terms"))
		if !slices.IsSorted(q.Terms) || len(slices.Compact(slices.Clone(q.Terms))) != len(q.Terms) ||
			int(q.Terms[0]) != first {
			t.Fatalf("terms %v", q.Terms)
		}
		if math.Abs(floats.Sum(q.Weights)-float64(s.Steps()-first)) > 1e-9 ||
			floats.Min(q.Weights) < 0.5 {
			t.Fatalf("weights %v", q.Weights)
		}
	})
	exact, before := 0.0, math.Inf(1)
	for i := range s.Steps() {
		exact += 1 / float64(1+i)
	}
	for _, n := range []int{10, 20, 40} {
		q := s.Quadrature(0, n)
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

// TestFirstTerm: the paper's β rise from 1e-4 by 1e-5 a step or less, so that noise of 0.02, 1 % of
// a range of 2, is reached where their sum is 4e-4.
func TestFirstTerm(t *testing.T) {
	s := Paper()
	if got := s.FirstTerm(0); got != 0 {
		t.Errorf("without noise: term %d", got)
	}
	for _, sigma := range []float64{0.005, 0.02, 0.1} {
		i := s.FirstTerm(sigma)
		sum, n := 0.0, 0 // of β up to σ², for σ far below 1
		for ; sum < sigma*sigma; n++ {
			sum += s.Beta(Step(n + 1))
		}
		if math.Abs(float64(int(i)-(n-1))) > 1 {
			t.Errorf("noise of %g: term %d, want about %d", sigma, i, n-1)
		}
	}
	if got := s.FirstTerm(1e9); int(got) != s.Steps()/4 {
		t.Errorf("noise above all: term %d", got)
	}
}

// TestEveryDrawHasTheOptions: both of a pair are augmented and of fixed amplitude, and they are
// each other's antithetic partners.
func TestEveryDrawHasTheOptions(t *testing.T) {
	draws := Paper().Quadrature(0, 9).Draws(3)
	if len(draws) != 6 {
		t.Fatalf("%d draws of 3 seeds, want pairs", len(draws))
	}
	for i, draw := range draws {
		if AugmentationSource(draw, 5) == nil {
			t.Errorf("draw %d is not augmented", i)
		}
		if draw != FixedAmplitude(draw) {
			t.Errorf("draw %d has no fixed amplitudes", i)
		}
		if i%2 == 1 && draw != Antithetic(draws[i-1]) {
			t.Errorf("draws %d and %d are no antithetic pair", i-1, i)
		}
	}
	for _, draw := range (Quadrature{}).Draws(3) {
		if AugmentationSource(draw, 5) != nil || draw > 3 {
			t.Errorf("draw %d has options that were not set", draw)
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
