package training

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/gomlx/compute"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/tracking"
	"darkfield/pkg/unet"
)

// Job is a training run.
type Job struct {
	Dir      string // the run directory: made if it is not there, resumed if it holds a run
	Config   Config
	Manifest checkpoint.Manifest // network, schedule, prior, scaling and data; the run fills in the rest
	Data     Data
	Initial  unet.Weights   // to start from; nil: PyTorch's random initial weights
	Report   func(Progress) // called after each step; may be nil
}

// Progress is what a user wants to see of a run.
type Progress struct {
	Step, Steps    int
	Loss           float64 // averaged over the last steps
	ValidationMSE  float64 // the latest; NaN before the first
	StepsPerSecond float64
	ETA            time.Duration
}

// Result is the end of a run.
type Result struct {
	Checkpoint    string // path of the last checkpoint
	Step          int
	Resumed       int // step that the run started from
	ValidationMSE float64
}

// ErrNotFinite says that the loss became NaN or infinite.
var ErrNotFinite = errors.New("the loss is not finite")

// Run trains until Config.Steps, writing metrics and checkpoints to the run directory. When ctx is cancelled it writes a
// checkpoint and returns ctx's error; the same call goes on from there. A run killed at any moment goes on from its last
// checkpoint.
func Run(ctx context.Context, b compute.Backend, job Job) (Result, error) {
	r, err := start(b, job)
	if err != nil {
		return Result{}, err
	}
	defer r.metrics.Close()
	if err := r.loop(ctx); err != nil {
		return r.result, err
	}
	return r.result, nil
}

// run is a Job under way.
type run struct {
	Job
	dir        directory
	state      *state
	drawer     drawer
	metrics    *tracking.Writer
	validation []batch
	done       int // steps taken
	saved      int // of them in the last checkpoint; −1: none
	sum        float64
	since      int       // steps in sum
	clock      time.Time // of the last record
	rate       float64   // steps per second
	result     Result
}

// start checks the job, opens its directory and puts the weights of the last checkpoint, or new ones, on the backend.
func start(b compute.Backend, job Job) (*run, error) {
	schedule, err := job.check()
	if err != nil {
		return nil, err
	}
	r := &run{Job: job, dir: directory(job.Dir), saved: -1, clock: time.Now()}
	if r.Manifest.Training, err = json.Marshal(job.Config); err != nil {
		return nil, err
	}
	r.Manifest.Version, r.Manifest.Seed = checkpoint.Version, job.Config.Seed
	if err := r.dir.create(r.Config, r.Manifest); err != nil {
		return nil, err
	}
	tensors, err := r.tensors()
	if err != nil {
		return nil, err
	}
	r.result = Result{Step: r.done, Resumed: r.done, ValidationMSE: math.NaN(), Checkpoint: r.dir.step(r.done)}
	r.state, err = newState(b, r.Manifest.Network, r.Data.Side, r.Config.Loss, schedule, tensors)
	if err != nil {
		return nil, err
	}
	r.drawer = drawer{Config: r.Config, data: r.Data, schedule: schedule}
	if r.validation, err = r.drawer.validationBatches(); err != nil {
		return nil, err
	}
	r.metrics, err = tracking.Open(r.dir.metrics(), r.done)
	return r, err
}

func (j Job) check() (diffusion.Schedule, error) {
	if err := j.Config.Validate(); err != nil {
		return diffusion.Schedule{}, err
	}
	if j.Data.Train.Len < 1 || j.Data.Validation.Len < 1 {
		return diffusion.Schedule{}, fmt.Errorf("training: %d maps to train and %d to validate on, want at least one of each", j.Data.Train.Len, j.Data.Validation.Len)
	}
	if err := j.Manifest.Network.CheckSide(j.Data.Side); err != nil {
		return diffusion.Schedule{}, fmt.Errorf("training: %w", err)
	}
	return diffusion.Named(j.Manifest.Schedule)
}

