package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/compute"

	"darkfield/pkg/backend"
	"darkfield/pkg/emulator"
	"darkfield/pkg/unet"
)

// setting is what is measured and how often.
type setting struct {
	network     unet.Config // of any width
	dims        []int
	side, batch int
	maps        int // that are sampled
	gridSide    int // parameters a side of the likelihood grid
	shared      int // of the grid's parameters, those that are evaluated where all would take too long
	ways        []string
	repetitions int // at most
	minutes     float64
}

// standard returns what make bench measures.
func standard() setting {
	return setting{
		network: unet.Default(), dims: []int{16, 32, 64}, side: 64, batch: 20, maps: 50, gridSide: 50, shared: 100,
		ways:        []string{plain, "float32-reordered", "bfloat16", "bfloat16-reordered", "float32-reordered-compiled"},
		repetitions: 15, minutes: 15,
	}
}

// few is the least number of repetitions, where not even fewer are asked for.
const few = 3

// pace gives a measurement its part of the time: shares of all but the set-up, which takes about a third.
func (s setting) pace(dim int, share float64) pace {
	weight := 0.5 // of this width beside the others: wide networks take longer
	switch {
	case dim < 24:
		weight = 0.2
	case dim < 48:
		weight = 0.3
	}
	seconds := s.minutes * 60 * 0.6 * weight * share
	return pace{least: min(few, s.repetitions), most: s.repetitions, enough: time.Duration(seconds * float64(time.Second))}
}

// driver runs both sides.
type driver struct {
	setting
	worker, training command // training takes -train-only and the width
	stderr           io.Writer
	start            time.Time
	spoken           time.Time
	report           report
}

// say shows that it lives: always where a piece of work begins, and else now and then.
func (d *driver) say(always bool, format string, args ...any) {
	if now := time.Now(); always || now.Sub(d.spoken) > 10*time.Second {
		d.spoken = now
		fmt.Fprintf(d.stderr, "bench: %v: %s\n", now.Sub(d.start).Round(time.Second), fmt.Sprintf(format, args...))
	}
}

// measure measures everything. Memory comes first: see peakMemory.
func (d *driver) measure(ctx context.Context) (report, error) {
	d.report.machine = thisMachine()
	memory := make([]line, len(d.dims))
	for i, dim := range d.dims {
		var err error
		if memory[i], err = d.memory(ctx, dim); err != nil {
			return report{}, err
		}
	}
	w, err := startWorker(ctx, d.worker)
	if err != nil {
		return report{}, err
	}
	defer w.requests.Close()
	b, err := backend.Open()
	if err != nil {
		return report{}, err
	}
	about, err := w.ask(request{"do": "about"})
	if err != nil {
		return report{}, err
	}
	d.report.machine.darkfield += ", " + withoutPaths(b.Description())
	d.report.machine.pytorch = about.Version
	d.report.ways, d.report.notes = available(d.ways, about.Lacks)
	for i, dim := range d.dims {
		if err := d.width(ctx, b, w, dim); err != nil {
			return report{}, fmt.Errorf("width %d: %w", dim, err)
		}
		d.report.lines = append(d.report.lines, memory[i])
	}
	d.explain()
	_, err = w.close()
	return d.report, err
}

// available returns the ways that the machine can take, and a note for each other.
func available(ways []string, lacks map[string]string) (can, notes []string) {
	for _, way := range ways {
		why := ""
		for _, word := range strings.Split(way, "-") {
			if reason, found := lacks[word]; found {
				why = reason
			}
		}
		if why == "" {
			can = append(can, way)
		} else {
			notes = append(notes, fmt.Sprintf("PyTorch %s was not measured: %s.", way, why))
		}
	}
	return can, notes
}

