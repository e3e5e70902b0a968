package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gomlx/compute"

	"darkfield/pkg/camels"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/dataset"
	"darkfield/pkg/emulator"
	"darkfield/pkg/network"
	"darkfield/pkg/preset"
	"darkfield/pkg/training"
	"darkfield/pkg/verify"
)

// evaluations of the network that a map takes.
const evaluations = 25

// gpuPart is the process that makes one part, whose outcome it writes. It ends with in.
func (o options) gpuPart(ctx context.Context, in io.Reader, out io.Writer) error {
	var p part
	if err := json.Unmarshal([]byte(o.gpu.part), &p); err != nil {
		return fmt.Errorf("-gpu-part: %w", err)
	}
	if o.gpu.small {
		o.setting = smallSetting()
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, in) // until the check has ended
		stop()
	}()
	b, err := training.OpenBackend(p.Precision)
	if err != nil {
		return err
	}
	defer b.Finalize()
	result := outcome{part: p}
	switch p.Kind {
	case openPart:
		result.Says = strings.Trim(gpus(ctx)+"; "+withoutPaths(b.Description()), "; ")
	case verifyPart:
		result.Values, err = verified(ctx, b, p.Precision)
	case stepPart:
		result.Values, err = o.stepTime(ctx, b, p)
	case mapsPart:
		result.Values, err = o.mapsTime(ctx, b, p)
	case trainingPart:
		result.Values, err = o.trainFor(ctx, b, p)
	default:
		err = fmt.Errorf("-gpu-part: unknown kind %q", p.Kind)
	}
	if err != nil {
		return err
	}
	line, err := json.Marshal(result)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, string(line))
	return err
}

// gpus returns the names, memory and driver of the GPUs, as the driver's program has them; nothing
// where there is none.
func gpus(ctx context.Context) string {
	said, err := exec.CommandContext(ctx, "nvidia-smi",
		"--query-gpu=name,memory.total,driver_version", "--format=csv,noheader").Output()
	if err != nil {
		return ""
	}
	return strings.Join(strings.Split(strings.TrimSpace(string(said)), "\n"), "; ")
}

// verified counts the comparisons that pass. One that misses is an error, which names it.
func verified(ctx context.Context, b compute.Backend, p network.Precision) ([]value, error) {
	rows, err := verify.Run(ctx, b, "", p)
	if err != nil {
		return nil, err
	}
	worst, misses := 0.0, []string{}
	for _, r := range rows {
		if r.Tolerance > 0 {
			worst = math.Max(worst, r.Difference/r.Tolerance)
		}
		if !r.Pass {
			misses = append(misses, fmt.Sprintf("%s is off by %.2g, tolerance %g", r.Quantity, r.Difference,
				r.Tolerance))
		}
	}
	if len(misses) > 0 {
		return nil, fmt.Errorf("%d of %d comparisons miss: %s", len(misses), len(rows),
			strings.Join(misses, "; "))
	}
	return []value{
		{"comparisons that pass", "", float64(len(rows))},
		{"largest difference over its tolerance", "", worst},
	}, nil
}

// gpuJob is a training of one graph a step in a precision.
func (o options) gpuJob(dir string, p part) training.Job {
	s := o.setting
	s.side = p.Side
	job := s.job(dir, p.Width)
	job.Config.Precision, job.Config.Fused = p.Precision, true
	job.Config.MicroBatch = training.WholeBatch
	job.Data.Train, job.Data.Validation = waves(p.Side), waves(p.Side)
	return job
}

// stepTime measures steps between readings of the loss, where the GPU has done what it was given.
func (o options) stepTime(ctx context.Context, b compute.Backend, p part) ([]value, error) {
	dir, err := os.MkdirTemp("", "gpu-check")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	every, enough := 10, 20*time.Second
	if o.gpu.small {
		every, enough = 1, 0
	}
	job := o.gpuJob(dir, p)
	job.Config.LogEvery = every
	running, stop := context.WithCancel(ctx)
	defer stop()
	start, compiling := time.Now(), 0.0
	var marks []time.Time
	job.Report = func(g training.Progress) {
		if g.Step == 1 {
			compiling = time.Since(start).Seconds()
		}
		if g.Step%every != 0 {
			return
		}
		if marks = append(marks, time.Now()); len(marks) > 2 && time.Since(marks[0]) > enough {
			stop()
		}
	}
	if _, err := training.Run(running, b, job); ctx.Err() != nil || !errors.Is(err, context.Canceled) {
		return nil, errors.Join(err, ctx.Err())
	}
	var steps []float64
	for i := range len(marks) - 1 {
		steps = append(steps, marks[i+1].Sub(marks[i]).Seconds()/float64(every))
	}
	return []value{
		{"time", "s", quartilesOf(steps).median},
		{"first step, with compiling", "s", compiling},
	}, nil
}

