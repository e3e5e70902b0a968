package training

import (
	"errors"
	"fmt"
	"os"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/faults"
	"darkfield/pkg/tracking"
)

// record appends metrics. There is a record at every checkpoint, so that no average reaches back
// beyond one and a resumed run writes the same.
func (r *run) record(values map[string]float64) error {
	// The open file would accept records of a directory that was deleted.
	if err := r.claim.check(); err != nil {
		return err
	}
	values[tracking.Loss] = r.sum / float64(r.since)
	values[tracking.LearningRate] = r.learningRate(r.done)
	values[tracking.StepsPerSecond] = r.rate
	values[tracking.DataWait] = r.waited.Seconds() / float64(r.since)
	r.sum, r.since, r.waited = 0, 0, 0
	if err := r.metrics.Append(tracking.Record{Step: r.done, Values: values}); err != nil {
		return r.unwritten(err)
	}
	return nil
}

// save writes the state of this step, unless it is written already. If the checkpoints were deleted
// it is written all the same, as the only copy, and an error ends the run.
func (r *run) save() error {
	if r.saved == r.done {
		return nil
	}
	if err := r.claim.check(); err != nil {
		return err
	}
	deleted := !exists(r.dir.checkpoints())
	if deleted {
		if err := os.Mkdir(r.dir.checkpoints(), 0o755); err != nil {
			return r.unwritten(err)
		}
	}
	if err := r.write(); err != nil {
		return err
	}
	if deleted {
		return fmt.Errorf("training: %s was deleted under the training, which ends; the state of step "+
			"%d is there again, for the run to go on from, earlier checkpoints are lost",
			r.dir.checkpoints(), r.done)
	}
	return nil
}

// write writes the checkpoint of this step and then, with the optimiser's state, the file that a
// resumed run starts from. If the process dies in between, that file is still the one before, and
// the steps are taken again.
func (r *run) write() error {
	tensors, err := r.state.variables.Read(Groups...)
	if errors.Is(err, ErrNotFinite) {
		return r.diverged(fmt.Errorf("after step %d %w", r.done, err))
	}
	if err != nil {
		return fmt.Errorf("training: %s", faults.OneLine(err))
	}
	r.Manifest.Step = r.done
	weights := checkpoint.Tensors{}
	for _, group := range []string{checkpoint.Weights, checkpoint.EMA} {
		for name, a := range checkpoint.Group(tensors, group) {
			weights[group+name] = a
		}
	}
	if err := checkpoint.Save(r.dir.step(r.done), r.Manifest, weights); err != nil {
		return r.unwritten(err)
	}
	if err := checkpoint.Save(r.dir.resume(), r.Manifest, tensors); err != nil {
		return r.unwritten(err)
	}
	r.saved, r.result.Checkpoint = r.done, r.dir.step(r.done)
	return r.dir.prune(r.Config.Keep)
}

// unwritten adds to the error of a run that cannot write where the run resumes.
func (r *run) unwritten(err error) error {
	next := "the same run begins anew, for it has no checkpoint"
	if r.saved > 0 && exists(r.dir.resume()) {
		next = fmt.Sprintf("the same run goes on from step %d (%s)", r.saved, r.dir.resume())
	}
	return fmt.Errorf("training: ended after step %d: %w; %s", r.done, err, next)
}

// interrupted saves the state of a run that was cancelled.
func (r *run) interrupted(cause error) error {
	err := r.save()
	if err == nil {
		return cause
	}
	if r.saved == r.done {
		return err // the state is written, but the checkpoints had been deleted
	}
	// The cause is not wrapped, since callers take it for a saved state.
	return fmt.Errorf("training: interrupted, and the steps since %d are lost: %w", r.saved, err)
}
