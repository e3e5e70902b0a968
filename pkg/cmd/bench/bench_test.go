package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// The test binary stands in for PyTorch and for the training process whose memory is measured.
const fake = "BENCH_TEST_FAKE"

func TestMain(m *testing.M) {
	switch os.Getenv(fake) {
	case "worker":
		fakeWorker()
	case "training":
		// … -train-only WIDTH -out DIRECTORY
		n := len(os.Args)
		dim, err := strconv.Atoi(os.Args[n-3])
		if err == nil {
			err = trainOnly(context.Background(), tiny(), dim, os.Args[n-1], os.Stdin, os.Stdout)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		os.Exit(m.Run())
	}
}

// fakeWorker answers as bench.py does, at once: a forward pass takes 2 s, all else 1 s.
func fakeWorker() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			fmt.Println(`{"error": "no JSON"}`)
			continue
		}
		switch {
		case r["do"] == "die":
			fmt.Fprintln(os.Stderr, "Traceback\nout of memory")
			os.Exit(3)
		case r["do"] == "about":
			fmt.Println(`{"seconds": 0, "version": "PyTorch 0", "lacks": {"compiled": "no compiler"}}`)
		case r["network"] == "bfloat16" && r["do"] == "step":
			fmt.Println(`{"error": "no such kernel"}`)
		case r["do"] == "forward":
			fmt.Println(`{"seconds": 2}`)
		default:
			fmt.Println(`{"seconds": 1, "layout": "contiguous"}`)
		}
	}
}

func standIn(t *testing.T, as string) command {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return command{name: "PyTorch", args: []string{self}, env: []string{fake + "=" + as}}
}

// tiny is small enough for the backend that needs no plugin.
func tiny() setting {
	s := standard()
	s.network.Multipliers = []int{1, 2}
	s.dims, s.side, s.batch, s.maps, s.gridSide, s.shared, s.repetitions, s.minutes = []int{8}, 4, 4, 2, 4, 4, 1, 1e-3
	s.ways = []string{plain, "float32-reordered", "bfloat16", "float32-compiled"}
	return s
}

// TestDriver runs everything but PyTorch, in small.
func TestDriver(t *testing.T) {
	t.Setenv("GOMLX_BACKEND", "go:ops_sequential") // operations that run side by side were once seen to wait for each other for ever
	var said bytes.Buffer
	d := &driver{setting: tiny(), worker: standIn(t, "worker"), training: standIn(t, "training"), stderr: &said, start: time.Now()}
	r, err := d.measure(context.Background())
	if err != nil {
		t.Fatalf("%v; it said\n%s", err, said.String())
	}
	var got []string
	for _, l := range r.lines {
		got = append(got, fmt.Sprintf("%.12s, %s, %.3g", l.what, l.unit, l.share))
		for name, values := range l.series {
			for _, v := range values {
				if !(v >= 0) || math.IsInf(v, 0) || v == 0 && !strings.HasPrefix(l.what, "compiling") {
					t.Errorf("%s, %s: %g", l.what, name, v)
				}
			}
		}
	}
	want := []string{"training ste, s, 1", "compiling th, s, 1", "forward pass, s, 1", "2 maps, DPM-, s, 0.2", "likelihood g, s, 0.25", "likelihood g, s, 0.25", "training pro, GiB, 1"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
	if d := cmp.Diff(series{plain: {2}, "float32-reordered": {2}}, theirs(r.lines[2].series)); d != "" {
		t.Errorf("forward pass (-want +got):\n%s", d)
	}
	// The worker took 1 s for a fifth of the evaluations and for a quarter of the grid.
	if got := r.lines[3].series[plain]; !cmp.Equal(got, []float64{5}) {
		t.Errorf("sampling took %v, want 5 s extrapolated from a fifth", got)
	}
	if got := r.lines[4].series[plain]; !cmp.Equal(got, []float64{4}) {
		t.Errorf("the grid took %v, want 4 s extrapolated from a quarter", got)
	}
	text := r.markdown()
	for _, want := range []string{"float32-compiled was not measured: no compiler", "PyTorch bfloat16 does not work: no such kernel", "| 8 | forward pass | s | all |"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table does not say %q:\n%s", want, text)
		}
	}
}

