package modelcard

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"darkfield/pkg/evaluate"
	"darkfield/pkg/heldout/whitenoise"
	"darkfield/pkg/report"
)

var ctx = context.Background()

// TestCard: every number of a perfect emulator whose aim does not ask for more maps than the test
// has is met, a second call makes no maps, and one with a tenth too much contrast misses.
func TestCard(t *testing.T) {
	set := whitenoise.ResponseSet(t, 4)
	cfg := Default()
	cfg.Evaluate = evaluate.Default()
	cfg.Evaluate.ValidationParams, cfg.Evaluate.MapsPerParam, cfg.Evaluate.OnePSeeds = 12, 40, 15
	cfg.PaperParams, cfg.PaperMaps, cfg.NewMaps = 6, 20, 40
	verdicts := map[float64]map[string]report.Verdict{}
	for _, stretch := range []float64{1, 1.1} {
		emulator := &whitenoise.Counted{Stretch: stretch}
		data, control := whitenoise.WithControl(t)
		s := evaluate.Emulator{
			Data: whitenoise.Split(data, 24), Sampler: "exact", Sample: emulator.Sample,
			Cache: t.TempDir(),
		}
		s.Validation, s.Test = s.Test, s.Validation // the control is of the odd ones
		c, err := Make(ctx, s, cfg, control, set)
		if err != nil {
			t.Fatal(err)
		}
		made := emulator.Made
		if again, err := Make(ctx, s, cfg, control, set); err != nil || emulator.Made != made ||
			again.Summary() != c.Summary() {
			t.Errorf("a second call made %d maps (%v) and found %q after %q", emulator.Made-made, err,
				again.Summary(), c.Summary())
		}
		text, err := json.Marshal(c.Rows)
		if err != nil || !strings.Contains(string(text), `"verdict":"pass"`) {
			t.Errorf("%v: %s", err, text)
		}
		whitenoise.CheckCSV(t, c.WriteCSV, len(c.Rows))
		verdicts[stretch] = map[string]report.Verdict{}
		sections := map[string]bool{}
		for _, r := range c.Rows {
			// 12 bins cannot be tested together with 4 boxes
			if missed := r.Verdict() == report.Miss; stretch == 1 && r.Section == SectionResponses &&
				missed != strings.Contains(r.Quantity, "chi²") {
				t.Errorf("%v", r.Cells())
			}
			sections[r.Section] = true
			verdicts[stretch][r.Quantity] = r.Verdict()
		}
		if len(sections) != 8 {
			t.Errorf("sections %v", sections)
		}
	}
	for _, q := range []string{"generated / control, mean reduced chi²", "99.9 % quantile of log10, " +
		"generated − control"} {
		if verdicts[1.1][q] != report.Miss {
			t.Errorf("a tenth too much contrast: %q is %q", q, verdicts[1.1][q])
		}
	}
	for q, verdict := range verdicts[1.1] {
		if strings.HasPrefix(q, "log fields, k = ") && verdict == report.Pass {
			t.Errorf("a fifth too much power: %q is %q", q, verdict)
		}
	}
	for q, want := range map[string]report.Verdict{
		"mean log10, generated − control":                        report.Pass,
		"99.9 % quantile of log10, generated − control":          report.Pass,
		"held-out parameters":                                    report.Shown,
		"chance of so small distances, if as those of true maps": report.Pass,
		"standard deviation of log10, generated − control":       report.Shown,
	} {
		if verdicts[1][q] != want {
			t.Errorf("perfect maps: %q is %q, want %q", q, verdicts[1][q], want)
		}
	}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		row     Row
		verdict report.Verdict
		aim     string
	}{
		{Row{Value: 1}, report.Shown, ""},
		{Row{Value: 1}.within(0.9, 1.1), report.Pass, "0.9 to 1.1"},
		{Row{Value: 1.2}.within(0.9, 1.1), report.Miss, "0.9 to 1.1"},
		{Row{Value: -3}.within(-2, 2), report.Miss, "−2 to 2"},
		{Row{Value: 1.05}.within(1, 1.05), report.Pass, "1 to 1.05"},
		{Row{Value: 39}.atLeast(40), report.Miss, "≥ 40"},
		{Row{Value: math.NaN()}.within(0, 1), report.Miss, "0 to 1"},
		{Row{Value: math.NaN(), Error: math.Inf(1)}, report.Shown, ""},
	} {
		if c.row.Verdict() != c.verdict || c.row.Aim() != c.aim {
			t.Errorf("%+v: %q, %q, want %q, %q", c.row, c.row.Verdict(), c.row.Aim(), c.verdict, c.aim)
		}
		if _, err := json.Marshal(c.row); err != nil {
			t.Errorf("%+v: %v", c.row, err)
		}
	}
}

// TestConfig: a fault names its field.
func TestConfig(t *testing.T) {
	c := Default()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	c.NewMaps, c.PaperMaps, c.Evaluate.OnePSeeds = 0, 1, 0
	err := c.Validate()
	for _, name := range []string{"NewMaps", "PaperMaps", "OnePSeeds"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

// TestFittedResponses: power laws through training simulations have a row of their own.
func TestFittedResponses(t *testing.T) {
	one := []float64{1, 1, 1, 1}
	m := evaluate.MovedResponse{
		Parameter: "sigma_8", Value: 0.6, True: one, TrueError: one, Generated: one,
		GeneratedError: one, Quotient: one, QuotientError: one,
	}
	fitted := m
	fitted.Fit, fitted.FitError = one, one
	r := evaluate.Responses{K: one, Moved: []evaluate.MovedResponse{m, fitted}}
	if rows := responseRows(r); len(rows) != 3+3+4 ||
		!strings.Contains(rows[len(rows)-1].Quantity, "power laws") {
		t.Errorf("%d rows, the last %v", len(rows), rows[len(rows)-1])
	}
}
