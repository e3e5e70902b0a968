package training

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestSelect: the newest checkpoint serves until one is marked, also after a later one is
// written; a marked one that is gone is named.
func TestSelect(t *testing.T) {
	j := job(t.TempDir())
	j.Config.Steps, j.Config.Keep, j.Config.ValidateEvery = 6, 0, 6
	if _, err := train(t, context.Background(), j); err != nil {
		t.Fatal(err)
	}
	all, err := Checkpoints(j.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if best, err := BestCheckpoint(j.Dir); err != nil || best != all[1] {
		t.Errorf("before a choice: %s (%v), want the newest, %s", best, err, all[1])
	}
	if err := Select(j.Dir, all[0]); err != nil {
		t.Fatal(err)
	}
	if best, err := BestCheckpoint(j.Dir); err != nil || best != all[0] {
		t.Errorf("after a choice: %s (%v), want %s", best, err, all[0])
	}
	if err := os.Remove(all[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := BestCheckpoint(j.Dir); err == nil || !strings.Contains(err.Error(), "selected.txt") {
		t.Errorf("a choice that is gone: error %v, want it to name selected.txt", err)
	}
}

// TestSelectedIsKept: pruning keeps the marked checkpoint beside the newest ones, and one that is
// gone cannot be marked.
func TestSelectedIsKept(t *testing.T) {
	j := job(t.TempDir())
	j.Config.Steps, j.Config.Keep = 6, 2
	if _, err := train(t, context.Background(), j); err != nil {
		t.Fatal(err)
	}
	marked := directory(j.Dir).step(3)
	if err := Select(j.Dir, marked); err != nil {
		t.Fatal(err)
	}
	j.Config.Steps = 15
	if _, err := train(t, context.Background(), j); err != nil {
		t.Fatal(err)
	}
	if best, err := BestCheckpoint(j.Dir); err != nil || best != marked {
		t.Errorf("after pruning: %s (%v), want %s", best, err, marked)
	}
	d := directory(j.Dir)
	if all, err := Checkpoints(j.Dir); err != nil ||
		!slices.Equal(all, []string{marked, d.step(12), d.step(15)}) {
		t.Errorf("kept %v (%v), want the marked one and the newest two", all, err)
	}
	if err := Select(j.Dir, d.step(6)); err == nil || !strings.Contains(err.Error(), "still there") {
		t.Errorf("a checkpoint that was pruned is marked: %v", err)
	}
	if best, err := BestCheckpoint(j.Dir); err != nil || best != marked {
		t.Errorf("after a refusal: %s (%v), want %s", best, err, marked)
	}
}
