package calibration

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// crooked is a likelihood that is no Gaussian: skewed in both parameters, with a bent ridge.
func crooked(x [2]float64) float64 {
	u, v := (math.Exp(0.8*x[0])-1.4)/0.15, (x[1]-0.4-0.3*(x[0]-0.4)*(x[0]-0.4))/0.2
	return (u*u + u*v + v*v) / 1.5
}

// TestEvidence: the rule of the fit and the fine grid of the score, which know nothing of each
// other, normalise alike: for ridges, peaks outside the prior, posteriors from narrow to wider
// than the prior, and what a recalibration makes of them.
func TestEvidence(t *testing.T) {
	u := logUnitsOf(t)
	rapid.Check(t, func(t *rapid.T) {
		n := normal{rho: rapid.Float64Range(-0.95, 0.95).Draw(t, "correlation")}
		for k := range 2 {
			n.at[k] = rapid.Float64Range(-0.3, 1.3).Draw(t, "peak")
			n.std[k] = math.Exp(rapid.Float64Range(math.Log(0.02), math.Log(2)).Draw(t, "std"))
		}
		// nats; the grid's trapezoid errs most where an edge leaves a steep tail
		nll, tolerance := n.nll, 0.01
		if rapid.Bool().Draw(t, "crooked") {
			nll, tolerance = crooked, 0.02
		}
		r := NewIdentity(prior)
		r.Kind = Varying
		for k := range 2 {
			r.Shift[k] = rapid.Float64Range(-0.1, 0.1).Draw(t, "shift")
			r.LogScale[k] = rapid.Float64Range(-1, 0.5).Draw(t, "log scale")
		}
		r.Shear = rapid.Float64Range(-0.3, 0.3).Draw(t, "shear")
		l, err := newLandscape(surfaceOf(u, likelihood.WholePrior(prior, 40), nll), u)
		if err != nil {
			t.Fatal(err)
		}
		m := r.of(l)
		changed := surfaceOf(u, likelihood.WholePrior(prior, 100),
			func(x [2]float64) float64 { return l.at(m.source(x)) })
		other, err := newLandscape(changed, u)
		if err != nil {
			t.Fatal(err)
		}
		// NaN fails
		if got, want := l.lnEvidence(m), newDensity(other).lnZ-2e4; !(math.Abs(got-want) <= tolerance) {
			t.Fatalf("ln of the evidence %g by the rule, %g on the grid", got, want)
		}
	})
}

// TestApplyToGaussians: a Gaussian becomes the Gaussian with the scaled precision and the shifted
// peak, wherever its peak lies.
func TestApplyToGaussians(t *testing.T) {
	u := logUnitsOf(t)
	rapid.Check(t, func(t *rapid.T) {
		n := normal{rho: rapid.Float64Range(-0.9, 0.9).Draw(t, "correlation")}
		r := NewIdentity(prior)
		r.Kind = Axes
		want := n
		for k := range 2 {
			n.at[k] = rapid.Float64Range(-0.5, 1.5).Draw(t, "peak")
			n.std[k] = rapid.Float64Range(0.03, 0.5).Draw(t, "std")
			r.Shift[k] = rapid.Float64Range(-0.2, 0.2).Draw(t, "shift")
			r.LogScale[k] = rapid.Float64Range(-1, 0.5).Draw(t, "log scale")
			want.at[k], want.std[k] = n.at[k]+r.Shift[k], n.std[k]*math.Exp(-r.LogScale[k])
		}
		got, err := r.Apply(surfaceOf(u, likelihood.WholePrior(prior, 25), n.nll))
		if err != nil {
			t.Fatal(err)
		}
		points := got.Grid.Points()
		for i, p := range points {
			d := want.nll(u.point(p)) - want.nll(u.point(points[0]))
			// The quadratic is known to 1e-10 of values up to 1e5.
			if !(math.Abs(got.NLL[i]-got.NLL[0]-d) <= 1e-4*(1+math.Abs(d))) {
				t.Fatalf("−ΔlnL = %g at %v, want %g", got.NLL[i]-got.NLL[0], p, d)
			}
		}
	})
}

