package cosmology

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
)

// five is the prior of Quijote's Latin hypercube.
func five() Prior {
	return CAMELSPrior().With("omega_b", 0.03, 0.07).With("h", 0.5, 0.9).With("n_s", 0.8, 1.2)
}

// TestFurtherParameters: five parameters go to the unit box and back, in the order of their names.
func TestFurtherParameters(t *testing.T) {
	r := five()
	p := r.Params(UnitParams{0, 1, 0.25, 0.5, 0.75})
	for k, want := range []float64{0.1, 1, 0.04, 0.7, 1.1} {
		if got := r.Values(p)[k]; math.Abs(got-want) > 1e-12 {
			t.Errorf("%s = %g, want %g", r.Names()[k], got, want)
		}
	}
	for k, want := range []float64{0, 1, 0.25, 0.5, 0.75} {
		if got := r.Unit(p)[k]; math.Abs(got-want) > 1e-12 {
			t.Errorf("%s = %g in the unit box, want %g", r.Names()[k], got, want)
		}
	}
	if r.At(r.Values(p)) != p || !r.Contains(r.Centre()) {
		t.Errorf("%v came back as %v", p, r.At(r.Values(p)))
	}
	p.Further = FurtherOf(0.05, 0.7, 1.3)
	if err := r.Check(p); err == nil || err.Error() != "n_s = 1.3 lies outside the prior [0.8, 1.2]" {
		t.Errorf("error = %v", err)
	}
	if !CAMELSPrior().Contains(p) || r.Contains(Fiducial) {
		t.Error("further parameters count where the prior has none, or do not where it has")
	}
}

// TestJSONOfParams: two parameters are written as they always were, and five come back.
func TestJSONOfParams(t *testing.T) {
	for _, c := range []struct {
		prior Prior
		want  string
	}{
		{CAMELSPrior(), `{"min":{"omega_m":0.1,"sigma_8":0.6},"max":{"omega_m":0.5,"sigma_8":1}}`},
		{five(), `{"min":{"omega_m":0.1,"sigma_8":0.6,"further":[0.03,0.5,0.8]},` +
			`"max":{"omega_m":0.5,"sigma_8":1,"further":[0.07,0.9,1.2]},` +
			`"further":["omega_b","h","n_s"]}`},
	} {
		raw, err := json.Marshal(c.prior)
		if err != nil || string(raw) != c.want {
			t.Errorf("%s (%v), want %s", raw, err, c.want)
		}
		var back Prior
		if err := json.Unmarshal(raw, &back); err != nil || !reflect.DeepEqual(back, c.prior) {
			t.Errorf("%s came back as %+v: %v", raw, back, err)
		}
	}
	var p Params
	if err := json.Unmarshal([]byte(`{"further":["high"]}`), &p); err == nil {
		t.Errorf("a word came back as %v", p)
	}
}

// TestLogarithmsOfFurtherParameters: a range that reaches 0 has no logarithm and stays linear;
// slopes are those of finite differences.
func TestLogarithmsOfFurtherParameters(t *testing.T) {
	r := CAMELSPrior().With("omega_b", 0.03, 0.07).With("h", -0.5, 0.9).With("n_s", 0.8, 1.2)
	p := r.Params(UnitParams{0.3, 0.4, 0.5, 0.6, 0.7})
	if got := r.LogUnit(p)[3]; math.Abs(got-0.6) > 1e-12 {
		t.Errorf("h goes in as %g, want 0.6", got)
	}
	const step = 1e-6
	for k, slope := range r.LogUnitSlopes(p) {
		above, below := r.Values(p), r.Values(p)
		above[k] += step
		below[k] -= step
		want := (r.LogUnit(r.At(above))[k] - r.LogUnit(r.At(below))[k]) / (2 * step)
		if math.Abs(slope-want) > 1e-5*want {
			t.Errorf("the slope of %s is %g, finite differences give %g", r.Names()[k], slope, want)
		}
	}
}

// TestNamedParameters: every name that is unknown, missing or outside the prior is told.
func TestNamedParameters(t *testing.T) {
	r := five()
	p, err := r.Named(map[string]float64{
		"omega_m": 0.3, "sigma_8": 0.8, "omega_b": 0.05, "h": 0.7, "n_s": 0.96,
	})
	if want := r.At([]float64{0.3, 0.8, 0.05, 0.7, 0.96}); err != nil || p != want {
		t.Errorf("%v (%v), want %v", p, err, want)
	}
	_, err = r.Named(map[string]float64{"omega_m": 0.3, "sigma_8": 1.3, "n_S": 0.96, "h": 0.7})
	want := strings.Join([]string{
		"n_S is no parameter, want omega_m, sigma_8, omega_b, h, n_s",
		"omega_b has no value, want one in [0.03, 0.07]", "n_s has no value, want one in [0.8, 1.2]",
		"σ_8 = 1.3 lies outside the prior [0.6, 1]",
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
}

// TestPriorsThatCannotBe: ranges that do not rise and names that --set could not take.
func TestPriorsThatCannotBe(t *testing.T) {
	if err := five().Validate(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*Prior){
		"h from 0.9 to 0.9":      func(r *Prior) { r.Min.Further = FurtherOf(0.03, 0.9, 0.8) },
		"n_s from 0.8 to +Inf":   func(r *Prior) { r.Max.Further = FurtherOf(0.07, 0.9, math.Inf(1)) },
		"n_s from 0.8 to NaN":    func(r *Prior) { r.Max.Further = FurtherOf(0.07, 0.9) },
		"omega_m from NaN":       func(r *Prior) { r.Min.OmegaM = math.NaN() },
		`parameter "n s"`:        func(r *Prior) { r.Further[2] = "n s" },
		`parameter ""`:           func(r *Prior) { r.Further[2] = "" },
		"h is there twice":       func(r *Prior) { r.Further[2] = "h" },
		"sigma_8 is there twice": func(r *Prior) { r.Further[2] = "sigma_8" },
	} {
		r := five()
		spoil(&r)
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
