package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// The test binary stands in for PyTorch and for our training.
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
	case "gpu": // a part of ours, or PyTorch, whose script is the only argument
		if len(os.Args) == 2 {
			fakeWorker()
			return
		}
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
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
	return command{name: as, args: []string{self}, env: []string{fake + "=" + as}}
}

// tiny is small enough for the backend that needs no plugin.
func tiny() setting {
	s := standard()
	s.network.Multipliers = []int{1, 2}
	s.dims, s.side, s.batch, s.maps, s.gridSide, s.shared, s.repetitions, s.minutes = []int{8}, 4, 4,
		2, 4, 4, 1, 1e-3
	s.ways = []string{plain, "float32-reordered", "bfloat16", "float32-compiled"}
	return s
}

// TestDriver runs everything but PyTorch, in small.
func TestDriver(t *testing.T) {
	// operations that run side by side were once seen to wait for each other for ever
	t.Setenv("GOMLX_BACKEND", "go:ops_sequential")
	var said bytes.Buffer
	d := &driver{
		setting: tiny(), worker: standIn(t, "worker"), training: standIn(t, "training"),
		stderr: &said, start: time.Now(),
	}
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
	want := []string{
		"training ste, s, 1", "compiling th, s, 1", "forward pass, s, 1",
		"2 maps, DPM-, s, 0.2", "likelihood g, s, 0.25", "likelihood g, s, 0.25", "training pro, GiB, 1",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
	if d := cmp.Diff(series{plain: {2}, "float32-reordered": {2}},
		theirs(r.lines[2].series)); d != "" {
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
	for _, want := range []string{
		"float32-compiled was not measured: no compiler",
		"PyTorch bfloat16 does not work: no such kernel", "| 8 | forward pass | s | all |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the table does not say %q:\n%s", want, text)
		}
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

// TestBudget: the measurements share what is left of the minutes.
func TestBudget(t *testing.T) {
	d := &driver{setting: standard(), start: time.Now().Add(-4 * time.Minute), toCome: 3}
	d.minutes = 10                            // of which four have gone
	for _, want := range []float64{2, 3, 6} { // nothing has been measured
		if got := d.pace(few).enough; math.Abs(got.Minutes()-want) > 0.01 {
			t.Errorf("a measurement gets %v, want %.2f minutes", got, want)
		}
	}
	d.start = d.start.Add(-time.Hour)
	if p := d.pace(fewest); p.again(fewest, time.Now()) || !p.again(fewest-1, time.Now()) {
		t.Error("when the time is up each measurement is made a few times and no more")
	}
}

// TestPeakedIsAsHardAsTrainedSurfaces: it takes more evaluations than the fewest, and they reach
// the tolerance.
func TestPeakedIsAsHardAsTrainedSurfaces(t *testing.T) {
	terms := func(_ context.Context, params []cosmology.Params) ([][]float64, error) {
		out := make([][]float64, len(params))
		for i, p := range params {
			out[i] = []float64{peaked(p)}
		}
		return out, nil
	}
	in, err := likelihood.Interpolate(context.Background(), terms,
		likelihood.WholePrior(cosmology.CAMELSPrior(), 50), likelihood.DefaultInterpolation(), nil)
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := in.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	om, s8 := resolved.Marginals()
	t.Logf("%d evaluations, error %.2g, σ of Ω_m %.3f, of σ_8 %.3f", in.Evaluations, in.Error,
		om.Std, s8.Std)
	if in.Evaluations < 100 || !in.Within {
		t.Errorf("%d evaluations, within the tolerance: %v", in.Evaluations, in.Within)
	}
}
