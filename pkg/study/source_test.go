package study

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
)

// TestCache: nothing is made twice, nothing stale is used, and what is broken is made again.
func TestCache(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, camels.LH, testCells, latin(8), false)
	made := func(s Source, e *counted, cfg Config) int {
		t.Helper()
		before := e.made
		if _, err := s.Spectra(ctx, cfg); err != nil {
			t.Fatal(err)
		}
		return e.made - before
	}
	e := &counted{stretch: 1}
	s, cfg := open(t, dir, e), smallConfig()
	first, err := s.Spectra(ctx, cfg)
	if err != nil || e.made != 60 {
		t.Fatalf("%d maps made, want 60: %v", e.made, err)
	}
	again, err := s.Spectra(ctx, cfg)
	if err != nil || e.made != 60 || !reflect.DeepEqual(first, again) {
		t.Errorf("%d maps made in all, want 60, and the same numbers: %v", e.made, err)
	}
	fewer := cfg
	fewer.MapsPerParam = 16
	if n := made(s, e, fewer); n != 0 {
		t.Errorf("fewer maps of the same kind: %d made, want 0", n)
	}
	for name, change := range map[string]func(*Source, *Config){
		"seed":       func(_ *Source, c *Config) { c.Seed++ },
		"checkpoint": func(s *Source, _ *Config) { s.Network = "another" },
		"sampler":    func(s *Source, _ *Config) { s.Sampler = "other" },
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
	tr := emulator.NewPowerCorrection(testCells, s.Prior)
	for _, c := range tr.Rings.Coefficients {
		c[0] = math.Log(2)
	}
	louder.Hash, louder.Transferred = "fedcba9876543210", &tr
	before := e.made
	loud, err := louder.Spectra(ctx, more)
	if err != nil || e.made != before {
		t.Errorf("with a transfer function %d maps were made, want none, for the same raw ones are "+
			"there: %v", e.made-before, err)
	}
	for i, panel := range loud.Panels {
		for k, p := range panel.GenMean {
			if want := 2 * grown.Panels[i].GenMean[k]; math.Abs(p/want-1) > 1e-4 {
				t.Errorf("panel %d, bin %d: power %g with a factor of 2, want %g", i, k, p, want)
			}
		}
	}
	if !strings.Contains(loud.Caption, "transfer function") ||
		strings.Contains(grown.Caption, "transfer function") {
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

// TestHeldOut: the same simulations for every checkpoint, only held-out ones, far apart first,
// and what there is when few.
func TestHeldOut(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, camels.LH, 32, latin(8), false) // 32 pixels: averaged to 16 on the way
	s, cfg := open(t, dir, &counted{stretch: 1}), smallConfig()
	sims, err := s.held(10, 3)
	if err != nil || len(sims) != 4 {
		t.Fatalf("held-out simulations %v, want the four odd ones: %v", sims, err)
	}
	for _, sim := range sims {
		if sim%2 == 0 {
			t.Errorf("simulation %d was trained on", sim)
		}
	}
	if again, _ := s.held(10, 3); !slices.Equal(sims, again) {
		t.Errorf("another choice the second time: %v, %v", sims, again)
	}
	r, err := s.Chi2(ctx, cfg)
	if err != nil || len(r.Rows) != 4 {
		t.Errorf("with few simulations chi² uses what there is, got %d: %v", len(r.Rows), err)
	}
	s.Validation = []int{999, 3, 500, 5} // as of weights that were trained on a larger set
	if sims, err := s.held(10, 3); err != nil || len(sims) != 2 || slices.Max(sims) != 5 ||
		slices.Min(sims) != 3 {
		t.Errorf("of a larger set's split: %v (%v), want 3 and 5", sims, err)
	}
	s.Weights = "shipped weights w.safetensors"
	if text := s.caption(cfg, ""); !strings.Contains(text, "shipped weights w.safetensors, step ") {
		t.Errorf("caption %q", text)
	}
	s.Validation = []int{100, 101}
	if _, err := s.Spectra(ctx, cfg); err == nil ||
		!strings.Contains(err.Error(), "none of the checkpoint's 2 validation simulations") {
		t.Errorf("error %v", err)
	}
}

func TestCancelled(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, camels.LH, testCells, latin(8), false)
	s := open(t, dir, &counted{stretch: 1})
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
	if _, err := s.Inference(stopped, smallConfig()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestReplayedTruths: an emulator that returns the true maps scores exactly as the true maps do
// when they are left out, and lower where they are part of their own reference. Every parameter
// has its own noise.
func TestReplayedTruths(t *testing.T) {
	dir := t.TempDir()
	params := latin(8)
	writeSet(t, dir, camels.LH, testCells, params, false)
	s, cfg := open(t, dir, &counted{stretch: 1}), smallConfig()
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
			out[i] = testMap(params[sim], testBox(testCells), uint64(1000+sim), i)
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

// TestSuiteOfAnotherKind: maps that cannot be compared with the emulator's are refused before
// anything is sampled.
func TestSuiteOfAnotherKind(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, camels.LH, testCells, latin(8), false)
	s := open(t, dir, &counted{stretch: 1})
	if err := s.checkSuite(); err != nil {
		t.Error(err)
	}
	for want, box := range map[string]field.Box{
		"25 Mpc/h a side":  {Side: 100, Cells: 16},
		"16 pixels a side": {Side: 25, Cells: 32},
	} {
		s.Box = box
		if err := s.checkSuite(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("box %+v: error %v, want one that says %q", box, err, want)
		}
	}
}

// TestOtherFieldsAreRefused: maps of another field, unit or offset cannot be compared with what
// the emulator makes; another log range can.
func TestOtherFieldsAreRefused(t *testing.T) {
	suite := &camels.Suite{
		Dir: "dir", Field: "Mstar",
		Description: camels.Description{Unit: "K", Offset: 1, LogRange: [2]float64{1, 2}},
	}
	if err := checkField(suite, "Mstar", "K", 1); err != nil {
		t.Error(err)
	}
	for want, err := range map[string]error{
		"trained on Mcdm": checkField(suite, "Mcdm", "K", 1),
		"maps in G":       checkField(suite, "Mstar", "G", 1),
		"K with 0":        checkField(suite, "Mstar", "K", 0),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want one that says %q", err, want)
		}
	}
}
