package hmc

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// autoregressive returns chains x' = rho·x + √(1 − rho²)·normal of unit variance, whose
// integrated autocorrelation time is (1 + rho)/(1 − rho).
func autoregressive(seed uint64, rho float64, chains, draws int) [][]float64 {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([][]float64, chains)
	for c := range out {
		x := rng.NormFloat64()
		for range draws {
			x = rho*x + math.Sqrt(1-rho*rho)*rng.NormFloat64()
			out[c] = append(out[c], x)
		}
	}
	return out
}

func TestEffectiveDraws(t *testing.T) {
	const chains, draws, trials = 4, 2000, 5
	for _, rho := range []float64{-0.5, 0, 0.5, 0.9} {
		want := chains * draws * (1 - rho) / (1 + rho)
		sum, bulk := 0.0, 0.0
		for trial := range trials {
			x := autoregressive(uint64(trial), rho, chains, draws)
			sum += ESS(x) / trials
			bulk += BulkESS(x) / trials
			if r := RHat(x); r > 1.02 {
				t.Errorf("rho %g: R-hat %g", rho, r)
			}
		}
		// One estimate of a time τ from N draws errs by √(2(2M+1)/N) for a window M of some 3τ: 12 % at
		// rho 0.9; five are averaged.
		if math.Abs(sum/want-1) > 0.12 || math.Abs(bulk/want-1) > 0.12 {
			t.Errorf("rho %g: %.0f effective draws, %.0f in the bulk, want %.0f", rho, sum, bulk, want)
		}
	}
}

// TestTailOfIndependentDraws: quantiles of independent draws have as many effective draws as
// there are.
func TestTailOfIndependentDraws(t *testing.T) {
	if got := TailESS(autoregressive(3, 0, 4, 2000)); got < 6400 || got > 9600 {
		t.Errorf("%.0f effective draws in the tails of 8000", got)
	}
}

// TestRHatOfDifferentMeans: chains at ±δ of unit variance have R-hat² = 1 + δ²·n/(n−1)·…: for two
// chains the variance of their means is 2δ². Ranks of a mixture of two normals with δ = 1 change
// that little.
func TestRHatOfDifferentMeans(t *testing.T) {
	x := autoregressive(1, 0, 2, 2000)
	for i := range x[0] {
		x[0][i], x[1][i] = x[0][i]-1, x[1][i]+1
	}
	// Four halves at −1, −1, 1, 1: the variance of the means is 4/3.
	if got, want := RHat(x), math.Sqrt(1+4./3); math.Abs(got/want-1) > 0.05 {
		t.Errorf("R-hat %g, want %g", got, want)
	}
	if got := BulkESS(x); got > 20 { // two places are hardly more than two draws
		t.Errorf("%g effective draws of chains at two places", got)
	}
}

// TestRHatOfDifferentScales: equal means hide it from the unfolded statistic.
func TestRHatOfDifferentScales(t *testing.T) {
	x := autoregressive(1, 0, 4, 1000)
	for i := range x[0] {
		x[0][i] *= 5
	}
	if plain := plainRHat(normalScores(split(x))); plain > 1.02 {
		t.Errorf("unfolded R-hat %g", plain)
	}
	if got := RHat(x); got < 1.1 {
		t.Errorf("R-hat %g of chains of different widths", got)
	}
}

// TestDrift: one chain that moves away disagrees with itself.
func TestDrift(t *testing.T) {
	x := autoregressive(1, 0, 1, 1000)
	for i := range x[0] {
		x[0][i] += float64(i) / 250
	}
	if got := RHat(x); got < 1.3 {
		t.Errorf("R-hat %g of a drift of four sigma", got)
	}
}

// TestRanksOnly: a monotone change of the parameter changes neither R-hat's rank part nor the
// bulk, and heavy tails do no harm.
func TestRanksOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := autoregressive(rapid.Uint64().Draw(t, "seed"), 0.3, 3, 101)
		bulk, tail := BulkESS(x), TailESS(x)
		for _, chain := range x {
			for i, v := range chain {
				chain[i] = math.Sinh(3 * v)
			}
		}
		if b, q := BulkESS(x), TailESS(x); math.Abs(b/bulk-1) > 1e-9 || math.Abs(q/tail-1) > 1e-9 {
			t.Fatalf("bulk %g, tail %g; before %g, %g", b, q, bulk, tail)
		}
	})
}

// TestNormalScoresOfTies: equal draws share their rank, and scores are symmetric.
func TestNormalScoresOfTies(t *testing.T) {
	got := normalScores([][]float64{{2, 1}, {2, 3}})
	if got[0][0] != got[1][0] || math.Abs(got[0][0]) > 1e-12 ||
		math.Abs(got[0][1]+got[1][1]) > 1e-12 || !(got[1][1] > 0) {
		t.Errorf("scores %v", got)
	}
}

func TestDiagnosticsOfNothing(t *testing.T) {
	same := [][]float64{{1, 1, 1, 1}, {1, 1, 1, 1}}
	if !math.IsNaN(RHat(same)) || !math.IsNaN(BulkESS(same)) {
		t.Errorf("chains that never moved: R-hat %g, effective %g", RHat(same), BulkESS(same))
	}
	for name, f := range map[string]func(){
		"none": func() { RHat(nil) }, "three draws": func() { RHat([][]float64{{1, 2, 3}}) },
		"unequal":  func() { RHat([][]float64{{1, 2, 3, 4}, {1, 2, 3, 4, 5}}) },
		"no draws": func() { Diagnose(nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
