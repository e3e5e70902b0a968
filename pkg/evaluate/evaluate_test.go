package evaluate

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"darkfield/pkg/camels"
	"darkfield/pkg/heldout"
	"darkfield/pkg/heldout/whitenoise"
)

var ctx = context.Background()

// open makes an emulator beside the maps of a written directory.
func open(t *testing.T, dir string, emulator *whitenoise.Counted) Emulator {
	t.Helper()
	return of(t, whitenoise.Open(t, dir), emulator)
}

func of(t *testing.T, data heldout.Data, emulator *whitenoise.Counted) Emulator {
	t.Helper()
	return Emulator{Data: data, Sampler: "exact", Sample: emulator.Sample, Cache: t.TempDir()}
}

// smallConfig takes a second.
func smallConfig() Config {
	c := Default()
	c.ValidationParams, c.MapsPerParam, c.OnePSeeds, c.HistogramBins = 6, 20, 15, 40
	return c
}

// TestAPoorEmulatorIsFound: 5 % too much amplitude, 10 % in power, must show in every statistic.
func TestAPoorEmulatorIsFound(t *testing.T) {
	dir := t.TempDir()
	whitenoise.WriteSet(t, dir, camels.LH, whitenoise.Cells, whitenoise.Spread(24), false)
	s, cfg := open(t, dir, &whitenoise.Counted{Stretch: 1.5}), smallConfig()
	e, err := s.Evaluate(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if e.Generated14.Median < 3*e.LeaveOneOut.Median ||
		e.PixelMoments[0].GeneratedDeviation < 1.3*e.PixelMoments[0].TrueDeviation {
		t.Errorf("a stretch of 1.5 gives %+v beside %+v", e.Generated14, e.LeaveOneOut)
	}
	if !strings.Contains(e.String(), "1P") || e.NoResponse == "" {
		t.Errorf("the table must say that there is no 1P set:\n%s", e)
	}
	if _, err := s.OneParameter(ctx, cfg); !errors.Is(err, ErrNoOneParameter) ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line wrapping ErrNoOneParameter", err)
	}
}

// TestBestOfThree: among checkpoints that stretch maps by more and less, the one that does not is
// best; one without numbers never is.
func TestBestOfThree(t *testing.T) {
	dir := t.TempDir()
	whitenoise.WriteSet(t, dir, camels.LH, whitenoise.Cells, whitenoise.Spread(24), false)
	var table Selection
	if table.Best() != -1 {
		t.Error("a table of no checkpoints has a best one")
	}
	for i, stretch := range []float64{1.4, 1, 1.2} {
		s, cfg := open(t, dir, &whitenoise.Counted{Stretch: stretch}), smallConfig()
		c, err := s.Chi2(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		table.Add("step.safetensors", i, c)
	}
	table.Add("diverged.safetensors", 3, Chi2{Generated15: []float64{math.NaN()}})
	if table.Best() != 1 || !strings.Contains(table.String(), "← best") {
		t.Errorf("the best is candidate %d, want 1:\n%s", table.Best(), table)
	}
	if got, want := table.Candidates[2].Generated15.Mean,
		table.Candidates[1].Generated15.Mean; !(got > want) {
		t.Errorf("a stretch of 1.2 scores %g, none %g", got, want)
	}
	if err := table.WriteCSV(filepath.Join(dir, "selection.csv")); err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
	bad := Default()
	bad.MapsPerParam, bad.OnePSeeds, bad.HistogramBins = 1, 1, 1
	err := bad.Validate()
	if err == nil || strings.Count(err.Error(), "evaluate.Config.") != 3 {
		t.Errorf("error %v, want all three faults", err)
	}
}
