package heldout_test

import (
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/heldout"
	"darkfield/pkg/heldout/whitenoise"
)

// TestHeldOut: the same simulations for every checkpoint, only held-out ones, far apart first,
// and what there is when few.
func TestHeldOut(t *testing.T) {
	dir := t.TempDir()
	whitenoise.WriteSet(t, dir, camels.LH, 32, whitenoise.Spread(8), false)
	d := whitenoise.Open(t, dir)
	sims, err := d.Choose(10, 3)
	if err != nil || len(sims) != 4 {
		t.Fatalf("held-out simulations %v, want the four odd ones: %v", sims, err)
	}
	for _, sim := range sims {
		if sim%2 == 0 {
			t.Errorf("simulation %d was trained on", sim)
		}
	}
	if again, _ := d.Choose(10, 3); !slices.Equal(sims, again) {
		t.Errorf("another choice the second time: %v, %v", sims, again)
	}
	maps, err := d.Maps()
	if err != nil {
		t.Fatal(err)
	}
	if m, err := d.Map(maps, 1, 2); err != nil || m.Box.Cells != whitenoise.Cells {
		t.Errorf("a map of %d pixels a side, want them averaged: %v", m.Box.Cells, err)
	}
	d.Validation = []int{999, 3, 500, 5} // as of weights that were trained on a larger set
	if sims, err := d.Choose(10, 3); err != nil || len(sims) != 2 || slices.Max(sims) != 5 ||
		slices.Min(sims) != 3 {
		t.Errorf("of a larger set's split: %v (%v), want 3 and 5", sims, err)
	}
	d.Checkpoint.Name = "shipped weights w.safetensors"
	if text := d.Caption("", "sampler exact", ""); !strings.Contains(text,
		"shipped weights w.safetensors, step ") {
		t.Errorf("caption %q", text)
	}
	d.Validation = []int{100, 101}
	if _, err := d.Choose(10, 3); err == nil ||
		!strings.Contains(err.Error(), "none of the checkpoint's 2 validation simulations") {
		t.Errorf("error %v", err)
	}
}

// TestSuiteOfAnotherKind: maps that cannot be compared with the emulator's are refused before
// anything is sampled.
func TestSuiteOfAnotherKind(t *testing.T) {
	dir := t.TempDir()
	whitenoise.WriteSet(t, dir, camels.LH, whitenoise.Cells, whitenoise.Spread(8), false)
	d := whitenoise.Open(t, dir)
	if err := heldout.CheckBox(d); err != nil {
		t.Error(err)
	}
	for want, box := range map[string]field.Box{
		"25 Mpc/h a side":  {Side: 100, Cells: 16},
		"16 pixels a side": {Side: 25, Cells: 32},
	} {
		d.Box = box
		if err := heldout.CheckBox(d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("box %+v: error %v, want one that says %q", box, err, want)
		}
	}
}

// TestParametersOfTheCheckpoint: one of Ω_m and σ_8 takes maps of any parameters, one of more needs
// a description that names the same ones.
func TestParametersOfTheCheckpoint(t *testing.T) {
	prior := cosmology.CAMELSPrior().With("h", 0.5, 0.9).With("n_s", 0.8, 1.2)
	more := camels.Parameters(prior)
	d := heldout.Data{Suite: &camels.Suite{Dir: "dir"}, Prior: cosmology.CAMELSPrior()}
	for _, of := range []*camels.Parameters{nil, &more} {
		d.Suite.Description.Parameters = of
		if err := heldout.CheckParameters(d); err != nil {
			t.Error(err)
		}
	}
	d.Prior = prior
	if err := heldout.CheckParameters(d); err != nil {
		t.Error(err)
	}
	turned := camels.Parameters(cosmology.Prior{Further: []string{"n_s", "h"}})
	for _, of := range []*camels.Parameters{nil, &turned} {
		d.Suite.Description.Parameters = of
		if err := heldout.CheckParameters(d); err == nil || !strings.Contains(err.Error(),
			"write parameters: {omega_m: [0.1, 0.5], sigma_8: [0.6, 1], h: [0.5, 0.9], n_s: [0.8, 1.2]}") {
			t.Errorf("error %v", err)
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
	if err := heldout.CheckField(suite, "Mstar", "K", 1); err != nil {
		t.Error(err)
	}
	for want, err := range map[string]error{
		"trained on Mcdm": heldout.CheckField(suite, "Mcdm", "K", 1),
		"maps in G":       heldout.CheckField(suite, "Mstar", "G", 1),
		"K with 0":        heldout.CheckField(suite, "Mstar", "K", 0),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want one that says %q", err, want)
		}
	}
}
