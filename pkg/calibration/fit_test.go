package calibration

import (
	"math"
	"testing"
)

// wrong is a world whose errors are reported too small by different factors, and whose peaks are
// shifted.
func wrong() toy {
	std := [2]float64{0.06, 0.15}
	return toy{std: std, rho: -0.5, alike: 0.5, reported: func([2]float64) ([2]float64, [2]float64) {
		return [2]float64{std[0] / 2.7, std[1] / 1.5}, [2]float64{0.03, -0.06}
	}}
}

func honestReport(t *testing.T, r Report) {
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

// TestRecovery: factors and shifts are found on some simulations, edges of the prior included,
// and make others honest.
func TestRecovery(t *testing.T) {
	w := wrong()
	r, err := Fit(w.cases(t, 100, 2, 20, 1), prior, Sheared)
	if err != nil {
		t.Fatal(err)
	}
	// A width is known to 1/√(2n), with n between 100 and 200 as maps of a simulation are half
	// alike: 6 %. A shift is known to the std over √n. Three of these; the shear keeps the
	// correlation, so the factor of σ_8 alone holds at fixed Ω_m.
	for k, want := range []struct{ logScale, shift float64 }{
		{-math.Log(2.7), -0.03},
		{-math.Log(1.5), 0.06},
	} {
		if math.Abs(r.LogScale[k]-want.logScale) > 0.18 ||
			math.Abs(r.Shift[k]-want.shift) > 3*w.std[k]/10 {
			t.Errorf("parameter %d: log scale %g, shift %g, want %+v", k, r.LogScale[k], r.Shift[k], want)
		}
	}
	held := w.cases(t, 80, 2, 20, 2)
	if before := reportOf(t, held); before.OmegaM.Coverage68.High > 0.5 {
		t.Errorf("coverage before is %+v", before.OmegaM.Coverage68)
	}
	after, err := r.ApplyAll(held)
	if err != nil {
		t.Fatal(err)
	}
	honestReport(t, reportOf(t, after))
}

// TestHonestStaysHonest: the temperature of honest posteriors is 1, and nothing is chosen over it.
func TestHonestStaysHonest(t *testing.T) {
	std := [2]float64{0.08, 0.3}
	cases := toy{std: std, rho: -0.5, alike: 0.5, reported: honest(std)}.cases(t, 50, 2, 12, 3)
	r, err := Fit(cases, prior, Temperature)
	if err != nil {
		t.Fatal(err)
	}
	// ln T is known to 1/√n with n from 50 to 100, in two parameters: three times 0.12
	if math.Abs(math.Log(r.Temperature)) > 0.36 {
		t.Errorf("temperature %g of honest posteriors", r.Temperature)
	}
	c, err := Choose(cases, prior, []Kind{Identity, Temperature, Axes}, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if c.Recalibration.Kind != Identity {
		t.Errorf("%s was chosen: %+v", c.Recalibration.Kind, c.Trials)
	}
}

// TestTemperatureOfUniformOverConfidence: errors reported at 1/2 want a temperature of 4.
func TestTemperatureOfUniformOverConfidence(t *testing.T) {
	cases := toy{std: [2]float64{0.08, 0.2}, reported: honest([2]float64{0.04, 0.1})}.cases(t,
		150, 1, 20, 4)
	r, err := Fit(cases, prior, Temperature)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(math.Log(r.Temperature/4)) > 0.25 { // known to 1/√150
		t.Errorf("temperature %g, want 4", r.Temperature)
	}
}

// TestChoice: what is wrong in two parameters differently is not mended by a temperature, and
// cross-validation says so.
func TestChoice(t *testing.T) {
	w := wrong()
	w.reported = func([2]float64) ([2]float64, [2]float64) {
		return [2]float64{w.std[0] / 4, w.std[1]}, [2]float64{0.03, -0.1}
	}
	cases := w.cases(t, 40, 2, 12, 5)
	c, err := Choose(cases, prior, []Kind{Identity, Temperature, Axes}, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if c.Recalibration.Kind != Axes || c.Recalibration.Maps != 80 ||
		c.Recalibration.Simulations != 40 {
		t.Errorf("chosen: %+v of %+v", c.Recalibration, c.Trials)
	}
	if !(c.Trials[0].LogScore < c.Trials[1].LogScore && c.Trials[1].LogScore < c.Trials[2].LogScore) ||
		c.Trials[2].Behind != 0 {
		t.Errorf("held-out scores %+v", c.Trials)
	}
}

// TestVarying: over-confidence and bias that go along with Ω_m are found, and others than the
// mean are made honest.
func TestVarying(t *testing.T) {
	std := [2]float64{0.06, 0.12}
	w := toy{std: std, reported: func(estimate [2]float64) (reported, shift [2]float64) {
		u := clamp(estimate[0], 0, 1) - 0.5
		return [2]float64{std[0] * math.Exp(-0.7+0.8*u), std[1]}, [2]float64{0.1 * u, 0}
	}}
	r, err := Fit(w.cases(t, 120, 1, 16, 6), prior, Varying)
	if err != nil {
		t.Fatal(err)
	}
	// The slope of ln width is known to 1/√(2·120) over the spread of u, 0.27: 0.24; that of the
	// shift to 0.06/√120/0.27 = 0.02.
	if math.Abs(r.LogScaleSlope[0][0]-0.8) > 0.7 || math.Abs(r.LogScale[0]+0.7) > 0.18 ||
		math.Abs(r.ShiftSlope[0][0]+0.1) > 0.06 {
		t.Errorf("%+v", r)
	}
	after, err := r.ApplyAll(w.cases(t, 80, 1, 16, 7))
	if err != nil {
		t.Fatal(err)
	}
	honestReport(t, reportOf(t, after))
}

func TestFitRefuses(t *testing.T) {
	std := [2]float64{0.1, 0.1}
	cases := toy{std: std, reported: honest(std)}.cases(t, 4, 2, 8, 1)
	if _, err := Fit(cases, prior, Axes); err == nil {
		t.Error("four numbers were fitted on four simulations")
	}
	if _, err := Fit(cases, prior, "warp"); err == nil {
		t.Error("an unknown kind was fitted")
	}
	if _, err := Fit(nil, prior, Temperature); err == nil {
		t.Error("nothing was fitted on")
	}
	for _, folds := range []int{1, 5} {
		if _, err := Choose(cases, prior, nil, folds, 1); err == nil {
			t.Errorf("%d folds of four simulations were accepted", folds)
		}
	}
}
