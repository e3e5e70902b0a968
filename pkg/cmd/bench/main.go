// Command bench measures darkfield beside PyTorch on one machine, repetition by repetition in
// turn, and writes one table. With -gpu it checks what a GPU can do, once and for all.
//
// The table goes to standard output and, with the numbers as CSV, to a directory; progress goes
// to standard error. It exits with 0, with 1 for a failure and with 2 for wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"darkfield/pkg/backend"
	"darkfield/pkg/backend/programs"
	"darkfield/pkg/faults"
	"darkfield/pkg/unet"
)

// Where the Makefile puts what PyTorch needs, from the project's root.
const (
	python   = ".tools/venv/pytorch/bin/python"
	script   = "pkg/verify/pytorch/bench.py"
	compiled = ".tools/pytorch/inductor" // what torch.compile keeps between runs
)

func main() {
	backend.TuneAllocator() // as the command does; PyTorch's processes inherit the settings
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// options are the flags.
type options struct {
	setting
	gpu         gpuOptions
	python, out string
	warm        bool // only fill the cache of torch.compile
	trainOnly   int  // width: only train, in out, for the process whose steps and memory are measured
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (options, error) {
	o := options{setting: standard()}
	var dims, ways string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&dims, "dims", "16,32,64", "widths of the network")
	f.StringVar(&ways, "pytorch", strings.Join(o.ways, ","), "how PyTorch runs besides float32: "+
		"float32 or bfloat16, then -reordered, -compiled")
	f.IntVar(&o.side, "side", o.side, "pixels a side of the maps")
	f.IntVar(&o.batch, "batch", o.batch, "maps at a time")
	f.IntVar(&o.repetitions, "repetitions", o.repetitions, "at most so many of each measurement")
	f.Float64Var(&o.minutes, "minutes", o.minutes, "about how long it may take in all")
	f.StringVar(&o.python, "python", python, "Python with PyTorch")
	f.StringVar(&o.out, "out", "data/bench", "directory for the results; empty: none are kept")
	f.BoolVar(&o.warm, "warm", false, "only let torch.compile compile, which it remembers")
	f.IntVar(&o.trainOnly, "train-only", 0, "only train a network of this width in the directory "+
		"-out, as standard input says (used by bench itself)")
	f.BoolVar(&o.gpu.check, "gpu", false, "check a GPU: verify, steps, maps and memory in each "+
		"precision, beside PyTorch where there is one, then minutes of the paper's preset")
	f.BoolVar(&o.gpu.small, "small", false, "rehearse -gpu in small")
	f.StringVar(&o.gpu.backend, "backend", "", "backend of -gpu; default: $GOMLX_BACKEND or xla:cuda")
	f.StringVar(&o.gpu.sides, "sides", "64,256", "pixels a side of the maps of -gpu")
	f.StringVar(&o.gpu.data, "data", "", "directory of maps for the trainings of -gpu; default: "+
		"synthetic ones")
	f.Float64Var(&o.gpu.trainMinutes, "train-minutes", 10, "of each training of -gpu")
	f.StringVar(&o.gpu.work, "work", "runs/gpu-check", "directory of what -gpu has done, until all is")
	f.StringVar(&o.gpu.part, "gpu-part", "", "make one part of -gpu (used by bench itself)")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.dims = nil
	for _, word := range strings.Split(dims, ",") {
		dim, err := strconv.Atoi(word)
		if err == nil {
			err = unet.Default().WithDim(dim).Validate()
		}
		if err != nil {
			return o, fmt.Errorf("-dims %s: %w", dims, err)
		}
		o.dims = append(o.dims, dim)
	}
	o.ways = []string{plain}
	for _, way := range strings.FieldsFunc(ways, func(r rune) bool { return r == ',' }) {
		if way != plain {
			o.ways = append(o.ways, way)
		}
	}
	if f.NArg() > 0 || o.repetitions < 1 || o.batch < 1 || !(o.minutes > 0) {
		return o, fmt.Errorf("want no arguments, -repetitions >= 1, -batch >= 1 and -minutes > 0; got "+
			"%q, %d, %d and %g", f.Args(), o.repetitions, o.batch, o.minutes)
	}
	return o, o.network.CheckSide(o.side)
}

// run runs one command line and returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", faults.OneLine(err))
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch {
	case o.gpu.part != "":
		err = o.gpuPart(ctx, os.Stdin, stdout)
	case o.gpu.check:
		err = o.checkGPU(ctx, stdout, stderr)
	case o.trainOnly > 0:
		err = trainOnly(ctx, o.setting, o.trainOnly, o.out, os.Stdin, stdout)
	default:
		err = o.work(ctx, stdout, stderr)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(stderr, "bench:", faults.OneLine(err))
		return 1
	}
	return 0
}

// work measures and writes.
func (o options) work(ctx context.Context, stdout, stderr io.Writer) error {
	for _, path := range []string{o.python, script} {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("%w: run `make bench`, which installs PyTorch, in the project's root, or "+
				"name a Python that has it with -python", err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cache, err := filepath.Abs(compiled)
	if err != nil {
		return err
	}
	d := &driver{
		setting: o.setting, stderr: stderr, start: time.Now(),
		worker: command{
			name: "PyTorch", args: []string{o.python, script},
			env: []string{"TORCHINDUCTOR_CACHE_DIR=" + cache, "OMP_NUM_THREADS=" +
				strconv.Itoa(runtime.NumCPU())},
		},
		training: command{
			name: "training",
			args: []string{self, "-side", strconv.Itoa(o.side), "-batch", strconv.Itoa(o.batch)},
			env:  []string{programs.Variable + "=" + programs.Off}, // compiling is measured, too
		},
	}
	if o.warm {
		return d.warm(ctx)
	}
	r, err := d.measure(ctx)
	if err != nil {
		return err
	}
	fmt.Fprint(stdout, r.markdown())
	if o.out == "" {
		return nil
	}
	base := unused(filepath.Join(o.out, d.start.Format("2006-01-02")))
	if err := r.write(base); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "bench: %s.md and .csv written\n", base)
	return nil
}

// unused returns base, or base with the first number from 2 behind it that no report has.
func unused(base string) string {
	for name, i := base, 2; ; name, i = fmt.Sprintf("%s-%d", base, i), i+1 {
		if _, err := os.Stat(name + ".md"); err != nil {
			return name
		}
	}
}
