package study

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

// responseSet writes rounds of a fiducial model and both ends of each parameter; the reader must find the rows by their parameters, so
// every other round stands backwards.
func responseSet(t *testing.T, rounds int) *camels.Maps {
	t.Helper()
	round := []cosmology.Params{{OmegaM: 0.1, Sigma8: 0.8}, {OmegaM: 0.5, Sigma8: 0.8}, cosmology.Fiducial, {OmegaM: 0.3, Sigma8: 0.6}, {OmegaM: 0.3, Sigma8: 1}}
	var params []cosmology.Params
	for i := range rounds {
		params = append(params, round...)
		if i%2 == 1 {
			slices.Reverse(params[len(params)-len(round):])
		}
	}
	dir := t.TempDir()
	writeSeeded(t, dir, camels.OneP, testCells, params, func(sim int) uint64 { return uint64(500 + sim/len(round)) })
	s, err := camels.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.Sets[camels.OneP]
}

// exactResponse is P/P_fid of the test universe.
func exactResponse(p cosmology.Params) float64 {
	relative := func(p cosmology.Params) float64 { return testDeviation(p) / testMean(p) }
	return math.Pow(relative(p)/relative(cosmology.Fiducial), 2)
}

// TestResponses: with common phases both responses are exact, and rows belong together by their parameters.
func TestResponses(t *testing.T) {
	set := responseSet(t, 4)
	s, _ := withControl(t, &counted{stretch: 1})
	cfg := smallConfig()
	r, err := s.Responses(ctx, cfg, set)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Moved) != 4 || r.Rounds != 4 || r.Maps != cfg.OnePSeeds || r.Fiducial != cosmology.Fiducial {
		t.Fatalf("%d values, %d rounds, %d maps around %v", len(r.Moved), r.Rounds, r.Maps, r.Fiducial)
	}
	for _, m := range r.Moved {
		want := exactResponse(m.Params)
		for i := range r.K {
			// The sum of a map, by which its spectrum is divided, fluctuates by 0.1/(11·16).
			if math.Abs(m.True[i]/want-1) > 3e-3 || math.Abs(m.Generated[i]/want-1) > 3e-3 || m.TrueError[i] > 1e-2*want || m.QuotientError[i] > 1e-2 {
				t.Errorf("%v, bin %d: true %g ± %g, generated %g, want %g", m.Params, i, m.True[i], m.TrueError[i], m.Generated[i], want)
			}
			if q := m.Generated[i] / m.True[i]; q != m.Quotient[i] {
				t.Errorf("quotient %g, want %g", m.Quotient[i], q)
			}
		}
	}
	checkCSV(t, r.WriteCSV, 4*len(r.K))
	for _, row := range r.rows() {
		if missed := row.Verdict() == Miss; missed != (strings.Contains(row.Quantity, "boxes at") || strings.Contains(row.Quantity, "maps at")) && !strings.Contains(row.Quantity, "standard errors") {
			t.Errorf("%v", row.Cells())
		}
	}
}

// TestTrendOfTrainingSimulations: a fit to enough training simulations finds the response, with an error that covers how far it is off.
func TestTrendOfTrainingSimulations(t *testing.T) {
	dir := t.TempDir()
	params := latin(fewestTrended)
	writeSet(t, dir, camels.LH, testCells, params, false)
	s := open(t, dir, &counted{stretch: 1})
	s.Train = nil
	for sim := range params {
		s.Train = append(s.Train, sim)
	}
	r, err := s.Responses(ctx, smallConfig(), responseSet(t, 4))
	if err != nil {
		t.Fatal(err)
	}
	if r.Trained != len(params) {
		t.Errorf("%d training simulations, want %d", r.Trained, len(params))
	}
	sum, n := 0.0, 0
	for _, m := range r.Moved {
		for i := range r.K {
			z := (m.Trend[i] - exactResponse(m.Params)) / m.TrendError[i]
			sum, n = sum+z*z, n+1
			if relative := m.TrendError[i] / m.Trend[i]; !(relative > 0 && relative < 0.3) {
				t.Errorf("%v, bin %d: error of %g", m.Params, i, relative)
			}
		}
	}
	if rms := math.Sqrt(sum / float64(n)); !(rms > 0.5 && rms < 1.6) {
		t.Errorf("deviations of %.2f standard errors, want about 1", rms)
	}
	if rows := r.rows(); len(rows) != 2+3*len(r.Moved) {
		t.Errorf("%d rows", len(rows))
	}
}

