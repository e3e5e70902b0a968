package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"darkfield/pkg/emulator"
)

// followed is how many steps of a width are measured in a turn, besides one before them.
func followed(dim int) int {
	if wide(dim) {
		return 1
	}
	return 2
}

// wide says that a width is one at which little can be measured in the time.
func wide(dim int) bool { return dim >= 48 }

// steps measures training steps: some of ours in a real run, and after them as many of PyTorch's.
// The first of them does not count: in training a step follows a step, but in turns it follows
// seconds of waiting, in which a virtual machine gives pages that were freed back to its host,
// and a step that allocates anew pays for that. It returns the checkpoint and the peak memory of
// our training, which ends.
func (d *driver) steps(w, trainer *worker, dim int, open []string) (string, int64, error) {
	fail := func(err error) (string, int64, error) { return "", 0, err }
	d.say(true, "width %d: training step", dim)
	out, pace, step := series{}, d.pace(least(dim)), request{"do": "step"}
	inARow := func(w *worker, r request) (float64, error) {
		return steady(func() (float64, error) { return w.seconds(r) }, followed(dim))()
	}
	first, err := trainer.seconds(step)
	if err != nil {
		return fail(err)
	}
	start := time.Now()
	for done := 0; pace.again(done, start); done++ {
		own, err := inARow(trainer, step)
		if err != nil {
			return fail(err)
		}
		out[ours] = append(out[ours], own)
		for i := range open {
			way := open[(i+done)%len(open)]
			theirs, err := inARow(w, request{"do": "step", "network": way})
			if err != nil {
				return fail(err)
			}
			out[way] = append(out[way], theirs)
		}
		d.say(false, "width %d: training step, %d turns", dim, done+1)
	}
	end, err := trainer.ask(request{"do": "stop"})
	if err != nil {
		return fail(err)
	}
	memory, err := trainer.close()
	d.report.lines = append(d.report.lines,
		line{dim: dim, what: "training step", unit: "s", share: 1, series: out},
		line{
			dim: dim, what: "compiling the training step, once a run", unit: "s", share: 1,
			series: series{ours: []float64{max(0, first-quartilesOf(out[ours]).median)}},
		},
	)
	return end.Checkpoint, memory, err
}

// asks returns the ways of PyTorch's networks to do what a request says.
func asks(w *worker, names []string, share float64, r request) []way {
	var out []way
	for _, name := range names {
		own := maps.Clone(r)
		own["network"] = name
		out = append(out,
			way{name: name, share: share, measure: func() (float64, error) { return w.seconds(own) }})
	}
	return out
}

// warmed puts a forward pass that does not count before each measurement of ours and of PyTorch's.
func (d *driver) warmed(ctx context.Context, w *worker, g grid, ways []way) []way {
	for i, one := range ways {
		pass := func() (float64, error) {
			return w.seconds(request{"do": "forward", "network": one.name})
		}
		if one.name == ours || one.name == surface {
			pass = func() (float64, error) { return g.brute(ctx, d.batch) }
		}
		ways[i].measure = func() (float64, error) {
			if _, err := pass(); err != nil {
				return 0, err
			}
			return one.measure()
		}
	}
	return ways
}

// long keeps the ways that long work is measured with: float32 in both orders.
func long(open []string) []string {
	return slices.DeleteFunc(slices.Clone(open),
		func(way string) bool { return way != plain && way != plain+reordered })
}

// turns measures ways in turns.
func (d *driver) turns(ctx context.Context, p pace, what string, dim int, ways []way,
) (series, error) {
	d.say(true, "width %d: %s", dim, what)
	return p.interleave(ctx, ways,
		func(done int) { d.say(false, "width %d: %s, %d turns", dim, what, done) })
}

// forward measures one batch of the network, after one that does not count.
func (d *driver) forward(ctx context.Context, w *worker, g grid, dim int, open []string) error {
	ways := append(
		[]way{{name: ours, share: 1, measure: func() (float64, error) { return g.brute(ctx, d.batch) }}},
		asks(w, open, 1, request{"do": "forward"})...)
	for i := range ways { // which also keeps compiling out
		ways[i].measure = steady(ways[i].measure, 1)
	}
	const what = "forward pass"
	s, err := d.turns(ctx, d.pace(least(dim)), what, dim, ways)
	d.report.lines = append(d.report.lines, line{dim: dim, what: what, unit: "s", share: 1, series: s})
	return err
}

// sampled is how many evaluations of each map are measured: as few as the wide network allows
// time for.
func sampled(dim, all int) int {
	if wide(dim) {
		return min(2, all)
	}
	return min(5, all)
}

// sampling measures maps made by our default sampler.
func (d *driver) sampling(ctx context.Context, w *worker, g grid, dim int, open []string) error {
	c := emulator.DefaultSampling()
	c.Batch = d.batch
	all := c.Steps
	measured := sampled(dim, all)
	c.Steps = measured
	share := float64(measured) / float64(all)
	ways := append([]way{{name: ours, share: share, measure: func() (float64, error) {
		start := time.Now()
		_, err := g.emulator.Sample(ctx, spread(d.maps), 1, c, nil)
		return time.Since(start).Seconds(), err
	}}},
		asks(w, long(open), share, request{
			"do": "sample", "maps": d.maps, "evaluations": all,
			"measured": measured,
		})...)
	first := c
	first.Steps = 1
	// compiles, for batches of as many maps
	if _, err := g.emulator.Sample(ctx, spread(d.maps), 1, first, nil); err != nil {
		return err
	}
	what := fmt.Sprintf("%d maps, DPM-Solver++, %d evaluations each", d.maps, all)
	s, err := d.turns(ctx, d.pace(fewest), what, dim, d.warmed(ctx, w, g, ways))
	d.report.lines = append(d.report.lines,
		line{dim: dim, what: what, unit: "s", share: share, series: s})
	return err
}

// surface is our way of a grid.
const surface = "surface"

// grids measures the likelihood of one map on a grid: our surface, and brute force on both sides.
func (d *driver) grids(ctx context.Context, w *worker, g grid, dim int, open []string) error {
	share, evaluations := float64(d.shared)/float64(g.points.Len()), 0
	ways := append([]way{
		{name: surface, share: 1, measure: func() (seconds float64, err error) {
			seconds, evaluations, err = g.interpolated(ctx)
			return seconds, err
		}},
		{name: ours, share: share, measure: func() (float64, error) { return g.brute(ctx, d.shared) }},
	}, asks(w, long(open), share, request{"do": "grid", "evaluations": d.shared})...)
	what := fmt.Sprintf("likelihood grid %d×%d of one term", d.gridSide, d.gridSide)
	brute, err := d.turns(ctx, d.pace(fewest), what, dim, d.warmed(ctx, w, g, ways))
	if err != nil {
		return err
	}
	interpolated := series{ours: brute[surface]}
	for _, way := range long(open) {
		interpolated[way] = brute[way]
	}
	delete(brute, surface)
	d.report.lines = append(d.report.lines,
		line{dim: dim, what: what + fmt.Sprintf(": ours interpolated from %d evaluations, theirs by "+
			"brute force", evaluations), unit: "s", share: share, series: interpolated},
		line{dim: dim, what: what + ": both by brute force", unit: "s", share: share, series: brute},
	)
	return nil
}
