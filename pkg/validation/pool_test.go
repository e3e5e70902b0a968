package validation

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"
	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/report"
)

// TestMeasuredOnce: numbers are kept; of two equal tasks one runs; a broken file and another
// simulator are measured again.
func TestMeasuredOnce(t *testing.T) {
	dir := t.TempDir()
	var runs atomic.Int32
	values := make([]float64, 3)
	last := 0.0
	run := func(simulator string) {
		t.Helper()
		var tasks []task
		for i, argument := range []int{1, 2, 2} {
			tasks = append(tasks, measure(store{dir, simulator}, "test", 1, argument, &values[i],
				func(context.Context) (float64, error) {
					runs.Add(1)
					return float64(argument), nil
				}))
		}
		last = 0
		if err := runAll(context.Background(), tasks, func(f float64) { last = f }); err != nil {
			t.Fatal(err)
		}
	}
	run("a")
	if runs.Load() != 2 || values[0] != 1 || values[1] != 2 || values[2] != 2 || last != 1 {
		t.Fatalf("%d runs gave %v, progress %g", runs.Load(), values, last)
	}
	clear(values)
	run("a")
	if runs.Load() != 2 || values[2] != 2 || last != 0 {
		t.Fatalf("%d runs after the second time, %v, progress %g", runs.Load(), values, last)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	if err := os.WriteFile(files[0], []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	run("a")
	if runs.Load() != 3 {
		t.Errorf("a broken file: %d runs, want 3", runs.Load())
	}
	run("b")
	if runs.Load() != 5 {
		t.Errorf("another simulator: %d runs, want 5", runs.Load())
	}
}

func TestFailuresStopTheRest(t *testing.T) {
	want := errors.New("ran away")
	var v float64
	bad := measure(store{t.TempDir(), "a"}, "test", 2, 1, &v, func(context.Context) (float64, error) {
		return 0, want
	})
	if err := runAll(context.Background(), []task{bad}, func(float64) {}); !errors.Is(err, want) {
		t.Errorf("error = %v, want %v", err, want)
	}
	infinite := measure(store{t.TempDir(), "a"}, "test", 2, 1, &v,
		func(context.Context) (float64, error) { return math.Inf(1), nil })
	if err := runAll(context.Background(), []task{infinite}, func(float64) {}); err == nil {
		t.Error("an infinite number was kept")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := runAll(ctx, []task{bad}, func(float64) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want it cancelled", err)
	}
}

// TestJackknife: for a mean it is the usual standard error.
func TestJackknife(t *testing.T) {
	x := []float64{3, 1, 4, 1, 5}
	got := jackknife(len(x), func(skip int) float64 { return stat.Mean(without(x, skip), nil) })
	if want := stat.StdErr(stat.StdDev(x, nil), 5); !scalar.EqualWithinRel(got, want, 1e-12) {
		t.Errorf("error = %g, want %g", got, want)
	}
	if !math.IsNaN(jackknife(1, nil)) {
		t.Error("one value has an error")
	}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		row  Row
		want report.Verdict
	}{
		{Row{Value: 1.09, Reference: 1, Tolerance: 0.1}, report.Pass},
		{Row{Value: 0.89, Reference: 1, Tolerance: 0.1}, report.Miss},
		{Row{Value: math.NaN(), Reference: 1, Tolerance: 0.1}, report.Miss},
		{Row{Value: 5, Reference: 1}, report.Shown},
	} {
		if got := c.row.Verdict(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.row, got, c.want)
		}
	}
	got := Row{
		Quantity: "mean", Value: 10.9712, Error: 0.0213, Reference: 10.971, Tolerance: 1e-5,
		Source: "CAMELS",
	}.Cells()
	want := []string{"mean", "10.971", "0.021", "10.971", "1e−05", "MISS", "CAMELS"}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("cells %q, want %q", got, want)
			break
		}
	}
}
