package study

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"darkfield/pkg/camels"
)

var ctx = context.Background()

// TestAPoorEmulatorIsFound: 5 % too much amplitude, 10 % in power, must show in every statistic.
func TestAPoorEmulatorIsFound(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, camels.LH, testCells, latin(24), false)
	s, cfg := open(t, dir, &counted{stretch: 1.5}), smallConfig()
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
	writeSet(t, dir, camels.LH, testCells, latin(24), false)
	var table Selection
	if table.Best() != -1 {
		t.Error("a table of no checkpoints has a best one")
	}
	for i, stretch := range []float64{1.4, 1, 1.2} {
		s, cfg := open(t, dir, &counted{stretch: stretch}), smallConfig()
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
	bad.MapsPerParam, bad.GridPoints, bad.Terms = 1, 1, nil
	err := bad.Validate()
	var fault *FieldError
	if !errors.As(err, &fault) || strings.Count(err.Error(), "study.Config.") != 3 {
		t.Errorf("error %v, want all three faults", err)
	}
}
