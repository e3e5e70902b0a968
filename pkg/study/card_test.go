package study

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

// split returns a source with simulations 0, 4, 8, … for training, the odd ones for validation
// and the rest for tests.
func split(s Source, sims int) Source {
	s.Train, s.Test = nil, nil
	for sim := 0; sim < sims; sim += 2 {
		if sim%4 == 0 {
			s.Train = append(s.Train, sim)
		} else {
			s.Test = append(s.Test, sim)
		}
	}
	return s
}

// TestNovelty: maps of a perfect emulator are as far from the training maps as held-out ones are;
// copies of training maps are found.
func TestNovelty(t *testing.T) {
	s, _ := withControl(t, &counted{stretch: 1})
	s = split(s, 24)
	n, err := s.Novelty(ctx, smallConfig(), 60)
	if err != nil {
		t.Fatal(err)
	}
	if len(n.Rows) != 60 || n.Training != 6*camels.MapsPerSimulation {
		t.Fatalf("%d rows, %d training maps", len(n.Rows), n.Training)
	}
	if n.Smaller.P < 0.01 {
		t.Errorf("a perfect emulator copies: %+v", n.Smaller)
	}
	seen := map[int]bool{}
	for _, r := range n.Rows {
		sim := r.HeldOutMap / camels.MapsPerSimulation
		if seen[r.HeldOutMap] || sim%4 == 0 || s.Suite.Sets[camels.LH].Params(sim) != r.Params {
			t.Errorf("held-out map %d at %v", r.HeldOutMap, r.Params)
		}
		seen[r.HeldOutMap] = true
		if near := r.GeneratedNearest / camels.MapsPerSimulation; near%4 != 0 {
			t.Errorf("map %d is no training map", r.GeneratedNearest)
		}
	}
	checkCSV(t, n.WriteCSV, 60)

	train, err := s.truth(s.Suite.Sets[camels.LH], 8)
	if err != nil {
		t.Fatal(err)
	}
	s.Network = "copies"
	s.Sample = func(_ context.Context, _ int, params []cosmology.Params, _ uint64,
		_ func(done, total int),
	) ([]field.LogMap, error) {
		out := make([]field.LogMap, len(params))
		for i := range out {
			out[i] = field.LogMap{Box: s.Box, Values: make([]float32, s.Box.Pixels())}
			field.Symmetry(i%field.Symmetries).ApplyTo(out[i].Values,
				train[i%len(train)].Values, s.Box.Cells)
		}
		return out, nil
	}
	n, err = s.Novelty(ctx, smallConfig(), 60)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range n.Rows {
		if want := 8*camels.MapsPerSimulation + i%camels.MapsPerSimulation; r.Generated > 1e-6 ||
			r.GeneratedNearest != want {
			t.Errorf("a copy of map %d is found at %g dex from map %d", want, r.Generated,
				r.GeneratedNearest)
		}
	}
	if n.Smaller.D != 1 || n.rows()[0].Verdict() != Miss {
		t.Errorf("copies pass: %+v", n.Smaller)
	}
}

