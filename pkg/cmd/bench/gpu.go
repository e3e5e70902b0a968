package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gomlx/compute"

	"darkfield/pkg/network"
	"darkfield/pkg/safefile"
	"darkfield/pkg/verify"
)

// Kinds of parts of the check of a GPU.
const (
	openPart     = "open"     // the backend
	verifyPart   = "verify"   // comparisons with the reference
	stepPart     = "step"     // training steps, as in a training
	mapsPart     = "maps"     // one batch of maps
	trainingPart = "training" // minutes of the paper's preset
)

// part is a piece of the check of a GPU. Each is a process of its own: one that fails leaves the
// others, memory is its own, and NVIDIA's libraries read once whether they may use TF32.
type part struct {
	Kind      string            `json:"kind"`
	By        string            `json:"by"` // ours, or theirs
	Side      int               `json:"side,omitempty"`
	Width     int               `json:"width,omitempty"`
	Precision network.Precision `json:"precision,omitempty"`
}

const (
	theirSide = "PyTorch"
	memory    = "memory" // what a value is
)

// name is that of the part's file, and what is shown while it runs.
func (p part) name() string {
	return fmt.Sprintf("%s-%d-%d-%s-%s", p.Kind, p.Side, p.Width, p.Precision, p.By)
}

// value is a number that a part gives.
type value struct {
	What  string  `json:"what"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
}

// outcome is what came of a part: numbers, the first of which is the one to compare, or a reason.
type outcome struct {
	part
	Values []value `json:"values,omitempty"`
	Says   string  `json:"says,omitempty"` // versions, of openPart
	Failed string  `json:"failed,omitempty"`
}

// gpuOptions are the flags of the check of a GPU.
type gpuOptions struct {
	check        bool
	small        bool
	backend      string
	sides        string
	data         string  // directory of maps of the trainings; empty: synthetic ones
	trainMinutes float64 // of each training
	work         string  // directory of what is done
	part         string  // of the process that makes one part
}

// gpuCheck is the check of a GPU.
type gpuCheck struct {
	options
	stderr io.Writer
	self   string // this program
	begun  begun
	device string // of PyTorch: cuda or cpu
	said   string // versions of PyTorch
	lacks  string // why PyTorch is not measured
}

// begun is what is kept of a check beside its outcomes, so that the same command goes on with it.
type begun struct {
	Date     time.Time `json:"date"`
	Settings string    `json:"settings"`
}

// longest is the time after which a part is given up.
const longest = 30 * time.Minute

// gpuBackend is the backend that is checked.
func (o options) gpuBackend() string {
	return cmp.Or(o.gpu.backend, os.Getenv(compute.ConfigEnvVar), "xla:cuda")
}

// gpuSides are the sides of maps.
func (o options) gpuSides() ([]int, error) {
	if o.gpu.small {
		return []int{smallSetting().side}, nil
	}
	var out []int
	for word := range strings.SplitSeq(o.gpu.sides, ",") {
		side, err := strconv.Atoi(word)
		if err == nil {
			err = o.network.CheckSide(side)
		}
		if err != nil {
			return nil, fmt.Errorf("-sides %s: %w", o.gpu.sides, err)
		}
		out = append(out, side)
	}
	return out, nil
}

// smallSetting is that of a rehearsal.
func smallSetting() setting {
	s := standard()
	s.network.Multipliers = []int{1, 2}
	s.dims, s.side, s.batch, s.maps = []int{8}, 8, 2, 2
	return s
}

// parts lists the check's, in order.
func (c *gpuCheck) parts() ([]part, error) {
	sides, err := c.gpuSides()
	if err != nil {
		return nil, err
	}
	var out []part
	for _, p := range network.Precisions() {
		out = append(out, part{Kind: verifyPart, By: ours, Precision: p})
	}
	for _, side := range sides {
		for _, width := range c.dims {
			for _, p := range network.Precisions() {
				for _, kind := range []string{stepPart, mapsPart} {
					for _, by := range []string{ours, theirSide} {
						out = append(out, part{kind, by, side, width, p})
					}
				}
			}
		}
	}
	for _, side := range sides {
		out = append(out, part{Kind: trainingPart, By: ours, Side: side})
	}
	return out, nil
}

// checkGPU makes every part that has not been made, and writes the page and the CSV.
func (o options) checkGPU(ctx context.Context, stdout, stderr io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if o.gpu.small {
		o.setting = smallSetting()
	}
	c := &gpuCheck{options: o, stderr: stderr, self: self, device: "cpu"}
	if strings.Contains(o.gpuBackend(), "cuda") {
		c.device = "cuda"
	}
	opened, _, err := c.ours(ctx, part{Kind: openPart, By: ours})
	if err != nil {
		return fmt.Errorf("%w; -backend xla:cpu -small rehearses the check without a GPU", err)
	}
	parts, err := c.parts()
	if err != nil {
		return err
	}
	lock, err := c.begin()
	if err != nil {
		return err
	}
	defer lock.Release()
	c.askPyTorch(ctx)
	outcomes := []outcome{}
	for i, p := range parts {
		if p.By == theirSide && c.lacks != "" {
			continue
		}
		made, err := c.kept(p)
		if err == nil && made == nil {
			fmt.Fprintf(stderr, "gpu-check: %d of %d: %s\n", i+1, len(parts), p.name())
			fresh := c.make(ctx, p)
			if err = ctx.Err(); err == nil {
				made, err = &fresh, c.keep(fresh)
			}
		}
		if err != nil {
			return err
		}
		if made.Failed != "" {
			fmt.Fprintf(stderr, "gpu-check: %s: %s\n", p.name(), made.Failed)
		}
		outcomes = append(outcomes, *made)
	}
	page := gpuPage{
		c.begun.Date, thisMachine(), opened.Says, cmp.Or(c.lacks, c.said), c.notes(), outcomes,
	}
	fmt.Fprint(stdout, page.markdown())
	base := unused(filepath.Join(o.out, "gpu-"+c.begun.Date.Format("2006-01-02")))
	if err := errors.Join(write(base+".md", page.markdown()), page.csv(base+".csv")); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "gpu-check: %s.md and .csv written\n", base)
	return c.forget(parts)
}

// forget removes what was kept of parts.
func (c *gpuCheck) forget(parts []part) error {
	errs := []error{os.Remove(c.about())}
	for _, p := range parts {
		if p.Kind == trainingPart {
			errs = append(errs, os.RemoveAll(c.trainingDir(p.Side)))
		}
		if err := os.Remove(c.file(p)); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// notes are what a reader of the page must know.
func (c *gpuCheck) notes() []string {
	notes := []string{fmt.Sprintf("Batches of %d maps, untrained weights; a step is one of a "+
		"training, in one graph, with its data; maps take %d evaluations of DPM-Solver++ and stay on "+
		"the device, the CSV has them with the noise of the host, too.", c.batch, evaluations)}
	if c.device == "cuda" {
		notes = append(notes, "Memory is the most that the GPU had in use, above what it had before.")
	} else {
		notes = append(notes, "A rehearsal without a GPU: no number here is one of a GPU. Memory is the "+
			"process's at its largest.")
	}
	maps := "Synthetic maps were trained on."
	if c.gpu.data != "" {
		maps = "The maps of -data were trained on."
	}
	return append(notes, maps+fmt.Sprintf(" Each training had %g minutes.", c.gpu.trainMinutes))
}

// begin makes the directory of what is done, or goes on with it.
func (c *gpuCheck) begin() (*safefile.Lock, error) {
	if err := os.MkdirAll(c.gpu.work, 0o755); err != nil {
		return nil, fmt.Errorf("%w: name another directory with -work", err)
	}
	lock, err := safefile.Acquire(filepath.Join(c.gpu.work, "lock"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.gpu.work, err)
	}
	settings := fmt.Sprintf("%s, widths %v, sides %s, batch %d, %g minutes, data %q, small %t",
		c.gpuBackend(), c.dims, c.gpu.sides, c.batch, c.gpu.trainMinutes, c.gpu.data, c.gpu.small)
	path := c.about()
	c.begun = begun{time.Now(), settings}
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, &c.begun)
		if err == nil && c.begun.Settings != settings {
			err = fmt.Errorf("it is an unfinished check with other settings (%s): use the same, or remove "+
				"it, or name another directory with -work", c.begun.Settings)
		}
	} else if errors.Is(err, os.ErrNotExist) {
		err = c.save(path, c.begun)
	}
	if err != nil {
		lock.Release()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return lock, nil
}

func (c *gpuCheck) save(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return safefile.WriteFile(path, append(text, '\n'))
}

func (c *gpuCheck) about() string { return filepath.Join(c.gpu.work, "check.json") }

func (c *gpuCheck) file(p part) string { return filepath.Join(c.gpu.work, p.name()+".json") }

// kept returns the outcome of a part that was made before, nil if there is none.
func (c *gpuCheck) kept(p part) (*outcome, error) {
	raw, err := os.ReadFile(c.file(p))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var o outcome
	if err == nil {
		err = json.Unmarshal(raw, &o)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: remove it", c.file(p), err)
	}
	return &o, nil
}

func (c *gpuCheck) keep(o outcome) error { return c.save(c.file(o.part), o) }

// make makes a part; whatever goes wrong is its reason.
func (c *gpuCheck) make(ctx context.Context, p part) outcome {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	m := c.watchMemory(ctx)
	process := c.ours
	if p.By == theirSide {
		process = c.theirs
	}
	o, resident, err := process(ctx, p)
	o.part = p
	peak := m.stop()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		o.Values, o.Failed = nil, fmt.Sprintf("it took longer than %v and was ended", longest)
	case err != nil:
		o.Values, o.Failed = nil, err.Error()
	case c.device == "cuda":
		if peak > 0 {
			o.Values = append(o.Values, value{memory, "GiB", peak})
		}
	case resident > 0:
		o.Values = append(o.Values, value{memory, "GiB", float64(resident) / (1 << 30)})
	}
	return o
}

// ours makes a part of ours in a process of its own, which ends when this one does.
func (c *gpuCheck) ours(ctx context.Context, p part) (o outcome, resident int64, err error) {
	line, err := json.Marshal(p)
	if err != nil {
		return o, 0, err
	}
	args := append(c.flags(), "-gpu-part", string(line))
	process := exec.CommandContext(ctx, c.self, args...)
	process.Env = append(os.Environ(), compute.ConfigEnvVar+"="+c.gpuBackend())
	process.WaitDelay = 5 * time.Second
	var said, answer bytes.Buffer
	process.Stderr, process.Stdout = &said, &answer
	alive, err := process.StdinPipe() // closed by the end of this process, however it ends
	if err != nil {
		return o, 0, err
	}
	defer alive.Close()
	if err := process.Run(); err != nil {
		return o, 0, errors.New(reason(said.String(), err))
	}
	if err := json.Unmarshal(answer.Bytes(), &o); err != nil {
		return o, 0, fmt.Errorf("it answered %.80q: %w", answer.String(), err)
	}
	return o, peakMemory(process), nil
}

// reason returns why a part failed: what it said last, or how it ended where it said nothing.
func reason(said string, err error) string {
	if strings.TrimSpace(said) == "" {
		return err.Error()
	}
	return strings.TrimPrefix(lastLine(said), "bench: ")
}

// flags are those that parts need.
func (c *gpuCheck) flags() []string {
	return []string{
		"-gpu", "-batch", strconv.Itoa(c.batch), "-data", c.gpu.data, "-work", c.gpu.work,
		"-train-minutes", fmt.Sprint(c.gpu.trainMinutes), fmt.Sprintf("-small=%t", c.gpu.small),
	}
}

// PyTorch's ways by precision: the reordered one multiplies as ours does.
var theirWays = map[network.Precision]string{
	network.Float32: plain, network.TF32: "tf32", network.BFloat16: "bfloat16",
}

// askPyTorch finds out whether there is a PyTorch that can be measured.
func (c *gpuCheck) askPyTorch(ctx context.Context) {
	fail := func(err error) { c.lacks = "PyTorch was not measured: " + err.Error() }
	w, end, err := c.pytorch(ctx)
	if err != nil {
		fail(err)
		return
	}
	defer end()
	about, err := w.ask(request{"do": "about"})
	if err != nil {
		fail(err)
		return
	}
	c.said = about.Version
}

// pytorch starts PyTorch's side, whose scripts this program carries.
func (c *gpuCheck) pytorch(ctx context.Context) (w *worker, end func(), err error) {
	dir, err := os.MkdirTemp("", "gpu-check")
	if err != nil {
		return nil, nil, err
	}
	interpreter := c.python
	if _, missing := os.Stat(interpreter); missing != nil && interpreter == python {
		interpreter = "python3" // the one that has PyTorch for the GPU, as a rule
	}
	if err = os.CopyFS(dir, verify.PyTorch); err == nil {
		w, err = startWorker(ctx, command{
			name: theirSide, args: []string{interpreter, filepath.Join(dir, "pytorch", "bench.py")},
			env: []string{"DARKFIELD_TORCH_DEVICE=" + c.device},
		})
	}
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return w, func() { _, _ = w.requests.Close(), os.RemoveAll(dir) }, nil // it has answered
}

// theirs makes a part of PyTorch's.
func (c *gpuCheck) theirs(ctx context.Context, p part) (o outcome, resident int64, err error) {
	w, end, err := c.pytorch(ctx)
	if err != nil {
		return o, 0, err
	}
	defer end()
	way := theirWays[p.Precision]
	if _, err := w.ask(request{
		"do": "open", "network": way, "dim": p.Width, "side": p.Side, "batch": c.batch, "layout": "",
	}); err != nil {
		return o, 0, err
	}
	one := request{"do": "step", "network": way}
	if p.Kind == mapsPart {
		one = request{
			"do": "sample", "network": way, "maps": c.batch, "evaluations": evaluations,
			"measured": evaluations,
		}
	}
	const warm, counted = 2, 5
	var took []float64
	for range warm + counted {
		seconds, err := w.seconds(one)
		if err != nil {
			return o, 0, err
		}
		took = append(took, seconds)
	}
	o.Values = []value{{"time", "s", quartilesOf(took[warm:]).median}}
	resident, err = w.close()
	return o, resident, err
}

// memoryWatch follows the memory of the GPU while a part is made.
type memoryWatch struct {
	end  context.CancelFunc
	peak chan float64
}

// watchMemory begins to follow the memory of the GPU, if it is one that is checked.
func (c *gpuCheck) watchMemory(ctx context.Context) memoryWatch {
	ctx, end := context.WithCancel(ctx)
	m := memoryWatch{end, make(chan float64, 1)}
	if c.device != "cuda" {
		m.peak <- 0
		return m
	}
	before, _ := usedMemory(ctx)
	go func() {
		most := before
		for ctx.Err() == nil {
			if used, err := usedMemory(ctx); err == nil {
				most = max(most, used)
			}
			select {
			case <-ctx.Done():
			case <-time.After(300 * time.Millisecond):
			}
		}
		m.peak <- most - before
	}()
	return m
}

// stop returns the most that was in use, in GiB, above what was before; 0 where it is not known.
func (m memoryWatch) stop() float64 {
	m.end()
	return <-m.peak
}

// usedMemory returns the memory in use on all GPUs of this process, in GiB, as the driver's program
// counts it.
func usedMemory(ctx context.Context) (float64, error) {
	args := []string{"--query-gpu=memory.used", "--format=csv,noheader,nounits"}
	if visible := os.Getenv("CUDA_VISIBLE_DEVICES"); visible != "" {
		args = append(args, "--id="+visible)
	}
	said, err := exec.CommandContext(ctx, "nvidia-smi", args...).Output()
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for word := range strings.FieldsSeq(string(said)) {
		mib, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return 0, err
		}
		sum += mib / 1024
	}
	return sum, nil
}