// mapsTime measures one batch of maps, after one that compiles: kept on the device, and with what
// the host does between evaluations.
func (o options) mapsTime(ctx context.Context, b compute.Backend, p part) ([]value, error) {
	dir, err := os.MkdirTemp("", "gpu-check")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	m := o.gpuJob(dir, p).Manifest
	m.Version = checkpoint.Version
	path := filepath.Join(dir, "untrained.safetensors")
	if err := checkpoint.Save(path, m, checkpoint.Tensors(m.Network.Init(1))); err != nil {
		return nil, err
	}
	e, err := emulator.Open(b, path)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	c := emulator.DefaultSampling()
	c.Batch = o.batch
	if p.Precision == network.BFloat16 {
		c.Precision = p.Precision // the backend's is TF32
	}
	var values []value
	for _, way := range []struct {
		onDevice bool
		suffix   string
	}{{true, ""}, {false, ", noise of the host"}} {
		c.OnDevice = way.onDevice
		seconds := func(evaluations int) (float64, error) {
			c.Steps = evaluations
			start := time.Now()
			_, err := e.Sample(ctx, spread(o.batch), 1, c, nil)
			return time.Since(start).Seconds(), err
		}
		compiling, err := seconds(1)
		if err != nil {
			return nil, err
		}
		took, err := seconds(evaluations)
		if err != nil {
			return nil, err
		}
		values = append(values, value{"time" + way.suffix, "s", took},
			value{"first evaluation, with compiling" + way.suffix, "s", compiling})
	}
	return values, nil
}

// waves are maps of one wave each, whose mean and wavelength their parameters set.
func waves(side int) training.Source {
	return training.Source{Len: 1000, Fill: func(i int, dst []float32) ([]float32, error) {
		rng := rand.New(rand.NewPCG(1, uint64(i)))
		theta := []float32{rng.Float32(), rng.Float32()}
		phase := 2 * math.Pi * rng.Float64()
		for j := range dst {
			x := float64(j%side+j/side) / float64(side)
			dst[j] = theta[0] - 0.5 + 0.3*float32(math.Sin(phase+4*math.Pi*(1+float64(theta[1]))*x))
		}
		return theta, nil
	}}
}

// trainingDir is the run directory of the training at a side.
func (o options) trainingDir(side int) string {
	return filepath.Join(o.gpu.work, fmt.Sprint("training-", side))
}

// paperJob is the stage of the paper's preset at a side; in small, a smaller network and batch.
func (o options) paperJob(side int) (job training.Job, end func(), err error) {
	end = func() {}
	paper, err := preset.Get("paper")
	if err != nil {
		return job, end, err
	}
	job = o.gpuJob(o.trainingDir(side), part{Side: side, Width: 8})
	job.Manifest.Network, job.Config = paper.Network, paper.Stages[0].Training
	for _, stage := range paper.Stages {
		if stage.Side == side {
			job.Config = stage.Training
		}
	}
	job.Config.CheckpointEvery, job.Config.ValidateEvery = 500, 500 // a check may be interrupted
	if o.gpu.small {
		job.Manifest.Network, job.Config.Batch = o.network.WithDim(8), o.batch
		job.Config.LogEvery, job.Config.ValidationMaps = 1, o.batch
		return job, end, nil
	}
	if o.gpu.data == "" {
		return job, end, nil
	}
	s, err := camels.OpenChoice(o.gpu.data, camels.Choice{})
	if err != nil {
		return job, end, err
	}
	job.Data, job.Manifest, err = dataset.Prepare(s, paper.Network.Network(), side, 1)
	return job, func() { _ = s.Close() }, err // it was only read
}

// trainFor trains the paper's preset for some minutes from its first step on; a training that was
// interrupted goes on.
func (o options) trainFor(ctx context.Context, b compute.Backend, p part) ([]value, error) {
	job, end, err := o.paperJob(p.Side)
	defer end()
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	var began time.Time
	first, last, taken := math.NaN(), math.NaN(), 0
	job.Report = func(g training.Progress) {
		if began.IsZero() {
			began, first = time.Now(), g.Loss
			return // it holds the compiling
		}
		taken++
		last = g.Loss
		if time.Since(began).Minutes() > o.gpu.trainMinutes {
			stop()
		}
	}
	r, err := training.Run(running, b, job)
	if ctx.Err() != nil || err != nil && !errors.Is(err, context.Canceled) {
		return nil, errors.Join(err, ctx.Err())
	}
	values := []value{
		{"time of a step", "s", time.Since(began).Seconds() / float64(max(taken, 1))},
		{"steps in all", "", float64(r.Step)},
		{"loss of the first step known", "", first},
		{"loss of the last step known", "", last},
	}
	if !math.IsNaN(r.ValidationMSE) {
		values = append(values, value{"validation MSE", "", r.ValidationMSE})
	}
	return values, nil
}
