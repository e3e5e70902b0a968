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
		network: unet.Default(), dims: []int{16, 32, 64}, side: 64, batch: 20, maps: 50,
		gridSide: 50, shared: 40,
		ways:        []string{plain, plain + reordered, "bfloat16", "bfloat16" + reordered},
		repetitions: 15, minutes: 9,
	}
}

// few is the least number of repetitions, and fewest that of work that takes half a minute a turn.
const (
	few    = 3
	fewest = 2
)

// least is the least number of repetitions of short work at a width.
func least(dim int) int {
	if wide(dim) {
		return fewest
	}
	return few
}

// measurements is how many are made at each width.
const measurements = 4

// pace gives the next measurement its share of the time that is left; it is made least times, where
// not even fewer are asked for.
func (d *driver) pace(least int) pace {
	left := time.Duration(d.minutes*float64(time.Minute)) - time.Since(d.start)
	enough := left / time.Duration(max(d.toCome, 1))
	d.toCome--
	return pace{least: min(least, d.repetitions), most: d.repetitions, enough: enough}
}

// driver runs both sides.
type driver struct {
	setting
	worker, training command // training takes -train-only with the width and -out with a directory
	stderr           io.Writer
	start            time.Time
	toCome           int // measurements
	spoken           time.Time
	report           report
}

// say shows that it lives: always where a piece of work begins, and else now and then.
func (d *driver) say(always bool, format string, args ...any) {
	if now := time.Now(); always || now.Sub(d.spoken) > 10*time.Second {
		d.spoken = now
		fmt.Fprintf(d.stderr, "bench: %v: %s\n", now.Sub(d.start).Round(time.Second),
			fmt.Sprintf(format, args...))
	}
}

// measure measures everything. All processes whose memory is measured start first: see peakMemory.
func (d *driver) measure(ctx context.Context) (report, error) {
	d.report.machine, d.toCome = thisMachine(), measurements*len(d.dims)
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return report{}, err
	}
	defer os.RemoveAll(dir)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	trainers, theirMemory := make([]*worker, len(d.dims)), make([]int64, len(d.dims))
	for i, dim := range d.dims {
		if trainers[i], err = startWorker(ctx, d.training, "-train-only", fmt.Sprint(dim), "-out",
			filepath.Join(dir, fmt.Sprint(dim))); err != nil {
			return report{}, err
		}
		defer trainers[i].requests.Close()
		d.say(true, "width %d: memory of PyTorch's training", dim)
		if theirMemory[i], err = d.theirMemory(ctx, plain, dim); err != nil {
			return report{}, fmt.Errorf("width %d: %w", dim, err)
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
		ourMemory, err := d.width(ctx, b, w, trainers[i], dim)
		if err != nil {
			return report{}, fmt.Errorf("width %d: %w", dim, err)
		}
		d.report.lines = append(d.report.lines, memoryLine(dim, ourMemory, theirMemory[i]))
	}
	_, err = w.close()
	return d.explained(), err
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

// memoryLine is the row of peak memories in bytes.
func memoryLine(dim int, own, theirs int64) line {
	const gib = 1 << 30
	return line{
		dim: dim, what: "training process, peak memory", unit: "GiB", share: 1,
		series: series{ours: {float64(own) / gib}, plain: {float64(theirs) / gib}},
	}
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
	requests = append(requests,
		request{"do": "save", "network": way, "path": filepath.Join(dir, "checkpoint.pt")})
	for _, r := range requests {
		if _, err := w.ask(r); err != nil {
			return 0, err
		}
	}
	return w.close()
}

// open asks for a network; layout "" lets the worker choose the faster one.
func (d *driver) open(way string, dim int, layout string) request {
	return request{
		"do": "open", "network": way, "dim": dim, "side": d.side, "batch": d.batch,
		"layout": layout,
	}
}

// openAll opens PyTorch's networks of a width and warms them up; it returns those that work. Both
// float32 networks take the layout that plain is faster with: at width 64 the reordered one's
// steps differed no more between layouts than from step to step.
func (d *driver) openAll(w *worker, dim int) ([]string, error) {
	var open, layouts []string
	layout := ""
	for _, way := range d.report.ways {
		d.say(true, "width %d: PyTorch %s starts", dim, way)
		wanted := ""
		if way == plain+reordered {
			wanted = layout
		}
		a, err := w.ask(d.open(way, dim, wanted))
		for _, do := range []string{"step", "forward"} {
			if err == nil {
				_, err = w.ask(request{"do": do, "network": way})
			}
		}
		if way == plain {
			layout = a.Layout
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
	d.report.notes = append(d.report.notes, fmt.Sprintf("Width %d: PyTorch's memory layout, for "+
		"float32 the faster of two: %s.", dim, strings.Join(layouts, ", ")))
	return open, nil
}

// width measures all work of one width and returns the peak memory of our training.
func (d *driver) width(ctx context.Context, b compute.Backend, w, trainer *worker, dim int,
) (int64, error) {
	open, err := d.openAll(w, dim)
	if err != nil {
		return 0, err
	}
	checkpoint, memory, err := d.steps(w, trainer, dim, open)
	if err != nil {
		return 0, err
	}
	e, err := emulator.Open(b, checkpoint)
	if err != nil {
		return 0, err
	}
	defer e.Close()
	g, err := newGrid(e, d.batch, d.gridSide)
	if err != nil {
		return 0, err
	}
	for _, work := range []func(context.Context, *worker, grid, int, []string) error{
		d.forward, d.sampling, d.grids,
	} {
		if err := work(ctx, w, g, dim, open); err != nil {
			return 0, err
		}
	}
	_, err = w.ask(request{"do": "close"})
	return memory, err
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
	d.report.ways = slices.DeleteFunc(can,
		func(way string) bool { return !strings.HasSuffix(way, "-compiled") })
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

// explained returns the report with what a reader must know of the numbers.
func (d *driver) explained() report {
	r := d.report
	if r.machine.busy() {
		r.notes = append(r.notes, "**Other work ran: do not quote these numbers.** PyTorch's threads "+
			"wait for each other, so that it loses most by that.")
	}
	r.notes = append(r.notes, fmt.Sprintf("Maps of %d² pixels, batches of %d, untrained weights; at "+
		"least %d and at most %d turns, in %v. README.md says how it is measured.", d.side, d.batch,
		min(fewest, d.repetitions), d.repetitions, time.Since(d.start).Round(time.Second)))
	return r
}