// TestFinishedWidthsAreKept: what a run has measured is given away after each width, and says what is missing.
func TestFinishedWidthsAreKept(t *testing.T) {
	t.Setenv("GOMLX_BACKEND", "go:ops_sequential")
	d := &driver{setting: tiny(), worker: standIn(t, "worker"), training: standIn(t, "training"), stderr: &bytes.Buffer{}, start: time.Now()}
	d.dims = []int{8, 16}
	full, kept := errors.New("the disk is full"), report{}
	d.keep = func(r report) error {
		kept = r
		return full
	}
	if _, err := d.measure(context.Background()); !errors.Is(err, full) {
		t.Fatalf("error = %v, want that of keeping", err)
	}
	if text := kept.markdown(); len(kept.lines) != 7 || !strings.Contains(text, "widths [16] are missing") || !strings.Contains(text, "untrained weights") {
		t.Errorf("kept %d lines:\n%s", len(kept.lines), text)
	}
}

// theirs is a series without ours.
func theirs(s series) series {
	out := series{}
	for name, values := range s {
		if name != ours {
			out[name] = values
		}
	}
	return out
}

func TestWorkerThatDies(t *testing.T) {
	w, err := startWorker(context.Background(), standIn(t, "worker"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ask(request{"do": "die"}); err == nil || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("error = %v, want what the worker said last", err)
	}
}

func TestParseAnswer(t *testing.T) {
	a, err := parseAnswer("PyTorch", []byte(`{"seconds": 0.25, "layout": "channels_last"}`))
	if err != nil || *a.Seconds != 0.25 || a.Layout != "channels_last" {
		t.Errorf("got %+v, %v", a, err)
	}
	for line, want := range map[string]string{
		`{"error": "no memory"}`: "PyTorch: no memory",
		`{"layout": "x"}`:        "want seconds",
		`{"seconds": -1}`:        "want seconds",
		`{"seconds": NaN}`:       "want one JSON object",
		`Warning: slow`:          "want one JSON object",
		``:                       "want one JSON object",
	} {
		if _, err := parseAnswer("PyTorch", []byte(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error = %v, want one that says %q", line, err, want)
		}
	}
	var complaint *workerError
	if _, err := parseAnswer("PyTorch", []byte(`{"error": "x"}`)); !errors.As(err, &complaint) {
		t.Errorf("error = %v, want a workerError, after which the worker lives on", err)
	}
}

func TestQuartiles(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   quartiles
	}{
		{[]float64{7}, quartiles{7, 7, 7}},
		{[]float64{3, 1}, quartiles{1.5, 2, 2.5}},
		{[]float64{5, 1, 4, 2, 3}, quartiles{2, 3, 4}},
		{[]float64{4, 1, 3, 2}, quartiles{1.75, 2.5, 3.25}},
	} {
		if got := quartilesOf(c.values); got != c.want {
			t.Errorf("quartiles of %v are %v, want %v", c.values, got, c.want)
		}
	}
}

// TestRatioIsTakenTurnByTurn: a machine that is slower in one turn does not change it.
func TestRatioIsTakenTurnByTurn(t *testing.T) {
	if got := ratio([]float64{2, 20, 2}, []float64{1, 10, 1}); got != (quartiles{2, 2, 2}) {
		t.Errorf("ratio = %v, want 2", got)
	}
	if got := ratio([]float64{6}, []float64{1, 2, 9}); got != (quartiles{3, 3, 3}) {
		t.Errorf("ratio of series of different length = %v, want that of the medians, 3", got)
	}
}

func TestInterleave(t *testing.T) {
	var order strings.Builder
	measure := func(name string, share float64) way {
		return way{name: name, share: share, measure: func() (float64, error) {
			order.WriteString(name)
			return 3, nil
		}}
	}
	got, err := pace{least: 3, most: 9}.interleave(context.Background(), []way{measure("a", 1), measure("b", 0.25)}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(series{"a": {3, 3, 3}, "b": {12, 12, 12}}, got); d != "" {
		t.Errorf("series (-want +got):\n%s", d)
	}
	if order.String() != "abbaab" {
		t.Errorf("order %s, want turns that begin with another way each", order.String())
	}
	if (pace{least: 1, most: 2, enough: time.Hour}).again(2, time.Now()) {
		t.Error("more turns than most")
	}
	if !(pace{least: 1, most: 2, enough: time.Hour}).again(1, time.Now()) {
		t.Error("no turn although there is time")
	}
}

// TestBudget: the widths share what is left of the minutes, and what starting takes of a width's time comes out of its own measurements.
func TestBudget(t *testing.T) {
	d := &driver{setting: standard(), start: time.Now().Add(-3 * time.Minute)}
	d.minutes = 10 // of which three have gone
	near := func(what string, got time.Duration, want float64) {
		t.Helper()
		if math.Abs(got.Minutes()-want) > 0.01 {
			t.Errorf("%s gets %v, want %.2f minutes", what, got, want)
		}
	}
	for i, want := range []float64{1.4, 2.625, 7} { // shares of 0.2, 0.3/0.8 and all, each of all that is left: nothing has been measured
		d.left = d.budget(i)
		near(fmt.Sprintf("width %d", d.dims[i]), time.Until(d.left.end), want)
	}
	d.left.end = d.left.end.Add(-2 * time.Minute) // starting took two
	near("the training step", d.pace(stepShare, few).enough, 5*0.36)
	d.left.end = d.left.end.Add(-3 * time.Minute)
	near("the forward pass", d.pace(forwardShare, few).enough, 2*0.12/0.64)
	d.left.end = d.left.end.Add(-time.Hour)
	if p := d.pace(samplingShare, fewest); p.again(fewest, time.Now()) || !p.again(fewest-1, time.Now()) {
		t.Error("when the time is up each measurement is made a few times and no more")
	}
}

func sampleReport() report {
	return report{
		machine: machine{date: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC), processor: "CPU", features: []string{"avx2"}, cores: 2, load: "0.1", darkfield: "go1", pytorch: "PyTorch 2"},
		ways:    []string{plain, "bfloat16"},
		lines: []line{
			{dim: 16, what: "forward pass", unit: "s", share: 1, series: series{ours: {0.3, 0.3, 0.36}, plain: {0.4, 0.4, 0.4}, "bfloat16": {0.2, 0.2, 0.2}}},
			{dim: 64, what: "grid", unit: "s", share: 0.04, series: series{ours: {5}, plain: {100}}},
			{dim: 64, what: "compiling", unit: "s", share: 1, series: series{ours: {12.345}}},
		},
		notes: []string{"A note."},
	}
}

func TestMarkdown(t *testing.T) {
	want := `# darkfield beside PyTorch, 2026-11-26

- CPU (avx2), 2 cores; load average before the run 0.1.
- darkfield: go1.
- PyTorch: PyTorch 2.
- A note.

| width | work | unit | measured | darkfield | PyTorch float32 | PyTorch bfloat16 | darkfield / PyTorch float32 | darkfield / fastest PyTorch |
| ---: | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |
| 16 | forward pass | s | all | 0.300 (0.300–0.330) | 0.400 (0.400–0.400) | 0.200 (0.200–0.200) | 0.750 (0.750–0.825) | 1.50 (bfloat16) |
| 64 | grid | s | 1/25 | 5.00 | 100 |  | 0.0500 | 0.0500 (float32) |
| 64 | compiling | s | all | 12.3 |  |  |  |  |
`
	if d := cmp.Diff(want, sampleReport().markdown()); d != "" {
		t.Errorf("table (-want +got):\n%s", d)
	}
}

func TestCSV(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(sampleReport().csv()), "\n")
	if len(lines) != 7 {
		t.Fatalf("%d lines, want a header and one for each cell that holds anything", len(lines))
	}
	if want := "2026-11-26,16,forward pass,darkfield,s,1,0.3,0.3,0.33,0.3 0.3 0.36"; lines[1] != want {
		t.Errorf("line 1 is %q, want %q", lines[1], want)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.00012: "0.0001", 0.01234: "0.0123", 1.2345: "1.23", 99.96: "100.0", 1234.5: "1234"} {
		if got := number(v); got != want {
			t.Errorf("number(%g) = %q, want %q", v, got, want)
		}
	}
}