// tensors returns those of the last checkpoint, or new ones.
func (r *run) tensors() (checkpoint.Tensors, error) {
	latest, found, err := r.dir.latest()
	if err != nil {
		return nil, err
	}
	if found {
		r.done, r.saved = latest.Manifest.Step, latest.Manifest.Step
		return latest.Tensors, nil
	}
	weights := r.Initial
	if weights == nil {
		weights = r.Manifest.Network.Init(rand.New(rand.NewPCG(r.Config.Seed, 0)))
	}
	if err := r.Manifest.Network.Check(weights); err != nil {
		return nil, fmt.Errorf("training: the initial weights do not fit the network: %w", err)
	}
	return weights, nil
}

func (r *run) loop(ctx context.Context) error {
	stop := make(chan struct{})
	defer close(stop)
	for b := range r.drawer.prefetch(r.done, r.Config.Steps, stop) {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, r.save())
		}
		if b.err != nil {
			return b.err
		}
		if err := r.take(b); err != nil {
			return err
		}
	}
	if r.saved < r.done {
		return r.save()
	}
	return nil
}

// take takes one step and does what is due after it.
func (r *run) take(b batch) error {
	n := r.done + 1
	loss, err := r.state.advance(b, r.Config.rate(n), r.Config.decay(n), n)
	if err != nil {
		return err
	}
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return fmt.Errorf("training: %w at step %d: the last good checkpoint is kept in %s; try a smaller learning rate than %g", ErrNotFinite, n, r.dir, r.Config.LearningRate)
	}
	r.done, r.result.Step = n, n
	r.sum += loss
	r.since++
	last := n == r.Config.Steps
	values := map[string]float64{}
	if last || n%r.Config.ValidateEvery == 0 {
		if r.result.ValidationMSE, err = r.state.validate(r.validation); err != nil {
			return err
		}
		values[tracking.ValidationMSE] = r.result.ValidationMSE
	}
	r.report(loss)
	if err := r.record(last, values); err != nil {
		return err
	}
	if n%r.Config.CheckpointEvery == 0 {
		return r.save()
	}
	return nil
}

// record appends metrics where they are due.
func (r *run) record(last bool, values map[string]float64) error {
	if !last && r.done%r.Config.LogEvery != 0 && len(values) == 0 {
		return nil
	}
	values[tracking.Loss] = r.sum / float64(r.since)
	values[tracking.LearningRate] = r.Config.rate(r.done)
	values[tracking.StepsPerSecond] = r.rate
	r.sum, r.since = 0, 0
	return r.metrics.Append(tracking.Record{Step: r.done, Values: values})
}

// report tells the caller how far the run is. The speed is smoothed over about ten steps, and the first step, which
// compiles, does not count.
func (r *run) report(loss float64) {
	now := time.Now()
	if taken := r.done - r.result.Resumed; taken > 1 {
		speed := 1 / now.Sub(r.clock).Seconds()
		if r.rate == 0 {
			r.rate = speed
		}
		r.rate += (speed - r.rate) / 10
	}
	r.clock = now
	if r.Report == nil {
		return
	}
	p := Progress{Step: r.done, Steps: r.Config.Steps, Loss: loss, ValidationMSE: r.result.ValidationMSE, StepsPerSecond: r.rate}
	if r.rate > 0 {
		p.ETA = time.Duration(float64(r.Config.Steps-r.done) / r.rate * float64(time.Second))
	}
	r.Report(p)
}

// save writes the checkpoint of this step and then, with the optimiser's state, the file that a resumed run starts from.
func (r *run) save() error {
	tensors, err := r.state.read(groups...)
	if err != nil {
		return err
	}
	r.Manifest.Step = r.done
	weights := checkpoint.Tensors{}
	for _, group := range groups[:2] {
		for name, a := range checkpoint.Group(tensors, group) {
			weights[group+name] = a
		}
	}
	if err := checkpoint.Save(r.dir.step(r.done), r.Manifest, weights); err != nil {
		return err
	}
	if err := checkpoint.Save(r.dir.resume(), r.Manifest, tensors); err != nil {
		return err
	}
	r.saved, r.result.Checkpoint = r.done, r.dir.step(r.done)
	return nil
}