// TestCard: every number of a perfect emulator whose aim does not ask for more maps than the test
// has is met, a second call makes no maps, and one with a tenth too much contrast misses.
func TestCard(t *testing.T) {
	set := responseSet(t, 4)
	cfg := DefaultCard()
	cfg.Study = smallConfig()
	cfg.Study.ValidationParams, cfg.Study.MapsPerParam, cfg.PaperParams, cfg.PaperMaps, cfg.NewMaps = 12, 40, 6, 20, 40
	verdicts := map[float64]map[string]string{}
	for _, stretch := range []float64{1, 1.1} {
		emulator := &counted{stretch: stretch}
		s, control := withControl(t, emulator)
		s = split(s, 24)
		s.Validation, s.Test = s.Test, s.Validation // the control is of the odd ones
		c, err := s.Card(ctx, cfg, control, set)
		if err != nil {
			t.Fatal(err)
		}
		made := emulator.made
		if again, err := s.Card(ctx, cfg, control, set); err != nil || emulator.made != made ||
			again.Summary() != c.Summary() {
			t.Errorf("a second call made %d maps (%v) and found %q after %q", emulator.made-made, err,
				again.Summary(), c.Summary())
		}
		text, err := json.Marshal(c.Rows)
		if err != nil || !strings.Contains(string(text), `"verdict":"pass"`) {
			t.Errorf("%v: %s", err, text)
		}
		checkCSV(t, c.WriteCSV, len(c.Rows))
		verdicts[stretch] = map[string]string{}
		sections := map[string]bool{}
		for _, r := range c.Rows {
			sections[r.Section] = true
			verdicts[stretch][r.Quantity] = r.Verdict()
		}
		if len(sections) != 7 {
			t.Errorf("sections %v", sections)
		}
	}
	for _, q := range []string{"generated / control, mean reduced chi²", "99.9 % quantile of log10, " +
		"generated − control"} {
		if verdicts[1.1][q] != Miss {
			t.Errorf("a tenth too much contrast: %q is %q", q, verdicts[1.1][q])
		}
	}
	for q, verdict := range verdicts[1.1] {
		if strings.HasPrefix(q, "log fields, k = ") && verdict == Pass {
			t.Errorf("a fifth too much power: %q is %q", q, verdict)
		}
	}
	for q, want := range map[string]string{
		"mean log10, generated − control": Pass, "99.9 % quantile of log10, generated − control": Pass,
		"held-out parameters": Shown,
		"chance of so small distances, if as those of true maps": Pass,
		"standard deviation of log10, generated − control":       Shown,
	} {
		if verdicts[1][q] != want {
			t.Errorf("perfect maps: %q is %q, want %q", q, verdicts[1][q], want)
		}
	}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		row     CardRow
		verdict string
		aim     string
	}{
		{CardRow{Value: 1}, Shown, ""},
		{CardRow{Value: 1}.within(0.9, 1.1), Pass, "0.9 to 1.1"},
		{CardRow{Value: 1.2}.within(0.9, 1.1), Miss, "0.9 to 1.1"},
		{CardRow{Value: -3}.within(-2, 2), Miss, "−2 to 2"},
		{CardRow{Value: 1.05}.atMost(1.05), Pass, "≤ 1.05"},
		{CardRow{Value: 39}.atLeast(40), Miss, "≥ 40"},
		{CardRow{Value: math.NaN()}.atMost(1), Miss, "≤ 1"},
		{CardRow{Value: math.NaN(), Error: math.Inf(1)}, Shown, ""},
	} {
		if c.row.Verdict() != c.verdict || c.row.Aim() != c.aim {
			t.Errorf("%+v: %q, %q, want %q, %q", c.row, c.row.Verdict(), c.row.Aim(), c.verdict, c.aim)
		}
		if _, err := json.Marshal(c.row); err != nil {
			t.Errorf("%+v: %v", c.row, err)
		}
	}
}

// TestCardConfig: a fault names its field.
func TestCardConfig(t *testing.T) {
	c := DefaultCard()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	c.NewMaps, c.PaperMaps, c.Study.GridPoints = 0, 1, 0
	err := c.Validate()
	for _, name := range []string{"NewMaps", "PaperMaps", "GridPoints"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

// TestTrainingTime: pauses do not count, and metrics that end early or start late do not pass for
// the whole run.
func TestTrainingTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	lines := `{"step":20,"time":"2026-11-26T04:00:00Z","values":{"steps_per_second":2}}
{"step":30,"time":"2026-11-26T04:00:10Z","values":{"validation_mse":0.5}}
{"step":40,"time":"2026-11-26T09:00:00Z","values":{"steps_per_second":4}}
{"step":60,"time":"2026-11-26T09:00:10Z","values":{"steps_per_second":4}}
`
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	if took, err := TrainingTime(path, 40); err != nil || took != 15*time.Second {
		t.Errorf("40 steps took %v, %v, want 15 s", took, err)
	}
	if took, err := TrainingTime(path, 61); err != nil || took < 20*time.Second ||
		took > 21*time.Second {
		t.Errorf("61 steps took %v, %v, want a little more than 20 s", took, err)
	}
	for _, steps := range []int{10, 100} {
		if took, err := TrainingTime(path, steps); err == nil {
			t.Errorf("%d steps took %v, want an error", steps, took)
		}
	}
}
