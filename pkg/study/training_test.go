package study

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/tracking"
)

// TestTrainingInStages: the steps of a second stage count on from those of the first; one that
// has not begun is left out.
func TestTrainingInStages(t *testing.T) {
	first, second := filepath.Join(t.TempDir(), "metrics.jsonl"),
		filepath.Join(t.TempDir(), "metrics.jsonl")
	write := func(path string, steps ...int) {
		w, err := tracking.Open(path, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		for _, s := range steps {
			if err := w.Append(
				tracking.Record{Step: s, Values: map[string]float64{
					tracking.Loss:          float64(s),
					tracking.ValidationMSE: 1,
				}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	stages := []TrainingStage{{first, 32, 20}, {second, 64, 10}}
	if _, err := ReadTraining(16, stages...); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no stage has begun: error %v", err)
	}
	write(first, 5, 10)
	r, err := ReadTraining(16, stages...)
	if want := "U-Net of width 16 on 32² maps, batch 20. Predicting"; err != nil ||
		!slices.Equal(r.Steps, []int{5, 10}) || !strings.HasPrefix(r.Caption, want) {
		t.Errorf("one stage: %+v, %v", r, err)
	}
	write(second, 5)
	r, err = ReadTraining(16, stages...)
	if want := "on 32² maps, batch 20; from step 11 on 64² maps, batch 10."; err != nil ||
		!slices.Equal(r.Steps, []int{5, 10, 15}) || !slices.Equal(r.ValidationSteps, r.Steps) ||
		!strings.Contains(r.Caption, want) {
		t.Errorf("two stages: %+v, %v", r, err)
	}
}
