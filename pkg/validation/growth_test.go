package validation

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"
)

// TestClosedGrowth: D = a and f = 1 where all is matter, and f is the slope of D elsewhere.
func TestClosedGrowth(t *testing.T) {
	for _, a := range []float64{0.02, 0.5, 1} {
		if d, f := closedGrowth(1, a); !scalar.EqualWithinRel(d, a, 1e-14) ||
			!scalar.EqualWithinRel(f, 1, 1e-14) {
			t.Errorf("all matter: D(%g) = %g, f = %g, want a and 1", a, d, f)
		}
		const h = 1e-4
		up, _ := closedGrowth(0.2, a*(1+h))
		down, _ := closedGrowth(0.2, a*(1-h))
		slope := math.Log(up/down) / (math.Log1p(h) - math.Log1p(-h))
		// h² of the difference, 1e-16/h of rounding
		if _, f := closedGrowth(0.2, a); !scalar.EqualWithinRel(f, slope, 1e-7) {
			t.Errorf("Ω_m = 0.2: f(%g) = %.9g, want the slope %.9g", a, f, slope)
		}
	}
}

// TestIntegratedGrowth is the same number in a third way, at places that are no steps.
func TestIntegratedGrowth(t *testing.T) {
	a := []float64{0.0213, 0.17, 0.777, 1}
	got := integrateGrowth(0.3, a)
	for i, v := range a {
		if want, _ := closedGrowth(0.3, v); !scalar.EqualWithinRel(got[i], want, 1e-10) {
			t.Errorf("D(%g) = %.12g, want %.12g", v, got[i], want)
		}
	}
}

func TestCombinedWaves(t *testing.T) {
	ratio, scatter := combined([]wave{{1, 2, 2}, {1, 1.2, 1}, {1, 0.8, 1}})
	if !scalar.EqualWithinRel(ratio, 1, 1e-12) ||
		!scalar.EqualWithinRel(scatter, math.Sqrt(0.02), 1e-12) {
		t.Errorf("growth %g ± %g, want 1 ± %g", ratio, scatter, math.Sqrt(0.02))
	}
}

// TestDisplacementErrorsAreSeen: a displacement of the wrong sign is off by twice the peak.
func TestDisplacementErrorsAreSeen(t *testing.T) {
	values := make([]float32, 8*8*8)
	for i := range values {
		values[i] = float32(-math.Sin(2 * math.Pi * float64(i/64) / 8))
	}
	want := [3]func([3]float64) float64{
		0: func(q [3]float64) float64 { return math.Sin(2 * math.Pi * q[0] / 8) },
	}
	if got := worst([3][]float32{0: values}, 8, 8, want, 1); !scalar.EqualWithinAbs(got, 2, 1e-6) {
		t.Errorf("error = %g, want 2", got)
	}
	if d := newDisplacement(); d.First > 1e-5 || d.Mixed > 1e-5 || d.Mixed == 0 {
		t.Errorf("displacements: %+v", d)
	}
}

// TestSigma8 integrates P = 1/k, for which σ² = 9/(4·2π²·8²): ∫j₁²/x dx = 1/4.
func TestSigma8(t *testing.T) {
	want := 1.5 / (math.Sqrt2 * math.Pi * 8)
	// beyond k = 20 lie 1/160² of it
	if got := sigma8(func(k float64) float64 { return 1 / k }); !scalar.EqualWithinRel(got,
		want, 1e-4) {
		t.Errorf("σ_8 = %g, want %g", got, want)
	}
}
