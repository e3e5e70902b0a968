package baseline

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/gomlx/compute"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/faults"
	"darkfield/pkg/field"
	"darkfield/pkg/training"
)

// ErrNotFinite is the error of a training whose numbers are no longer finite.
var ErrNotFinite = training.ErrNotFinite

// Progress is the state of a run for a progress display.
type Progress struct {
	Epoch, Epochs  int     // the epoch under way, of all
	Step, Steps    int     // counted over all epochs
	Loss           float64 // of this step
	Validation     float64 // validation loss of the last whole epoch; NaN before the first
	BestEpoch      int     // epoch of the least validation loss; 0 before the first
	BestValidation float64 // the least validation loss; NaN before the first
}

// Train trains a moment network on maps that were drawn with parameters uniform in prior, and
// returns that of the epoch with the least validation loss.
//
//   - dir is made if it does not exist. After each epoch it holds the best network, for Open, and
//     the state that a later call with the same arguments resumes from. A run that is killed or
//     cancelled loses the epoch under way and ends with the same weights as an unbroken one.
//   - Randomness: weights, order and augmentations of maps follow from Config.Seed and the epoch.
//   - progress may be nil; else it is called after each step.
//   - Errors: settings out of range, maps of different boxes or with pixels that are not finite,
//     parameters outside the prior, a run with other settings in dir, ErrNotFinite, and those of
//     ctx.
func Train(ctx context.Context, b compute.Backend, c Config, prior cosmology.Prior, data Data,
	dir string, progress func(Progress),
) (*MomentNetwork, error) {
	if c.Loss == Density {
		return nil, fmt.Errorf("baseline: the loss %q is that of TrainDensity", Density)
	}
	if err := train(ctx, b, c, prior, data, dir, progress); err != nil {
		return nil, err
	}
	return Open(b, filepath.Join(dir, bestFile))
}

func train(ctx context.Context, b compute.Backend, c Config, prior cosmology.Prior, data Data,
	dir string, progress func(Progress),
) error {
	fresh, err := manifestOf(c, prior, data)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("baseline: make the directory: %w", err)
	}
	r := run{Data: data, dir: dir, report: progress}
	var t checkpoint.Tensors
	if r.Manifest, t, err = resume(dir, fresh); err != nil {
		return err
	}
	if r.Epoch < c.Epochs {
		if r.device, err = newDevice(b, c.Network, t); err != nil {
			return err
		}
		defer r.device.close()
		if err := r.device.compile(c); err != nil {
			return err
		}
	}
	for r.Epoch < c.Epochs {
		if err := r.epoch(ctx); err != nil {
			return err
		}
	}
	return nil
}

// manifestOf returns the manifest of a new run, or an error for wrong settings or maps.
func manifestOf(c Config, prior cosmology.Prior, data Data) (Manifest, error) {
	var m Manifest
	if err := c.Validate(); err != nil {
		return m, fmt.Errorf("baseline: %s", faults.OneLine(err))
	}
	if len(data.Train) < c.Batch || len(data.Validation) < 2 {
		return m, fmt.Errorf("baseline: %d maps to train and %d to validate on, want at least Batch = "+
			"%d and 2", len(data.Train), len(data.Validation), c.Batch)
	}
	box := data.Train[0].Map.Box
	if err := check("Train", data.Train, box, prior); err != nil {
		return m, err
	}
	if err := check("Validation", data.Validation, box, prior); err != nil {
		return m, err
	}
	s := standardOf(prior, data.Train)
	m = Manifest{
		Version: manifestVersion, Config: c, Box: box, Prior: prior, Mean: s.mean, Std: s.std,
		Maps: len(data.Train),
	}
	if err := m.validate(); err != nil {
		return m, fmt.Errorf("baseline: %s", faults.OneLine(err))
	}
	return m, nil
}

// run is a training run under way.
type run struct {
	Manifest
	Data
	dir    string
	device *device
	last   float64 // validation loss of the last epoch of this call; 0 before
	report func(Progress)
}

// epoch trains for one pass over the maps, validates and saves.
func (r *run) epoch(ctx context.Context) error {
	c := r.Config
	steps := len(r.Train) / c.Batch
	draw := r.standard().epoch(c, r.Epoch+1, r.Train)
	for i := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := r.Epoch*steps + i + 1
		loss, err := r.device.advance(draw(), c, c.rate(n, steps*c.Epochs), n)
		if err != nil {
			return err
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return fmt.Errorf("baseline: %w: the loss of step %d is %g; try a smaller learning rate than "+
				"%g in another directory", ErrNotFinite, n, loss, c.LearningRate)
		}
		r.tell(n, steps*c.Epochs, loss)
	}
	r.Epoch++
	return r.keep(ctx)
}

// keep validates the averaged weights, saves them if they are the best so far, and then saves all
// tensors for a resumed run.
func (r *run) keep(ctx context.Context) error {
	outputs, err := r.device.answers(ctx, r.standard(), mapsOf(r.Validation), []field.Augmentation{{}})
	if err != nil {
		return err
	}
	theta := make([][thetas]float64, len(r.Validation))
	for i, m := range r.Validation {
		theta[i] = r.standard().theta(m.Theta)
	}
	r.last = r.Config.Network.meanLoss(theta, outputs)
	if math.IsNaN(r.last) || math.IsInf(r.last, 0) {
		return fmt.Errorf("baseline: %w: the validation loss of epoch %d is %g; try a smaller learning "+
			"rate than %g in another directory", ErrNotFinite, r.Epoch, r.last, r.Config.LearningRate)
	}
	t, err := r.device.variables.Read(training.Groups...)
	if err != nil {
		return fmt.Errorf("baseline: %w", err)
	}
	if r.Best == 0 || r.last < r.Loss {
		r.Best, r.Loss = r.Epoch, r.last
		if err := save(filepath.Join(r.dir, bestFile), r.Manifest,
			checkpoint.Group(t, checkpoint.EMA)); err != nil {
			return err
		}
	}
	return save(filepath.Join(r.dir, latestFile), r.Manifest, t)
}

func (r *run) tell(step, steps int, loss float64) {
	if r.report == nil {
		return
	}
	p := Progress{
		Epoch: r.Epoch + 1, Epochs: r.Config.Epochs, Step: step, Steps: steps, Loss: loss,
		Validation: math.NaN(), BestEpoch: r.Best, BestValidation: math.NaN(),
	}
	if r.Best > 0 {
		p.Validation, p.BestValidation = r.last, r.Loss
	}
	r.report(p)
}
