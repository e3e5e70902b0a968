package cosmology

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"
	"gonum.org/v1/gonum/mathext"
	"pgregory.net/rapid"
)

// TestGrowthClosedForm: in flat ΛCDM D ∝ a·₂F₁(1/3, 1; 11/6; −a³(1−Ω_m)/Ω_m).
func TestGrowthClosedForm(t *testing.T) {
	for _, om := range []float64{0.1, 0.3, 0.5, 0.9} {
		c := New(Params{OmegaM: om, Sigma8: 0.8})
		closed := func(a float64) float64 {
			return a * mathext.Hypergeo(1.0/3, 1, 11.0/6, -a*a*a*(1-om)/om)
		}
		for _, a := range []float64{0.02, 0.1, 0.5, 0.9, 1} {
			if got, want := c.GrowthFactor(ScaleFactor(a)), closed(a)/closed(1); !scalar.EqualWithinRel(got,
				want, 1e-9) {
				t.Errorf("Ω_m = %g: D(%g) = %.12g, want %.12g", om, a, got, want)
			}
			const h = 1e-4
			slope := (math.Log(closed(a*(1+h))) - math.Log(closed(a*(1-h)))) /
				(math.Log1p(h) - math.Log1p(-h))
			if got := c.GrowthRate(ScaleFactor(a)); !scalar.EqualWithinRel(got, slope, 1e-6) {
				t.Errorf("Ω_m = %g: f(%g) = %g, want %g", om, a, got, slope)
			}
		}
	}
}

func TestEinsteinDeSitterGrowsAsA(t *testing.T) {
	c := New(Params{OmegaM: 1, Sigma8: 0.8})
	for _, a := range []ScaleFactor{0.01, 0.3, 1} {
		if d, f := c.GrowthFactor(a), c.GrowthRate(a); !scalar.EqualWithinRel(d, float64(a), 1e-12) ||
			!scalar.EqualWithinRel(f, 1, 1e-12) {
			t.Errorf("a = %g: D = %g, f = %g, want a and 1", a, d, f)
		}
	}
}

func TestUnitRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Params{
			OmegaM: rapid.Float64Range(0, 1).Draw(t, "OmegaM"),
			Sigma8: rapid.Float64Range(0.2, 2).Draw(t, "Sigma8"),
		}
		back := CAMELSPrior().Params(CAMELSPrior().Unit(p))
		if math.Abs(back.OmegaM-p.OmegaM)+math.Abs(back.Sigma8-p.Sigma8) > 1e-14 {
			t.Fatalf("%v came back as %v", p, back)
		}
	})
}

// TestLogUnit: over a flat prior both coordinates have one mean and one variance, a power law is
// linear in this one, and its slopes are those of finite differences.
func TestLogUnit(t *testing.T) {
	r := CAMELSPrior()
	const n = 2000
	var mean, square [2]float64
	for i := range n {
		x := (float64(i) + 0.5) / n
		p := r.Params(UnitParams{x, x})
		for c, u := range r.LogUnit(p) {
			mean[c] += u / n
			square[c] += u * u / n
		}
		const h = 1e-6
		slopes := r.LogUnitSlopes(p)
		for c, q := range []Params{{OmegaM: h}, {Sigma8: h}} {
			above := Params{OmegaM: p.OmegaM + q.OmegaM, Sigma8: p.Sigma8 + q.Sigma8}
			below := Params{OmegaM: p.OmegaM - q.OmegaM, Sigma8: p.Sigma8 - q.Sigma8}
			want := (r.LogUnit(above)[c] - r.LogUnit(below)[c]) / (2 * h)
			if math.Abs(slopes[c]-want) > 1e-6*want {
				t.Fatalf("slope %d at %v is %g, finite differences give %g", c, p, slopes[c], want)
			}
		}
	}
	for c := range mean {
		if math.Abs(mean[c]-0.5) > 1e-5 || math.Abs(square[c]-mean[c]*mean[c]-1.0/12) > 1e-5 {
			t.Errorf("coordinate %d has mean %.6f and variance %.6f, want 1/2 and 1/12", c, mean[c],
				square[c]-mean[c]*mean[c])
		}
	}
	a, b, c := r.LogUnit(Params{OmegaM: 0.1, Sigma8: 0.6}),
		r.LogUnit(Params{OmegaM: 0.2, Sigma8: 0.75}), r.LogUnit(Params{OmegaM: 0.4, Sigma8: 0.9375})
	for i := range a {
		if math.Abs((b[i]-a[i])-(c[i]-b[i])) > 1e-12 {
			t.Errorf("equal factors move coordinate %d by %g and %g", i, b[i]-a[i], c[i]-b[i])
		}
	}
}

func TestPriorNamesEachFault(t *testing.T) {
	err := CAMELSPrior().Check(Params{OmegaM: math.NaN(), Sigma8: 1.2})
	if err == nil || err.Error() != "Ω_m = NaN lies outside the prior [0.1, 0.5]; σ_8 = 1.2 lies "+
		"outside the prior [0.6, 1]" {
		t.Errorf("error = %v", err)
	}
	if !CAMELSPrior().Contains(Params{OmegaM: 0.1, Sigma8: 1}) {
		t.Error("the edge lies outside the prior")
	}
}
