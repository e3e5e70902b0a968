package training

import (
	"context"
	"os"
	"strings"
	"testing"
)

// TestSelect: the newest checkpoint serves until one is marked, also after a later one is written; a marked one that is gone is named.
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
