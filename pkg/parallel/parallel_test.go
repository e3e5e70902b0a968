package parallel

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
)

// TestEach: every item is worked on once, by no more workers than are asked for.
func TestEach(t *testing.T) {
	items := []int{3, 1, 4, 1, 5, 9, 2, 6}
	for _, workers := range []int{0, 1, 3, 100} {
		var busy, most atomic.Int32
		var done []int
		err := Each(context.Background(), workers, items, func(context.Context, int) error {
			if n := busy.Add(1); n > most.Load() {
				most.Store(n)
			}
			busy.Add(-1)
			return nil
		}, func(item int) { done = append(done, item) })
		slices.Sort(done)
		if want := slices.Sorted(slices.Values(items)); err != nil || !slices.Equal(done, want) {
			t.Errorf("%d workers: %v (%v), want %v", workers, done, err, want)
		}
		if workers > 0 && int(most.Load()) > workers {
			t.Errorf("%d worked at a time, want at most %d", most.Load(), workers)
		}
	}
	none := func(int) { t.Error("done with nothing") }
	if err := Each(context.Background(), 0, nil, nil, none); err != nil {
		t.Error(err)
	}
}

// TestErrors: the first error ends all that has not begun; so does the end of the context.
func TestErrors(t *testing.T) {
	fault, begun := errors.New("a fault"), 0
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, c := range []struct {
		work func() error
		want error
	}{
		{func() error { return fault }, fault},
		{func() error { cancel(); return nil }, context.Canceled},
	} {
		begun = 0
		err := Each(ctx, 1, []int{0, 1, 2, 3}, func(context.Context, int) error {
			if begun++; begun == 2 {
				return c.work()
			}
			return nil
		}, func(int) {})
		if !errors.Is(err, c.want) || begun != 2 {
			t.Errorf("%v after %d items, want %v after 2", err, begun, c.want)
		}
	}
}
