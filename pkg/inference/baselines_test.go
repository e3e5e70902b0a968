package inference

import (
	"context"
	"math"
	"strings"
	"testing"

	"darkfield/pkg/baseline"
	"darkfield/pkg/calibration"
	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/likelihood"
)

// TestBaselinesAreScoredOnTheSameMaps: a network that always says 0.3 ± 0.1 and 0.8 ± 0.1, and
// the exact likelihood in place of that of spectra.
func TestBaselinesAreScoredOnTheSameMaps(t *testing.T) {
	s := universeOf(t, 6)
	maps := s.Suite.Sets[camels.LH]
	bounds, err := s.Bounds(ctx, smallBound(), maps, []int{0, 2, 5}, t.TempDir(), "bounds", nil)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	constant := baseline.Moments{
		Mean: cosmology.Params{OmegaM: 0.3, Sigma8: 0.8},
		Std:  cosmology.Params{OmegaM: 0.1, Sigma8: 0.1},
	}
	b := Baselines{
		Moments: func(_ context.Context, maps []field.LogMap) ([]baseline.Moments, error) {
			asked = len(maps)
			out := make([]baseline.Moments, len(maps))
			for i := range out {
				out[i] = constant
			}
			return out, nil
		},
		Power: func(m field.LogMap) (likelihood.Terms, error) {
			return s.Terms(m, []diffusion.Term{0}, 1), nil
		},
	}
	h := CoverageReport{Prior: s.Prior}
	c := DefaultCalibrate()
	c.Report.Replicates = 50
	if err := s.Compare(ctx, &h, b, bounds, maps, c); err != nil {
		t.Fatal(err)
	}
	if asked != 6 || len(h.Methods) != 2 {
		t.Fatalf("%d maps, %d methods", asked, len(h.Methods))
	}
	m, _ := h.Method(Moments)
	for i, score := range m.Scores {
		truth := bounds[i].Truth.OmegaM
		if z := (truth - 0.3) / 0.1; math.Abs(score.OmegaM.Z-z) > 1e-9 ||
			math.Abs(score.OmegaM.PIT-0.5*math.Erfc(-z/math.Sqrt2)) > 1e-9 ||
			score.Simulation != bounds[i].Simulation {
			t.Errorf("map %d: %+v for a truth of %g", i, score.OmegaM, truth)
		}
	}
	om, s8, ok := h.Paired(Power, Moments)
	if !ok || om.Difference >= -om.Error || !(s8.Error > 0) { // the universe says little of σ_8
		t.Errorf("the exact likelihood against a constant: %+v, %+v", om, s8)
	}
	if _, _, ok := h.Paired(Power, "none"); ok {
		t.Error("a method that is not there was compared")
	}
}

// TestPairedDifferences: maps of a simulation count as one.
func TestPairedDifferences(t *testing.T) {
	score := func(sim int, offset float64) calibration.MapScore {
		p := calibration.ParameterScore{Truth: 0.3, Mean: 0.3 + offset}
		return calibration.MapScore{Simulation: sim, OmegaM: p, Sigma8: p}
	}
	h := CoverageReport{Methods: []Method{
		{Name: "a", Scores: []calibration.MapScore{score(1, 0.1), score(1, -0.1), score(2, 0.4)}},
		{Name: "b", Scores: []calibration.MapScore{score(1, 0), score(1, 0), score(2, -0.1)}},
	}}
	om, _, _ := h.Paired("a", "b")
	if math.Abs(om.Difference-0.2) > 1e-12 || math.Abs(om.Error-0.1) > 1e-12 { // 0.1 and 0.3
		t.Errorf("%+v, want 0.2 ± 0.1", om)
	}
	for want, p := range map[string]Paired{
		"-0.0100 ± 0.0040 (better)":                           {-0.01, 0.004},
		"+0.0100 ± 0.0040 (worse)":                            {0.01, 0.004},
		"-0.0070 ± 0.0040 (level within two standard errors)": {-0.007, 0.004},
	} {
		if got := p.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestMomentInference has the held-out simulations of Inference, with bars of a standard deviation.
func TestMomentInference(t *testing.T) {
	s := universeOf(t, 6)
	s.Validation = []int{1, 4}
	cfg := Default()
	r, err := MomentInference(ctx, s.Data, cfg,
		func(_ context.Context, maps []field.LogMap) ([]baseline.Moments, error) {
			return make([]baseline.Moments, len(maps)), nil
		}, 90)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 2 || !strings.Contains(r.Caption, "90 maps") || r.TruthCentred {
		t.Errorf("%d rows, caption %q", len(r.Rows), r.Caption)
	}
}

// TestRobustness: an exact likelihood is calibrated on maps as they are; smoothed ones are not of
// the kind that it knows.
func TestRobustness(t *testing.T) {
	s := universeOf(t, 8)
	maps := s.Suite.Sets[camels.LH]
	sims := s.Within(maps, 3)
	if len(sims) != 3 {
		t.Fatalf("simulations %v", sims)
	}
	cal := Uncalibrated(s.Checkpoint.Hash, s.Prior, smallBound())
	c := DefaultCalibrate()
	c.Report.Replicates = 50
	kinds := Changed(maps, sims, field.Scaling{Min: 9, Max: 15}, s.Box.CellSide())
	r, err := s.Robustness(ctx, cal, c, []Kind{kinds[0], kinds[len(kinds)-1]}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Methods) != 2 || len(r.Rows()) != 6 || len(r.Rows()[0]) != len(r.Header()) ||
		r.Maps[1] != 6 {
		t.Fatalf("%d methods, rows %v", len(r.Methods), r.Rows())
	}
	plain, smooth := r.Methods[0], r.Methods[1]
	if plain.Report.LogScore.Value <= smooth.Report.LogScore.Value {
		t.Errorf("log score %g of maps as they are, %g of smoothed ones", plain.Report.LogScore.Value,
			smooth.Report.LogScore.Value)
	}
}