// memory returns the peak memory of training processes, each of which ends before the next one starts.
func (d *driver) memory(ctx context.Context, dim int) (line, error) {
	l := line{dim: dim, what: "training process, peak memory", unit: "GiB", share: 1, series: series{}}
	const gib = 1 << 30
	d.say(true, "width %d: memory of a training process", dim)
	p := d.training.process(ctx, "-train-only", fmt.Sprint(dim))
	if out, err := p.CombinedOutput(); err != nil {
		return l, fmt.Errorf("width %d: the training process whose memory is measured: %w: %s", dim, err, lastLine(string(out)))
	}
	l.series[ours] = []float64{float64(peakMemory(p)) / gib}
	for _, way := range d.ways {
		if !slices.Contains([]string{plain, plain + "-reordered"}, way) {
			continue
		}
		peak, err := d.theirMemory(ctx, way, dim)
		if err != nil {
			return l, err
		}
		l.series[way] = []float64{float64(peak) / gib}
	}
	return l, nil
}

// theirMemory trains in a PyTorch process of its own and writes a checkpoint there, as ours does.
func (d *driver) theirMemory(ctx context.Context, way string, dim int) (int64, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	w, err := startWorker(ctx, d.worker)
	if err != nil {
		return 0, err
	}
	defer w.requests.Close()
	requests := []request{d.open(way, dim, "contiguous")}
	for range trainedSteps {
		requests = append(requests, request{"do": "step", "network": way})
	}
	requests = append(requests, request{"do": "save", "network": way, "path": filepath.Join(dir, "checkpoint.pt")})
	for _, r := range requests {
		if _, err := w.ask(r); err != nil {
			return 0, err
		}
	}
	return w.close()
}

// open asks for a network; layout "" lets the worker choose the faster one.
func (d *driver) open(way string, dim int, layout string) request {
	return request{"do": "open", "network": way, "dim": dim, "side": d.side, "batch": d.batch, "layout": layout}
}

// openAll opens PyTorch's networks of a width and warms them up; it returns those that work.
func (d *driver) openAll(w *worker, dim int) ([]string, error) {
	var open, layouts []string
	for _, way := range d.report.ways {
		d.say(true, "width %d: PyTorch %s starts", dim, way)
		a, err := w.ask(d.open(way, dim, ""))
		for _, do := range []string{"step", "forward"} {
			if err == nil {
				_, err = w.ask(request{"do": do, "network": way})
			}
		}
		var complaint *workerError
		switch {
		case err == nil:
			open = append(open, way)
			layouts = append(layouts, way+" "+a.Layout)
		case errors.As(err, &complaint) && way != plain:
			note := fmt.Sprintf("Width %d: PyTorch %s does not work: %s.", dim, way, complaint.what)
			d.say(true, "%s", note)
			d.report.notes = append(d.report.notes, note)
		default:
			return nil, err
		}
	}
	d.report.notes = append(d.report.notes, fmt.Sprintf("Width %d: PyTorch's memory layout, the faster of two: %s.", dim, strings.Join(layouts, ", ")))
	return open, nil
}

// width measures all work of one width.
func (d *driver) width(ctx context.Context, b compute.Backend, w *worker, dim int) error {
	open, err := d.openAll(w, dim)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	checkpoint, err := d.steps(ctx, b, w, dir, dim, open)
	if err != nil {
		return err
	}
	e, err := emulator.Open(b, checkpoint)
	if err != nil {
		return err
	}
	defer e.Close()
	for _, work := range []func(context.Context, *worker, *emulator.Emulator, int, []string) error{d.forward, d.sampling, d.grids} {
		if err := work(ctx, w, e, dim, open); err != nil {
			return err
		}
	}
	_, err = w.ask(request{"do": "close"})
	return err
}

