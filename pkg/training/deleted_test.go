package training

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"darkfield/pkg/checkpoint"
)

// meddle trains and, after step 7, does something to the run directory. Checkpoints come every
// three steps.
func meddle(t *testing.T, j Job, do func(d directory) error) (Result, error) {
	t.Helper()
	j.Report = func(p Progress) {
		if p.Step == 7 {
			if err := do(directory(j.Dir)); err != nil {
				t.Error(err)
			}
		}
	}
	return train(t, context.Background(), j)
}

// TestCheckpointsDeleted: a run whose checkpoints are deleted under it puts its state there again
// and ends with an error that says so; nothing of its steps is lost.
func TestCheckpointsDeleted(t *testing.T) {
	unbroken, broken := job(t.TempDir()), job(t.TempDir())
	unbroken.Config.Steps, broken.Config.Steps = 12, 12
	if _, err := train(t, context.Background(), unbroken); err != nil {
		t.Fatal(err)
	}
	r, err := meddle(t, broken, func(d directory) error { return os.RemoveAll(d.checkpoints()) })
	d := directory(broken.Dir)
	if err == nil || !strings.Contains(err.Error(), d.checkpoints()+" was deleted") ||
		strings.Contains(err.Error(), "\n") {
		t.Fatalf("error %v, want one line that names %s", err, d.checkpoints())
	}
	if r.Step != 8 || r.Checkpoint != d.step(8) {
		t.Errorf("%+v, want the state of step 8, the next with metrics; a checkpoint is due at 9", r)
	}
	if _, err := checkpoint.Load(r.Checkpoint); err != nil {
		t.Error(err)
	}
	again, err := train(t, context.Background(), broken)
	if err != nil || again.Resumed != r.Step || again.Step != 12 {
		t.Fatalf("resumed: %+v, %v", again, err)
	}
	if !bytes.Equal(last(t, unbroken.Dir), last(t, broken.Dir)) {
		t.Error("the run that goes on differs from an unbroken one")
	}
	// it ended at a record
	if diff := cmp.Diff(values(t, unbroken.Dir), values(t, broken.Dir)); diff != "" {
		t.Error(diff)
	}
}

// TestRunDirectoryTakenAway: a run whose directory is deleted or replaced under it ends with an
// error that names it, and writes nothing to what is there in its place.
func TestRunDirectoryTakenAway(t *testing.T) {
	for name, do := range map[string]func(dir string) error{
		"deleted": os.RemoveAll,
		"replaced by another one": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+".old"),
				os.Mkdir(dir, 0o755))
		},
		"above it a file": func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Dir(dir)), os.WriteFile(filepath.Dir(dir), nil, 0o600))
		},
	} {
		j := job(filepath.Join(t.TempDir(), "above", "run"))
		r, err := meddle(t, j, func(directory) error { return do(j.Dir) })
		if err == nil ||
			!strings.Contains(err.Error(), "the run directory "+j.Dir+" was deleted or replaced") ||
			strings.Contains(err.Error(), "\n") || r.Step > 9 {
			t.Errorf("%s: %+v, error %v, want one line that names %s before step 10", name, r, err, j.Dir)
		}
		if left, _ := os.ReadDir(j.Dir); len(left) > 0 {
			t.Errorf("%s: %v was written", name, left)
		}
	}
}

// TestCheckpointsReplaced: checkpoints that cannot be written are named, and so is where the run
// goes on.
func TestCheckpointsReplaced(t *testing.T) {
	j := job(t.TempDir())
	_, err := meddle(t, j, func(d directory) error {
		return errors.Join(os.RemoveAll(d.checkpoints()), os.WriteFile(d.checkpoints(), nil, 0o600))
	})
	for _, want := range []string{
		"training: ended after step 9", directory(j.Dir).step(9),
		"not a directory", "begins anew",
	} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one line that says %q", err, want)
		}
	}
}

// TestCheckpointsGone: a run that had checkpoints is not begun anew in silence; one that was
// killed before its first one is.
func TestCheckpointsGone(t *testing.T) {
	j := job(t.TempDir())
	j.Config.Steps = 6
	if _, err := train(t, context.Background(), j); err != nil {
		t.Fatal(err)
	}
	before := values(t, j.Dir)
	if err := os.RemoveAll(directory(j.Dir).checkpoints()); err != nil {
		t.Fatal(err)
	}
	_, err := train(t, context.Background(), j)
	for _, want := range []string{
		j.Dir + " reach step 6", directory(j.Dir).resume() + " is not there",
		"put the checkpoints back",
	} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one line that says %q", err, want)
		}
	}
	if diff := cmp.Diff(before, values(t, j.Dir)); diff != "" {
		t.Errorf("the metrics changed: %s", diff)
	}
	young := job(t.TempDir())
	young.Config.Steps, young.Config.CheckpointEvery = 6, 6
	if _, err := train(t, context.Background(), young); err != nil {
		t.Fatal(err)
	}
	// as a kill at the end of the first checkpoint leaves it
	if err := os.Remove(directory(young.Dir).resume()); err != nil {
		t.Fatal(err)
	}
	if r, err := train(t, context.Background(), young); err != nil || r.Resumed != 0 || r.Step != 6 {
		t.Errorf("without a first checkpoint: %+v, %v, want a run from the start", r, err)
	}
}