// TestOneRoundHasNoError: a single round is compared, but says nothing of its scatter.
func TestOneRoundHasNoError(t *testing.T) {
	s, _ := withControl(t, &counted{stretch: 1})
	r, err := s.Responses(ctx, smallConfig(), responseSet(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	if m := r.Moved[0]; !math.IsNaN(m.TrueError[2]) || !math.IsNaN(m.QuotientError[2]) || math.IsNaN(m.GeneratedError[2]) {
		t.Errorf("errors %g, %g, %g of one round", m.TrueError[2], m.QuotientError[2], m.GeneratedError[2])
	}
}

// TestPowerRatioError: the bootstrap finds the scatter of a ratio of means of independent curves.
func TestPowerRatioError(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const n, scatter = 400, 0.1
	moved, fiducial := make([][]float64, n), make([][]float64, n)
	for i := range n {
		moved[i], fiducial[i] = []float64{2 + 2*scatter*rng.NormFloat64()}, []float64{1 + scatter*rng.NormFloat64()}
	}
	ratio, again := powerRatio(moved, fiducial, rng)
	mean, variance := 0.0, 0.0
	for _, a := range again {
		mean += a[0] / float64(len(again))
	}
	for _, a := range again {
		variance += (a[0] - mean) * (a[0] - mean) / float64(len(again))
	}
	want := 2 * scatter * math.Sqrt(2.0/n)
	if math.Abs(ratio[0]-2) > 5*want || math.Abs(math.Sqrt(variance)/want-1) > 0.15 {
		t.Errorf("ratio %g ± %g, want 2 ± %g", ratio[0], math.Sqrt(variance), want)
	}
}

// split returns a source with simulations 0, 4, 8, … for training, the odd ones for validation and the rest for tests.
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

// TestNovelty: maps of a perfect emulator are as far from the training maps as held-out ones are; copies of training maps are found.
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
	s.Hash = "copies"
	s.Sample = func(_ context.Context, params []cosmology.Params, _ uint64, _ func(done, total int)) ([]field.LogMap, error) {
		out := make([]field.LogMap, len(params))
		for i := range out {
			out[i] = field.LogMap{Box: s.Box, Values: make([]float32, s.Box.Pixels())}
			field.Symmetry(i%field.Symmetries).Apply(out[i].Values, train[i%len(train)].Values, s.Box.Cells)
		}
		return out, nil
	}
	n, err = s.Novelty(ctx, smallConfig(), 60)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range n.Rows {
		if want := 8*camels.MapsPerSimulation + i%camels.MapsPerSimulation; r.Generated > 1e-6 || r.GeneratedNearest != want {
			t.Errorf("a copy of map %d is found at %g dex from map %d", want, r.Generated, r.GeneratedNearest)
		}
	}
	if n.Smaller.D != 1 || n.rows()[0].Verdict() != Miss {
		t.Errorf("copies pass: %+v", n.Smaller)
	}
}

// TestCard: every number of a perfect emulator whose aim does not ask for more maps than the test has is met, a second call makes no
// maps, and one with a tenth too much contrast misses.
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
		c, err := s.Card(ctx, cfg, control, set)
		if err != nil {
			t.Fatal(err)
		}
		made := emulator.made
		if again, err := s.Card(ctx, cfg, control, set); err != nil || emulator.made != made || again.Summary() != c.Summary() {
			t.Errorf("a second call made %d maps (%v) and found %q after %q", emulator.made-made, err, again.Summary(), c.Summary())
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
		if len(sections) != 6 {
			t.Errorf("sections %v", sections)
		}
	}
	for _, q := range []string{"generated / control, mean reduced chi²", "99.9 % quantile of log10, generated − control"} {
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
		"mean log10, generated − control": Pass, "99.9 % quantile of log10, generated − control": Pass, "held-out parameters": Miss,
		"chance of so small distances, if as those of true maps": Pass, "standard deviation of log10, generated − control": Shown,
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

// TestTrainingTime: pauses do not count, and metrics that end early or start late do not pass for the whole run.
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
	if took, err := TrainingTime(path, 61); err != nil || took < 20*time.Second || took > 21*time.Second {
		t.Errorf("61 steps took %v, %v, want a little more than 20 s", took, err)
	}
	for _, steps := range []int{10, 100} {
		if took, err := TrainingTime(path, steps); err == nil {
			t.Errorf("%d steps took %v, want an error", steps, took)
		}
	}
}