// steps measures training steps: ours in a real run, and after each of them PyTorch's. It returns our checkpoint.
func (d *driver) steps(ctx context.Context, b compute.Backend, w *worker, dir string, dim int, open []string) (string, error) {
	d.say(true, "width %d: training step", dim)
	out, pace := series{}, d.pace(dim, 0.36)
	var start time.Time
	first, done := 0.0, -2 // the first step compiles, the second warms up
	checkpoint, err := train(ctx, b, d.job(dir, dim), func(seconds float64) (bool, error) {
		done++
		if done <= 0 {
			if done < 0 {
				first = seconds
			}
			start = time.Now()
			return true, nil
		}
		out[ours] = append(out[ours], seconds)
		for i := range open {
			way := open[(i+done)%len(open)]
			theirs, err := w.seconds(request{"do": "step", "network": way})
			if err != nil {
				return false, err
			}
			out[way] = append(out[way], theirs)
		}
		d.say(false, "width %d: training step, %d turns", dim, done)
		return pace.again(done, start), nil
	})
	if err != nil {
		return "", err
	}
	d.report.lines = append(d.report.lines,
		line{dim: dim, what: "training step", unit: "s", share: 1, series: out},
		line{dim: dim, what: "compiling the training step, once a run", unit: "s", share: 1, series: series{ours: []float64{max(0, first-quartilesOf(out[ours]).median)}}},
	)
	return checkpoint, nil
}

// asks returns the ways of PyTorch's networks to do what a request says.
func asks(w *worker, names []string, share float64, r request) []way {
	var out []way
	for _, name := range names {
		own := request{"network": name}
		for key, value := range r {
			own[key] = value
		}
		out = append(out, way{name: name, share: share, measure: func() (float64, error) { return w.seconds(own) }})
	}
	return out
}

// long keeps the ways that long work is measured with: float32 in both orders.
func long(open []string) []string {
	return slices.DeleteFunc(slices.Clone(open), func(way string) bool { return way != plain && way != plain+"-reordered" })
}

// turns measures ways in turns.
func (d *driver) turns(ctx context.Context, p pace, what string, dim int, ways []way) (series, error) {
	d.say(true, "width %d: %s", dim, what)
	return p.interleave(ctx, ways, func(done int) { d.say(false, "width %d: %s, %d turns", dim, what, done) })
}

// forward measures one batch of the network.
func (d *driver) forward(ctx context.Context, w *worker, e *emulator.Emulator, dim int, open []string) error {
	g, err := newGrid(e, d.batch, d.gridSide)
	if err != nil {
		return err
	}
	ways := append([]way{{name: ours, share: 1, measure: func() (float64, error) { return g.brute(ctx, d.batch) }}}, asks(w, open, 1, request{"do": "forward"})...)
	if _, err := g.brute(ctx, d.batch); err != nil { // compiles; PyTorch's networks have been warmed up
		return err
	}
	const what = "forward pass"
	s, err := d.turns(ctx, d.pace(dim, 0.12), what, dim, ways)
	d.report.lines = append(d.report.lines, line{dim: dim, what: what, unit: "s", share: 1, series: s})
	return err
}

// sampled is how many evaluations of each map are measured: as few as the wide network allows time for.
func sampled(dim, all int) int {
	if dim < 48 {
		return min(5, all)
	}
	return min(3, all)
}

// sampling measures maps made by our default sampler.
func (d *driver) sampling(ctx context.Context, w *worker, e *emulator.Emulator, dim int, open []string) error {
	c := emulator.DefaultSampling()
	c.Batch = d.batch
	all := c.Steps
	measured := sampled(dim, all)
	c.Steps = measured
	share := float64(measured) / float64(all)
	ways := append([]way{{name: ours, share: share, measure: func() (float64, error) {
		start := time.Now()
		_, err := e.Sample(ctx, spread(d.maps), 1, c, nil)
		return time.Since(start).Seconds(), err
	}}}, asks(w, long(open), share, request{"do": "sample", "maps": d.maps, "evaluations": all, "measured": measured})...)
	what := fmt.Sprintf("%d maps, DPM-Solver++, %d evaluations each", d.maps, all)
	s, err := d.turns(ctx, d.pace(dim, 0.32), what, dim, ways)
	d.report.lines = append(d.report.lines, line{dim: dim, what: what, unit: "s", share: share, series: s})
	return err
}

