package training

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
)

// TestCourseStretches: milestones that are shares follow the number of steps, others stay where
// they are.
func TestCourseStretches(t *testing.T) {
	short := Default()
	short.Steps, short.Warmup, short.CosineTo, short.HalveAt = 200, Percent(10), Percent(100),
		[]Milestone{Percent(50), Percent(75)}
	long := short
	long.Steps = 1000
	const maps = 90
	at := func(c Config, n int) float64 { return c.rate(n) * c.halvings(n, maps) }
	for n := 1; n <= short.Steps; n++ {
		if a, b := at(short, n), at(long, 5*n); math.Abs(a/b-1) > 1e-12 {
			t.Errorf("step %d of 200: rate %g; step %d of 1000: %g, want the same", n, a, 5*n, b)
		}
	}
	// it was 0.01 when the decay ended at step 200
	if got := long.rate(500) / long.LearningRate; got < 0.4 {
		t.Errorf("rate in the middle of a longer run: %g of the highest", got)
	}
	fixed := short
	fixed.Warmup, fixed.CosineTo, fixed.HalveAt = Count(20), Count(200), []Milestone{Count(10)}
	stays := fixed
	stays.Steps = 1000
	for n := 1; n <= short.Steps; n++ {
		if at(fixed, n) != at(stays, n) {
			t.Errorf("step %d: rate %g of 200 and %g of 1000, want counts to stay", n, at(fixed, n),
				at(stays, n))
		}
	}
}

// TestMilestoneText: texts are read and written back, also as JSON, where a count is a number;
// others are refused.
func TestMilestoneText(t *testing.T) {
	for text, want := range map[string]Milestone{
		"0": {}, "300": Count(300), "15%": Percent(15),
		"1.5%": Percent(1.5), "100%": Percent(100),
	} {
		m, err := ParseMilestone(text)
		if err != nil || m != want || m.String() != text {
			t.Errorf("%q is read as %v (%v), want %v", text, m, err, want)
		}
		raw, err := json.Marshal(m)
		var back Milestone
		if err != nil || json.Unmarshal(raw, &back) != nil || back != m ||
			strings.HasPrefix(string(raw), `"`) != (m.Percent != 0) {
			t.Errorf("%q as JSON is %s and comes back as %v (%v)", text, raw, back, err)
		}
	}
	for _, bad := range []string{"", "x", "-1", "-1%", "101%", "NaN%", "Inf%", "0.5", "1e3", "%"} {
		if m, err := ParseMilestone(bad); err == nil || !strings.Contains(err.Error(), "300") {
			t.Errorf("%q is read as %v (%v), want an error that shows what is", bad, m, err)
		}
	}
}

// rewrite changes the configuration on disk, as an earlier version may have written it.
func rewrite(t *testing.T, dir string, change ...string) {
	t.Helper()
	path := directory(dir).config()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(change...).Replace(string(raw))
	if text == string(raw) {
		t.Fatalf("none of %q in %s", change, raw)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRunsWithCountsGoOn: a run directory whose milestones and micro-batch are numbers goes on
// with shares that come to the same numbers, to the bytes of an unbroken run, and may grow; where
// they come to others the error says so.
func TestRunsWithCountsGoOn(t *testing.T) {
	make := func() Job {
		j := job(t.TempDir())
		j.Config.Steps, j.Config.Warmup, j.Config.CosineTo, j.Config.MicroBatch = 10, Percent(20),
			Percent(100), WholeBatch
		j.Config.HalveAt = []Milestone{Percent(50)} // 10 maps, 4 a step: after 2 epochs
		return j
	}
	unbroken, broken := make(), make()
	if _, err := train(t, context.Background(), unbroken); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	broken.Report = func(p Progress) {
		if p.Step == 4 {
			cancel()
		}
	}
	if r, err := train(t, ctx, broken); err == nil || r.Step >= 10 {
		t.Fatalf("not broken off: %+v, %v", r, err)
	}
	broken.Report = nil
	rewrite(t, broken.Dir, "warmup: 20%", "warmup: 2", "cosine_to: 100%", "cosine_to: 10", "- 50%",
		"- 2", "micro_batch: -1", "micro_batch: 4")
	raw, err := os.ReadFile(directory(broken.Dir).config())
	if err != nil || bytes.ContainsRune(raw, '%') || bytes.Contains(raw, []byte("-1")) {
		t.Fatalf("not as an earlier version wrote it (%v): %s", err, raw)
	}
	other := broken
	other.Config.Warmup = Percent(40)
	if _, err := train(t, context.Background(), other); err == nil ||
		!strings.Contains(err.Error(), "training.warmup is 2 there and 40% now; a share in % is one of "+
			"the 10 steps there") {
		t.Errorf("another course: %v", err)
	}
	if _, err := train(t, context.Background(), broken); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(last(t, unbroken.Dir), last(t, broken.Dir)) {
		t.Error("a run that went on from counts differs from an unbroken one")
	}
	broken.Config.Steps = 15
	if r, err := train(t, context.Background(), broken); err != nil || r.Step != 15 {
		t.Errorf("grown: %+v, %v", r, err)
	}
	for _, record := range values(t, broken.Dir) {
		if rate := record.Values["learning_rate"]; record.Step == 11 &&
			!(rate > 0.1*broken.Config.LearningRate) {
			t.Errorf("step 11 of 15: rate %g, want that of the longer course", rate)
		}
	}
}
