package evaluate

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/emulator"
	"darkfield/pkg/field"
	"darkfield/pkg/heldout/whitenoise"
)

// TestCache: nothing is made twice, nothing stale is used, and what is broken is made again.
func TestCache(t *testing.T) {
	dir := t.TempDir()
	whitenoise.WriteSet(t, dir, camels.LH, whitenoise.Cells, whitenoise.Spread(8), false)
	made := func(s Emulator, e *whitenoise.Counted, cfg Config) int {
		t.Helper()
		before := e.Made
		if _, err := s.Spectra(ctx, cfg); err != nil {
			t.Fatal(err)
		}
		return e.Made - before
	}
	e := &whitenoise.Counted{Stretch: 1}
	s, cfg := open(t, dir, e), smallConfig()
	first, err := s.Spectra(ctx, cfg)
	if err != nil || e.Made != 60 {
		t.Fatalf("%d maps made, want 60: %v", e.Made, err)
	}
	again, err := s.Spectra(ctx, cfg)
	if err != nil || e.Made != 60 || !reflect.DeepEqual(first, again) {
		t.Errorf("%d maps made in all, want 60, and the same numbers: %v", e.Made, err)
	}
	fewer := cfg
	fewer.MapsPerParam = 16
	if n := made(s, e, fewer); n != 0 {
		t.Errorf("fewer maps of the same kind: %d made, want 0", n)
	}
	for name, change := range map[string]func(*Emulator, *Config){
		"seed":       func(_ *Emulator, c *Config) { c.Seed++ },
		"checkpoint": func(s *Emulator, _ *Config) { s.Checkpoint.Network = "another" },
		"sampler":    func(s *Emulator, _ *Config) { s.Sampler = "other" },
	} {
		s2, c2 := s, cfg
		change(&s2, &c2)
		if n := made(s2, e, c2); n != 3*c2.MapsPerParam {
			t.Errorf("another %s: %d maps made, want all", name, n)
		}
	}
	more := cfg
	more.MapsPerParam++
	if n := made(s, e, more); n != 3 {
		t.Errorf("one map more at each of three parameters: %d made, want 3", n)
	}
	afresh := s
	afresh.Cache = t.TempDir()
	grown, err1 := s.Spectra(ctx, more)
	whole, err2 := afresh.Spectra(ctx, more)
	if err1 != nil || err2 != nil || !reflect.DeepEqual(grown, whole) {
		t.Errorf("maps made in two calls differ from those of one: %v, %v", err1, err2)
	}
	louder := s
	tr := emulator.NewPowerCorrection(whitenoise.Cells, s.Prior)
	for _, c := range tr.Rings.Coefficients {
		c[0] = math.Log(2)
	}
	louder.Checkpoint.Hash, louder.Correction = "fedcba9876543210", &tr
	before := e.Made
	loud, err := louder.Spectra(ctx, more)
	if err != nil || e.Made != before {
		t.Errorf("with a correction %d maps were made, want none, for the same raw ones are "+
			"there: %v", e.Made-before, err)
	}
	for i, panel := range loud.Panels {
		for k, p := range panel.GeneratedStats.Mean {
			if want := 2 * grown.Panels[i].GeneratedStats.Mean[k]; math.Abs(p/want-1) > 1e-4 {
				t.Errorf("panel %d, bin %d: power %g with a factor of 2, want %g", i, k, p, want)
			}
		}
	}
	if !strings.Contains(loud.Caption, "power-spectrum correction") ||
		strings.Contains(grown.Caption, "power-spectrum correction") {
		t.Errorf("captions %q and %q", loud.Caption, grown.Caption)
	}
	files, _ := filepath.Glob(filepath.Join(s.Cache, "*"))
	if len(files) != 3*4 ||
		slices.ContainsFunc(files, func(f string) bool { return filepath.Ext(f) != ".npy" }) {
		t.Errorf("cache holds %v", files)
	}
	for _, f := range files {
		if err := os.Truncate(f, 1000); err != nil {
			t.Fatal(err)
		}
	}
	if n := made(s, e, cfg); n != 60 {
		t.Errorf("broken files: %d maps made, want 60", n)
	}
}

func TestCancelled(t *testing.T) {
	dir := t.TempDir()
	whitenoise.WriteSet(t, dir, camels.LH, whitenoise.Cells, whitenoise.Spread(8), false)
	s := open(t, dir, &whitenoise.Counted{Stretch: 1})
	stopped, cancel := context.WithCancel(ctx)
	s.Progress = func(stage string, fraction float64) {
		if !(fraction >= 0 && fraction <= 1) {
			t.Errorf("%s: fraction %g", stage, fraction)
		}
		cancel()
	}
	if _, err := s.Chi2(stopped, smallConfig()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestReplayedTruths: an emulator that returns the true maps scores exactly as the true maps do
// when they are left out, and lower where they are part of their own reference. Every parameter
// has its own noise.
func TestReplayedTruths(t *testing.T) {
	dir := t.TempDir()
	params := whitenoise.Spread(8)
	whitenoise.WriteSet(t, dir, camels.LH, whitenoise.Cells, params, false)
	s, cfg := open(t, dir, &whitenoise.Counted{Stretch: 1}), smallConfig()
	cfg.MapsPerParam = 15
	seeds := map[uint64]cosmology.Params{}
	s.Sample = func(_ context.Context, _ int, thetas []cosmology.Params, seed uint64,
		_ func(done, total int),
	) ([]field.LogMap, error) {
		if other, used := seeds[seed]; used {
			t.Errorf("%v and %v share the seed %d", thetas[0], other, seed)
		}
		seeds[seed] = thetas[0]
		sim := slices.IndexFunc(params,
			func(p cosmology.Params) bool { return math.Abs(p.OmegaM-thetas[0].OmegaM) < 1e-6 })
		out := make([]field.LogMap, len(thetas))
		for i := range out {
			out[i] = whitenoise.Map(params[sim], whitenoise.Box(whitenoise.Cells), uint64(1000+sim), i)
		}
		return out, nil
	}
	r, err := s.Chi2(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range r.LeaveOneOut {
		// The files hold float32 linear values: log10 pixels differ by 1e-6 of a deviation of 0.1, chi²
		// by a little more.
		if math.Abs(r.Generated14[i]/v-1) > 1e-3 || r.Generated15[i] >= v {
			t.Errorf("map %d: chi² %g left out, %g replayed, %g against all", i, v, r.Generated14[i],
				r.Generated15[i])
		}
	}
}

// TestCorrectedMapsHaveAnotherName: or they would take what is kept of those without.
func TestCorrectedMapsHaveAnotherName(t *testing.T) {
	data, _ := whitenoise.WithControl(t)
	e := of(t, data, &whitenoise.Counted{Stretch: 1})
	params := whitenoise.Spread(2)
	plain, err := e.Generate(ctx, params, 7)
	if err != nil || e.Name(7) != "generated, seed 7" {
		t.Fatalf("%q, %v", e.Name(7), err)
	}
	corrected := e
	tr := emulator.NewPowerCorrection(e.Box.Cells, e.Prior)
	tr.Rings.Coefficients[0][0] = 1
	corrected.Correction = &tr
	changed, err := corrected.Generate(ctx, params, 7)
	if err != nil || corrected.Name(7) == e.Name(7) {
		t.Errorf("corrected maps are called %q, too: %v", corrected.Name(7), err)
	}
	if changed[1].Values[1] == plain[1].Values[1] {
		t.Error("the correction is not in the maps")
	}
}