// grids measures the likelihood of one map on a grid: our surface, and brute force on both sides.
func (d *driver) grids(ctx context.Context, w *worker, e *emulator.Emulator, dim int, open []string) error {
	g, err := newGrid(e, d.batch, d.gridSide)
	if err != nil {
		return err
	}
	const surface = "surface"
	share, evaluations := float64(d.shared)/float64(g.points.Len()), 0
	ways := append([]way{
		{name: surface, share: 1, measure: func() (seconds float64, err error) {
			seconds, evaluations, err = g.interpolated(ctx)
			return seconds, err
		}},
		{name: ours, share: share, measure: func() (float64, error) { return g.brute(ctx, d.shared) }},
	}, asks(w, long(open), share, request{"do": "grid", "evaluations": d.shared})...)
	what := fmt.Sprintf("likelihood grid %d×%d of one term", d.gridSide, d.gridSide)
	brute, err := d.turns(ctx, d.pace(dim, 0.2), what, dim, ways)
	if err != nil {
		return err
	}
	interpolated := series{ours: brute[surface]}
	for _, way := range long(open) {
		interpolated[way] = brute[way]
	}
	delete(brute, surface)
	d.report.lines = append(d.report.lines,
		line{dim: dim, what: what + fmt.Sprintf(": ours interpolated from %d evaluations, theirs by brute force", evaluations), unit: "s", share: share, series: interpolated},
		line{dim: dim, what: what + ": both by brute force", unit: "s", share: share, series: brute},
	)
	return nil
}

// warm lets torch.compile fill its cache.
func (d *driver) warm(ctx context.Context) error {
	w, err := startWorker(ctx, d.worker)
	if err != nil {
		return err
	}
	defer w.requests.Close()
	about, err := w.ask(request{"do": "about"})
	if err != nil {
		return err
	}
	can, notes := available(d.ways, about.Lacks)
	for _, note := range notes {
		d.say(true, "%s", note)
	}
	d.report.ways = slices.DeleteFunc(can, func(way string) bool { return !strings.HasSuffix(way, "-compiled") })
	for _, dim := range d.dims {
		if _, err := d.openAll(w, dim); err != nil {
			return err
		}
		if _, err := w.ask(request{"do": "close"}); err != nil {
			return err
		}
	}
	_, err = w.close()
	return err
}

// explain adds what a reader must know of the numbers.
func (d *driver) explain() {
	if d.report.machine.busy() {
		d.report.notes = append(d.report.notes, "**Other work ran: do not quote these numbers.** PyTorch's threads wait for each other, so that it loses most by that.")
	}
	d.report.notes = append(d.report.notes,
		fmt.Sprintf("Maps of %d² pixels, batches of %d, untrained weights. Medians, with quartiles in brackets, of at least %d and at most %d turns in which all columns were measured one after the other; ratios are medians of those within a turn. Took %v.", d.side, d.batch, min(few, d.repetitions), d.repetitions, time.Since(d.start).Round(time.Second)),
		"Where less than all was measured, the rest is extrapolated in proportion; our interpolated surfaces were measured whole. Their values are those of a surface as narrow as trained networks give, for the network is evaluated but untrained.",
		"A training step is all of it: noise, forward, Huber loss, backward, Adam, moving average. Ours is that of training.Run; PyTorch's Adam is the fused one. The time of compiling is that to the end of the first step, less a median step. Peak memory is that of a process that takes "+fmt.Sprint(trainedSteps)+" steps and writes a checkpoint. All processes ask for huge pages.",
		"PyTorch is our own version of the network (docker/pytorch): float32 in the order of the paper's authors; reordered takes the products of linear attention in our order; bfloat16 is autocast; compiled is torch.compile, whose own compiling is not in the table. Sampling and grids are forward passes and little else: bfloat16 and compiled were measured for passes and steps alone.",
	)
}
