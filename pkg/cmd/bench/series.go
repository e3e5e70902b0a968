package main

import (
	"context"
	"slices"
	"time"
)

// way is one way of doing the same work.
type way struct {
	name    string
	share   float64 // of the work that measure does
	measure func() (seconds float64, err error)
}

// steady measures n times in a row and once before, which does not count, and returns the mean.
func steady(measure func() (float64, error), n int) func() (float64, error) {
	return func() (float64, error) {
		sum := 0.0
		for i := range n + 1 {
			seconds, err := measure()
			if err != nil {
				return 0, err
			}
			if i > 0 {
				sum += seconds / float64(n)
			}
		}
		return sum, nil
	}
}

// extrapolated returns the seconds of all of the work from those of a share of it, to which they
// are taken to be proportional.
func extrapolated(seconds, share float64) float64 { return seconds / share }

// series are the measurements of several ways, by name. Entry i of each is from the same turn.
type series map[string][]float64

// pace says how often to measure: at least a few times, then until the time is spent, and never
// more than most.
type pace struct {
	least, most int
	enough      time.Duration
}

// again reports whether a turn follows those that are done.
func (p pace) again(done int, start time.Time) bool {
	return done < p.most && (done < p.least || time.Since(start) < p.enough)
}

// interleave measures all ways in turns, so that what else the machine does meets all of them.
// Each turn begins with another way.
func (p pace) interleave(ctx context.Context, ways []way, turn func(done int)) (series, error) {
	out, start := series{}, time.Now()
	for done := 0; p.again(done, start); done++ {
		for i := range ways {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			w := ways[(i+done)%len(ways)]
			seconds, err := w.measure()
			if err != nil {
				return nil, err
			}
			out[w.name] = append(out[w.name], extrapolated(seconds, w.share))
		}
		turn(done + 1)
	}
	return out, nil
}

// quartiles are the three quartiles of some measurements, interpolated linearly between them.
type quartiles struct{ low, median, high float64 }

// quartilesOf returns the quartiles. It panics where there is no value.
func quartilesOf(values []float64) quartiles {
	sorted := slices.Sorted(slices.Values(values))
	at := func(share float64) float64 {
		position := share * float64(len(sorted)-1)
		i := int(position)
		next := sorted[min(i+1, len(sorted)-1)]
		return sorted[i] + (position-float64(i))*(next-sorted[i])
	}
	return quartiles{at(0.25), at(0.5), at(0.75)}
}

// ratio returns the quartiles of ours over theirs, turn by turn where both were measured in the
// same turns, and else of the medians.
func ratio(ours, theirs []float64) quartiles {
	if len(ours) != len(theirs) {
		r := quartilesOf(ours).median / quartilesOf(theirs).median
		return quartiles{r, r, r}
	}
	each := make([]float64, len(ours))
	for i := range each {
		each[i] = ours[i] / theirs[i]
	}
	return quartilesOf(each)
}
