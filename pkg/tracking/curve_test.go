package tracking

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCurveInStages: the steps of a second stage count on from those of the first; one that
// has not begun is left out.
func TestCurveInStages(t *testing.T) {
	first, second := filepath.Join(t.TempDir(), "metrics.jsonl"),
		filepath.Join(t.TempDir(), "metrics.jsonl")
	write := func(path string, steps ...int) {
		w, err := Open(path, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		for _, s := range steps {
			if err := w.Append(
				Record{Step: s, Values: map[string]float64{
					Loss:          float64(s),
					ValidationMSE: 1,
				}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	stages := []Stage{{first, 32, 20}, {second, 64, 10}}
	if _, err := ReadCurve("U-Net of width 16", stages...); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no stage has begun: error %v", err)
	}
	write(first, 5, 10)
	r, err := ReadCurve("U-Net of width 16", stages...)
	if want := "U-Net of width 16 on 32² maps, batch 20. Predicting"; err != nil ||
		!slices.Equal(r.Steps, []int{5, 10}) || !strings.HasPrefix(r.Caption, want) {
		t.Errorf("one stage: %+v, %v", r, err)
	}
	write(second, 5)
	r, err = ReadCurve("U-Net of width 16", stages...)
	if want := "on 32² maps, batch 20; from step 11 on 64² maps, batch 10."; err != nil ||
		!slices.Equal(r.Steps, []int{5, 10, 15}) || !slices.Equal(r.ValidationSteps, r.Steps) ||
		!strings.Contains(r.Caption, want) {
		t.Errorf("two stages: %+v, %v", r, err)
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
