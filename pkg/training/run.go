package training

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gomlx/compute"

	"darkfield/pkg/backend"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/faults"
	"darkfield/pkg/network"
	"darkfield/pkg/tracking"
)

// Job is a training run.
type Job struct {
	Dir    string // the run directory: made if it does not exist, resumed if it holds a run
	Config Config
	// Network is trained; the zero value stands for the U-Net of the manifest.
	Network network.Network
	// Loss is minimised; the zero value stands for the one that Config names.
	Loss Loss
	// Manifest must have network, schedule, prior, scaling and data; the run fills in the rest.
	Manifest checkpoint.Manifest
	Data     Data
	// Initial are the weights of a new run; nil: PyTorch's random initial weights.
	Initial network.Weights
	Report  func(Progress) // called after each step; may be nil
}

// Progress is the state of a run for a progress display.
type Progress struct {
	Step, Steps    int
	Loss           float64 // of this step
	ValidationMSE  float64 // the latest; NaN before the first
	StepsPerSecond float64
	ETA            time.Duration
}

// Result is the outcome of a call of Run.
type Result struct {
	Checkpoint    string  // path of the last checkpoint; empty before the first
	Step          int     // steps taken in all
	Resumed       int     // of them before this call
	ValidationMSE float64 // the latest; NaN before the first
}

// Run trains until Config.Steps, writing metrics and checkpoints to the run directory. When ctx is
// cancelled it writes a checkpoint and returns ctx's error; the same call resumes from there. A run
// that was killed resumes from its last checkpoint, with the same weights and metrics bit for bit,
// but for times and speeds; after a cancelled call one record of the loss averages fewer steps.
//
// Run returns an error when a file cannot be written and when its directory is deleted. If only the
// checkpoints are deleted, it writes its state there once more before it returns.
func Run(ctx context.Context, b compute.Backend, job Job) (Result, error) {
	schedule, err := job.check()
	if err != nil {
		return Result{}, err
	}
	if err := job.precise(b); err != nil {
		return Result{}, err
	}
	r := &run{Job: job, dir: directory(job.Dir), clock: time.Now()}
	if r.claim, err = r.dir.lock(); err != nil {
		return Result{}, err
	}
	defer r.claim.release()
	if err := r.start(b, schedule); err != nil {
		return Result{}, err
	}
	defer r.state.close()
	err = r.loop(ctx)
	if closed := r.metrics.Close(); err == nil && closed != nil {
		err = r.unwritten(closed)
	}
	return r.result, err
}

// run is a Job under way.
type run struct {
	Job
	dir        directory
	claim      *claim
	list       []network.Tensor
	state      *state
	drawer     drawer
	metrics    *tracking.Writer
	validation []batch
	done       int     // steps taken
	saved      int     // of them in the last checkpoint
	loss       float64 // of the last step whose loss is known
	sum        float64
	since      int           // steps in sum
	waited     time.Duration // for batches, in these steps
	clock      time.Time     // of the last step
	rate       float64       // steps per second
	result     Result
}

// start opens the directory and puts the weights of the last checkpoint, or new ones, on the
// backend.
func (r *run) start(b compute.Backend, schedule diffusion.Schedule) (err error) {
	if r.Manifest.Training, err = json.Marshal(r.Config); err != nil {
		return err
	}
	r.drawer = drawer{
		Config: r.Config, data: r.Data.as(r.Manifest), thetas: r.Manifest.Conditions(),
		schedule: schedule,
	}
	if r.validation, err = r.drawer.validationBatches(); err != nil {
		return err
	}
	if err := r.dir.configure(r.Config, r.Manifest, widthOf(r.Network), r.Data); err != nil {
		return err
	}
	if r.list, err = r.Network.Tensors(r.Data.Side, r.Manifest.Conditions()); err != nil {
		return fmt.Errorf("training: %w", err)
	}
	tensors, err := r.tensors(b)
	if err != nil {
		return err
	}
	if r.done > r.Config.Steps {
		return fmt.Errorf("training: %s holds a run of %d steps, more than Steps = %d: ask for as many "+
			"or use another directory", r.dir, r.done, r.Config.Steps)
	}
	if r.metrics, err = tracking.Open(r.dir.metrics(), r.done); err != nil {
		return err
	}
	if r.result, err = r.before(); err == nil {
		r.state, err = newState(b, r.Job, r.list, schedule, tensors)
	}
	if err != nil {
		return errors.Join(err, r.metrics.Close())
	}
	return nil
}

