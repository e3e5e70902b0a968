package calibration

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// crooked is a likelihood that is no Gaussian: skewed in both parameters, with a bent ridge.
func crooked(x [2]float64) float64 {
	u, v := (math.Exp(0.8*x[0])-1.4)/0.15, (x[1]-0.4-0.3*(x[0]-0.4)*(x[0]-0.4))/0.2
	return (u*u + u*v + v*v) / 1.5
}

// TestApply: the identity changes nothing, a temperature divides.
func TestApply(t *testing.T) {
	s := surfaceOf(logUnitsOf(t), likelihood.WholePrior(prior, 15), crooked)
	r := NewIdentity(prior)
	same, err := r.Apply(s)
	if err != nil || !cmp.Equal(same, s) {
		t.Fatalf("the identity changed the surface: %v", err)
	}
	r.Kind, r.Temperature = Temperature, 4
	quarter, err := r.Apply(s)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range s.NLL {
		if quarter.NLL[i] != v/4 {
			t.Fatalf("−ln L = %g became %g at a temperature of 4", v, quarter.NLL[i])
		}
	}
}

func TestRecalibrationAsData(t *testing.T) {
	r := Recalibration{Kind: Temperature, Prior: prior, Temperature: 1.5, Maps: 30, Simulations: 15}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var again Recalibration
	if err := json.Unmarshal(text, &again); err != nil || again.Validate() != nil ||
		!cmp.Equal(r, again) {
		t.Errorf("%s came back as %+v: %v, %v", text, again, err, again.Validate())
	}
	surface := surfaceOf(logUnitsOf(t), likelihood.WholePrior(prior, 5), crooked)
	for name, bad := range map[string]Recalibration{
		"empty": {}, "kind": {Kind: "axes", Prior: prior, Temperature: 1},
		"temperature": {Kind: Temperature, Prior: prior, Temperature: math.NaN()},
		"prior":       {Kind: Temperature, Temperature: 1},
	} {
		if bad.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := bad.Apply(surface); err == nil {
			t.Errorf("%s: applied", name)
		}
	}
	if _, err := NewIdentity(prior).Apply(likelihood.Surface{}); err == nil {
		t.Error("a surface without a grid was accepted")
	}
}

// coverageNear reports an error unless all coverages, mean errors and ranks are those of calibrated
// posteriors.
func coverageNear(t *testing.T, r Report) {
	t.Helper()
	for name, c := range map[string]struct {
		got  Interval
		want float64
	}{
		"Ω_m 68 %": {r.OmegaM.Coverage68, 0.68}, "σ_8 68 %": {r.Sigma8.Coverage68, 0.68},
		"both 68 %": {r.HPD68, 0.68},
		"Ω_m 95 %":  {r.OmegaM.Coverage95, 0.95}, "σ_8 95 %": {r.Sigma8.Coverage95, 0.95},
		"both 95 %":  {r.HPD95, 0.95},
		"|z| of Ω_m": {r.OmegaM.AbsZ, r.OmegaM.ExpectedAbsZ},
		"|z| of σ_8": {r.Sigma8.AbsZ, r.Sigma8.ExpectedAbsZ},
	} {
		if !near(c.got, c.want) {
			t.Errorf("%s: %+v, want %g", name, c.got, c.want)
		}
	}
	for name, ranks := range map[string]Ranks{
		"Ω_m": r.OmegaM.Ranks, "σ_8": r.Sigma8.Ranks,
		"TARP": r.TARP.Ranks,
	} {
		if ranks.P < 0.01 {
			t.Errorf("%s: p = %g of uniform ranks %v", name, ranks.P, ranks.Counts)
		}
	}
}

// TestCalibratedStaysCalibrated: the temperature of calibrated posteriors is 1, and the identity is
// chosen.
func TestCalibratedStaysCalibrated(t *testing.T) {
	std := [2]float64{0.08, 0.3}
	cases := toy{std: std, rho: -0.5, alike: 0.5, reported: calibrated(std)}.cases(t, 50, 2, 12, 3)
	r, err := fit(cases, prior, Temperature)
	if err != nil {
		t.Fatal(err)
	}
	// ln T is known to 1/√n with n from 50 to 100, in two parameters: three times 0.12
	if math.Abs(math.Log(r.Temperature)) > 0.36 {
		t.Errorf("temperature %g of calibrated posteriors", r.Temperature)
	}
	c, err := Choose(cases, prior, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if c.Recalibration.Kind != Identity {
		t.Errorf("%s was chosen: %+v", c.Recalibration.Kind, c.Trials)
	}
}

// TestTemperatureOfUniformOverConfidence: errors reported at 1/2 want a temperature of 4, which is
// chosen and calibrates other maps, edges of the prior included.
func TestTemperatureOfUniformOverConfidence(t *testing.T) {
	w := toy{std: [2]float64{0.08, 0.2}, reported: calibrated([2]float64{0.04, 0.1})}
	c, err := Choose(w.cases(t, 150, 1, 20, 4), prior, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	r := c.Recalibration
	if r.Kind != Temperature || r.Maps != 150 || r.Simulations != 150 ||
		math.Abs(math.Log(r.Temperature/4)) > 0.25 { // known to 1/√150
		t.Errorf("%+v, want a temperature of 4", r)
	}
	if !(c.Trials[0].LogScore < c.Trials[1].LogScore) || c.Trials[1].Behind != 0 ||
		!(c.Trials[0].Behind > c.Trials[0].Error) {
		t.Errorf("held-out scores %+v", c.Trials)
	}
	held := w.cases(t, 80, 2, 20, 2)
	if before := reportOf(t, held); before.OmegaM.Coverage68.High > 0.5 {
		t.Errorf("coverage before is %+v", before.OmegaM.Coverage68)
	}
	after, err := r.ApplyAll(held)
	if err != nil {
		t.Fatal(err)
	}
	coverageNear(t, reportOf(t, after))
}

func TestChooseRefuses(t *testing.T) {
	std := [2]float64{0.1, 0.1}
	cases := toy{std: std, reported: calibrated(std)}.cases(t, 4, 2, 8, 1)
	for _, folds := range []int{1, 5} {
		if _, err := Choose(cases, prior, folds, 1); err == nil ||
			!strings.Contains(err.Error(), "folds of 4 simulations") {
			t.Errorf("%d folds: error %v", folds, err)
		}
	}
	if _, err := Choose(nil, prior, 2, 1); err == nil {
		t.Error("nothing was fitted on")
	}
	cases[5] = Case{Truth: cosmology.Fiducial, Simulation: 2}
	if _, err := Choose(cases, prior, 2, 1); err == nil ||
		!strings.Contains(err.Error(), "of simulation 2") {
		t.Errorf("a case without a surface: error %v", err)
	}
}