func TestWriteLeavesNothingHalfDone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "new", "a.md")
	if err := write(path, "text"); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(path); err != nil || string(raw) != "text" {
		t.Errorf("read %q, %v", raw, err)
	}
	if err := write(filepath.Join(path, "b.md"), "text"); err == nil || !strings.Contains(err.Error(), "-out") {
		t.Errorf("error = %v, want one that says what to do", err)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "new", "*")); len(found) != 1 {
		t.Errorf("left %v", found)
	}
}

func TestReportsOfADayLieSideBySide(t *testing.T) {
	base := filepath.Join(t.TempDir(), "2026-11-26")
	for _, want := range []string{base, base + "-2", base + "-3"} {
		got := unused(base)
		if got != want {
			t.Fatalf("name %s, want %s", got, want)
		}
		if err := sampleReport().write(got); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoPathsInResults(t *testing.T) {
	if got := withoutPaths("xla:/home/me/p.so - PJRT plugin (/home/me/p.so) v0.106 [4 device(s)]"); got != "PJRT plugin v0.106 [4 device(s)]" {
		t.Errorf("got %q", got)
	}
}

func TestBusy(t *testing.T) {
	for load, want := range map[string]bool{"0.10": false, "3.2": true, "unknown": false} {
		if got := (machine{load: load, cores: 2}).busy(); got != want {
			t.Errorf("load %s on two cores: busy = %v", load, got)
		}
	}
}

func TestProcessorOf(t *testing.T) {
	if got := processorOf("processor\t: 0\nmodel name\t: AMD EPYC\nmodel name\t: other\n"); got != "AMD EPYC" {
		t.Errorf("processor %q", got)
	}
}

// TestPeakedIsAsHardAsTrainedSurfaces: it takes more evaluations than the fewest, and they reach the tolerance.
func TestPeakedIsAsHardAsTrainedSurfaces(t *testing.T) {
	terms := func(_ context.Context, params []cosmology.Params) ([][]float64, error) {
		out := make([][]float64, len(params))
		for i, p := range params {
			out[i] = []float64{peaked(p)}
		}
		return out, nil
	}
	in, err := likelihood.Interpolate(context.Background(), terms, likelihood.WholePrior(cosmology.CAMELSPrior(), 50), likelihood.DefaultInterpolation(), nil)
	if err != nil {
		t.Fatal(err)
	}
	om, s8 := in.Marginals()
	t.Logf("%d evaluations, error %.2g, σ of Ω_m %.3f, of σ_8 %.3f", in.Evaluations, in.Error, om.Std, s8.Std)
	if in.Evaluations < 100 || !in.Within {
		t.Errorf("%d evaluations, within the tolerance: %v", in.Evaluations, in.Within)
	}
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"-dims", "16,64", "-pytorch", "bfloat16,float32"}, &bytes.Buffer{})
	if err != nil || !cmp.Equal(o.dims, []int{16, 64}) || !cmp.Equal(o.ways, []string{plain, "bfloat16"}) {
		t.Errorf("dims %v, ways %v, error %v", o.dims, o.ways, err)
	}
	for _, args := range [][]string{{"-dims", "17"}, {"-dims", ""}, {"-repetitions", "0"}, {"-minutes", "NaN"}, {"-side", "60"}, {"-batch", "0"}, {"more"}} {
		if _, err := parse(args, &bytes.Buffer{}); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
}

func TestMissingPyTorch(t *testing.T) {
	var said bytes.Buffer
	if status := run([]string{"-python", "/nowhere/python"}, &bytes.Buffer{}, &said); status != 1 || strings.Count(said.String(), "\n") != 1 || !strings.Contains(said.String(), "make bench") {
		t.Errorf("status %d, said %q, want one line that says what to do", status, said.String())
	}
}