// before returns the result of the steps of earlier calls.
func (r *run) before() (Result, error) {
	out := Result{Step: r.done, Resumed: r.done, ValidationMSE: math.NaN()}
	if r.saved > 0 {
		out.Checkpoint = r.dir.step(r.saved)
	}
	records, err := tracking.Read(r.dir.metrics())
	for _, record := range records {
		if v, ok := record.Values[tracking.ValidationMSE]; ok {
			out.ValidationMSE = v
		}
	}
	return out, err
}

// check completes the manifest and returns an error for a job that would fail later.
func (j *Job) check() (diffusion.Schedule, error) {
	fail := func(err error) (diffusion.Schedule, error) {
		return diffusion.Schedule{}, fmt.Errorf("training: %s", faults.OneLine(err))
	}
	if err := j.Config.Validate(); err != nil {
		return fail(err)
	}
	if j.Network.Func == nil {
		j.Network = j.Manifest.Network.Network()
	}
	j.Manifest.SetNetwork(j.Network)
	if j.Loss.Func != nil {
		j.Config.Loss = j.Loss.Name
	}
	if _, err := j.loss(); err != nil {
		return fail(err)
	}
	j.Manifest.Version, j.Manifest.Seed = checkpoint.Version, j.Config.Seed
	j.Manifest.Prediction, j.Manifest.LogTheta = j.Config.Prediction, j.Config.LogTheta
	if err := cmp.Or(j.Manifest.Validate(), j.Manifest.Conditioned()); err != nil {
		return fail(err)
	}
	if j.Data.Side != j.Manifest.Data.Side {
		return fail(fmt.Errorf("maps of %d pixels a side, the manifest says %d", j.Data.Side,
			j.Manifest.Data.Side))
	}
	if j.Config.Shifts && !j.Manifest.Data.Periodic {
		return fail(errors.New("training.Config.Shifts = true, but the maps are not periodic: their " +
			"edges would meet inside"))
	}
	if j.Data.Train.Len < 1 || j.Data.Validation.Len < 1 {
		return fail(fmt.Errorf("%d maps to train and %d to validate on, want at least one of each",
			j.Data.Train.Len, j.Data.Validation.Len))
	}
	return j.Manifest.Diffusion()
}

// OpenBackend opens the backend that $GOMLX_BACKEND names for a training in a precision.
func OpenBackend(p network.Precision) (compute.Backend, error) {
	if p == network.TF32 {
		return backend.OpenTF32()
	}
	return backend.Open()
}

// precise returns an error unless the network and the backend compute in the precision that is
// asked for.
func (j *Job) precise(b compute.Backend) error {
	p := j.Config.Precision
	if _, err := j.Network.In(p); err != nil {
		return fmt.Errorf("training: %w", err)
	}
	if n := b.NumDevices(); n < j.Config.devices() {
		return fmt.Errorf("training: training.Config.Devices = %d, but the backend has %d: ask for as "+
			"many, or give the process more GPUs", j.Config.Devices, n)
	}
	if has := backend.TF32(b); has != (p == network.TF32) {
		is := "float32: open it with backend.OpenTF32, on a GPU of NVIDIA, or choose another precision"
		if has {
			is = "TF32: open it with backend.Open and without the option tf32, or choose precision tf32"
		}
		return fmt.Errorf("training: training.Config.Precision = %s, but the backend multiplies in %s", p,
			is)
	}
	return nil
}