// TestIdentity: nothing is changed, on the surface's own grid to rounding, even where it is no
// Gaussian; and a temperature only divides.
func TestIdentity(t *testing.T) {
	s := surfaceOf(logUnitsOf(t), likelihood.WholePrior(prior, 15), crooked)
	r := NewIdentity(prior)
	same, err := r.Apply(s)
	if err != nil {
		t.Fatal(err)
	}
	r.Kind, r.Temperature = Temperature, 4
	quarter, err := r.Apply(s)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range s.NLL {
		if math.Abs(same.NLL[i]-v) > 1e-8 || math.Abs(quarter.NLL[i]-v/4) > 1e-8 { // rounding of 2e4
			t.Fatalf("−ln L = %g became %g, and %g over 4", v, same.NLL[i], quarter.NLL[i])
		}
	}
}

// TestFlatStaysFlat: a posterior as wide as the prior is stretched to itself.
func TestFlatStaysFlat(t *testing.T) {
	s := surfaceOf(logUnitsOf(t), likelihood.WholePrior(prior, 15),
		func([2]float64) float64 { return 0 })
	r := Recalibration{
		Kind: Sheared, Prior: prior, Temperature: 2, Shift: [2]float64{0.3, -0.2},
		LogScale: [2]float64{-2, 1}, Shear: 0.4,
	}
	got, err := r.Apply(s)
	if err != nil {
		t.Fatal(err)
	}
	if got.Range() > 0.5 { // beyond the prior it is continued by a Gaussian twice as wide as the prior
		t.Errorf("a flat surface ranges over %g in −2Δln L", got.Range())
	}
}

func TestRecalibrationAsData(t *testing.T) {
	r := Recalibration{
		Kind: Varying, Prior: prior, Temperature: 1, Shift: [2]float64{0.1, 0.2},
		LogScale: [2]float64{-0.5, -0.25}, Shear: 0.125,
		ShiftSlope: [2][2]float64{{1, 2}, {3, 4}}, LogScaleSlope: [2][2]float64{{5, 6}, {7, 8}}, Maps: 30,
		Simulations: 15,
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var again Recalibration
	if err := json.Unmarshal(text, &again); err != nil || again.Validate() != nil ||
		!cmp.Equal(r, again) {
		t.Errorf("%s came back as %+v: %v, %v", text, again, err, again.Validate())
	}
	for name, bad := range map[string]Recalibration{
		"empty": {}, "kind": {Kind: "warp", Prior: prior, Temperature: 1},
		"temperature": {Kind: Temperature, Prior: prior, Temperature: math.NaN()},
		"shift":       {Kind: Axes, Prior: prior, Temperature: 1, Shift: [2]float64{math.NaN(), 0}},
		"prior":       {Kind: Axes, Temperature: 1},
		"slope": {
			Kind: Varying, Prior: prior, Temperature: 1,
			LogScaleSlope: [2][2]float64{{}, {0, math.Inf(1)}},
		},
	} {
		if bad.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := bad.Apply(surfaceOf(logUnitsOf(t), likelihood.WholePrior(prior, 5), crooked)); err ==
			nil {
			t.Errorf("%s: applied", name)
		}
	}
	good := NewIdentity(prior)
	if _, err := good.Apply(likelihood.Surface{}); err == nil {
		t.Error("a surface without a grid was accepted")
	}
	if _, err := good.On(surfaceOf(logUnitsOf(t), likelihood.WholePrior(prior, 5), crooked),
		likelihood.Grid{}); err == nil {
		t.Error("an empty grid was accepted")
	}
	if _, err := Fit([]Case{{Truth: cosmology.Fiducial}}, prior, Temperature); err == nil {
		t.Error("a case without a surface was accepted")
	}
}
