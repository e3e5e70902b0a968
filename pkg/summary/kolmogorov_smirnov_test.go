package summary

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/combin"
	"pgregory.net/rapid"
)

// TestKolmogorovSmirnovBothWays: the larger of both one-sided distances is gonum's two-sided one,
// with equal values too.
func TestKolmogorovSmirnovBothWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(
			rapid.Map(rapid.IntRange(0, 9), func(i int) float64 { return float64(i) }), 1, 30)
		a, b := values.Draw(t, "a"), values.Draw(t, "b")
		got := max(OneSidedKolmogorovSmirnov(a, b).D, OneSidedKolmogorovSmirnov(b, a).D)
		slices.Sort(a)
		slices.Sort(b)
		if want := stat.KolmogorovSmirnov(a, nil, b, nil); !scalar.EqualWithinAbs(got, want, 1e-12) {
			t.Fatalf("D = %g, want %g", got, want)
		}
	})
}

// TestKolmogorovSmirnovKnownValues compares with the exact law for two samples of n values: P(D >=
// k/n) = C(2n, n−k)/C(2n, n) (Gnedenko and Korolyuk 1951).
func TestKolmogorovSmirnovKnownValues(t *testing.T) {
	const n = 200
	for _, k := range []int{10, 20, 30} {
		a, b := make([]float64, n), make([]float64, n)
		for i := range n {
			a[i], b[i] = float64(i), float64(i+k)-0.5 // k of a lie below the first of b
		}
		exact := math.Exp(combin.LogGeneralizedBinomial(2*n, float64(n-k)) -
			combin.LogGeneralizedBinomial(2*n, n))
		got := OneSidedKolmogorovSmirnov(a, b)
		if !scalar.EqualWithinAbs(got.D, float64(k)/n, 1e-12) ||
			!scalar.EqualWithinRel(got.P, exact, 0.01) {
			t.Errorf("%+v, want D = %g and p = %g", got, float64(k)/n, exact)
		}
		if other := OneSidedKolmogorovSmirnov(b, a); other.D != 0 || other.P != 1 {
			t.Errorf("the larger sample is found smaller: %+v", other)
		}
	}
}

// TestKolmogorovSmirnovUnderTheNull: of samples of one distribution, 5 % have p < 0.05. 2000 trials
// know that to 0.5 %; the discrete D of 60 values makes it somewhat less.
func TestKolmogorovSmirnovUnderTheNull(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	low := 0
	for range 2000 {
		a, b := make([]float64, 60), make([]float64, 60)
		for i := range a {
			a[i], b[i] = rng.NormFloat64(), rng.NormFloat64()
		}
		if OneSidedKolmogorovSmirnov(a, b).P < 0.05 {
			low++
		}
	}
	if share := float64(low) / 2000; share < 0.03 || share > 0.065 {
		t.Errorf("p < 0.05 in %.3f of the trials", share)
	}
}

func TestKolmogorovSmirnovOfNothing(t *testing.T) {
	for name, a := range map[string][]float64{"no values": nil, "NaN": {1, math.NaN()}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			OneSidedKolmogorovSmirnov(a, []float64{1})
		}()
	}
}
