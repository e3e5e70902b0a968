// Package parallel does independent pieces of work on several cores. It knows nothing of the work.
package parallel

import (
	"context"
	"runtime"
	"sync"
)

// Each works on all items, in their order, as many at a time as there are workers; 0: one a core.
// done is called after each, from one goroutine at a time. The first error, or the end of ctx,
// keeps what has not begun from beginning, and is returned.
func Each[T any](ctx context.Context, workers int, items []T,
	work func(ctx context.Context, item T) error, done func(item T),
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan T, len(items))
	for _, item := range items {
		next <- item
	}
	close(next)
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range min(workers, len(items)) {
		wg.Go(func() {
			for item := range next {
				if ctx.Err() != nil {
					return
				}
				if err := work(ctx, item); err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				done(item)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