// tensors returns those of the last checkpoint, or new ones.
func (r *run) tensors(b compute.Backend) (checkpoint.Tensors, error) {
	latest, found, err := r.dir.latest(r.Network, r.list)
	if err == nil && !found {
		err = r.dir.unbegun(r.Config.CheckpointEvery)
	}
	if err != nil {
		return nil, err
	}
	if found {
		r.done, r.saved = latest.Manifest.Step, latest.Manifest.Step
		return latest.Tensors, nil
	}
	weights := r.Initial
	if weights == nil {
		weights, err = r.Network.Initial(b, r.Config.Seed, r.Data.Side, r.Manifest.Conditions())
		if err != nil {
			return nil, fmt.Errorf("training: %w", err)
		}
	}
	if err := network.Check(r.list, weights); err != nil {
		return nil, fmt.Errorf("training: the initial weights do not fit the network: %s",
			faults.OneLine(err))
	}
	return weights, nil
}

func (r *run) loop(ctx context.Context) error {
	batches, stop := r.drawer.prefetch(r.done, r.Config.Steps)
	defer stop()
	for asked := time.Now(); ; asked = time.Now() {
		b, more := <-batches
		if !more {
			return r.save()
		}
		r.waited += time.Since(asked)
		if err := ctx.Err(); err != nil {
			return r.interrupted(err)
		}
		if b.err != nil {
			return b.err
		}
		if err := r.take(b); err != nil {
			return err
		}
	}
}

// take takes one step, validates, records metrics and saves when they are due.
func (r *run) take(b batch) error {
	n := r.done + 1
	last, checkpoint := n == r.Config.Steps, n%r.Config.CheckpointEvery == 0
	validate := last || n%r.Config.ValidateEvery == 0
	due := checkpoint || validate || n%r.Config.LogEvery == 0
	losses, err := r.state.advance(b, r.learningRate(n), r.Config.decay(n), n, due)
	if err != nil {
		return err
	}
	for i, loss := range losses {
		if !finite(loss) {
			return r.diverged(fmt.Errorf("%w: the loss of step %d is %g", ErrNotFinite,
				n-len(losses)+1+i, loss))
		}
		r.loss = loss
		r.sum += loss
		r.since++
	}
	r.done, r.result.Step = n, n
	values := map[string]float64{}
	if validate {
		mse, err := r.state.validate(r.validation)
		if err != nil {
			return err
		}
		if !finite(mse) {
			return r.diverged(fmt.Errorf("%w: the validation error after step %d is %g",
				ErrNotFinite, n, mse))
		}
		r.result.ValidationMSE, values[tracking.ValidationMSE] = mse, mse
	}
	r.report(r.loss)
	if !due {
		return nil
	}
	if err := r.record(values); err != nil {
		return err
	}
	if checkpoint || !exists(r.dir.checkpoints()) {
		return r.save()
	}
	return nil
}

// learningRate returns that of step n = 1, 2, ….
func (r *run) learningRate(n int) float64 {
	return r.Config.rate(n) * r.Config.halvings(n, r.Data.Train.Len)
}

// diverged adds the last good checkpoint and a remedy to the error of a run that diverged.
func (r *run) diverged(cause error) error {
	kept := "no checkpoint had been written"
	if r.saved > 0 {
		kept = "the last good checkpoint is " + r.dir.step(r.saved)
	}
	return fmt.Errorf("training: %w; %s; try a smaller learning rate than %g in another directory",
		cause, kept, r.Config.LearningRate)
}

// report calls Job.Report. The speed is averaged over about ten steps, without the first step,
// which compiles.
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
	p := Progress{
		Step: r.done, Steps: r.Config.Steps, Loss: loss,
		ValidationMSE: r.result.ValidationMSE, StepsPerSecond: r.rate,
	}
	if r.rate > 0 {
		p.ETA = time.Duration(float64(r.Config.Steps-r.done) / r.rate * float64(time.Second))
	}
	r.Report(p)
}
