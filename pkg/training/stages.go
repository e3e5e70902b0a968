package training

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/gomlx/compute"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/plaintext"
	"darkfield/pkg/safefile"
)

// A run in stages has a run directory for each of them below the user's directory: stage-1,
// stage-2, …. A run in one stage is the user's directory itself.

func stageDir(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("stage-%d", i+1)) }

// StageDirs returns the run directories of the n stages of a run.
func StageDirs(dir string, n int) []string {
	if n == 1 {
		return []string{dir}
	}
	out := make([]string, n)
	for i := range out {
		out[i] = stageDir(dir, i)
	}
	return out
}

// Stages returns the run directories of the stages that a run on disk has begun; the directory
// itself if there are no stages.
func Stages(dir string) []string {
	n := 0
	for exists(stageDir(dir, n)) {
		n++
	}
	if n == 0 {
		return []string{dir}
	}
	out := make([]string, n)
	for i := range out {
		out[i] = stageDir(dir, i)
	}
	return out
}

// CurrentStage returns the run directory of the last stage that has a checkpoint, or of the first
// stage if none has.
func CurrentStage(dir string) string {
	stages := Stages(dir)
	for i := len(stages) - 1; i > 0; i-- {
		if paths, err := directory(stages[i]).steps(); err == nil && len(paths) > 0 {
			return stages[i]
		}
	}
	return stages[0]
}

// Stage is a stage of a run that is about to begin, to be resumed, or to be skipped because the
// next one has begun.
type Stage struct {
	Index int    // 0 for the first
	Dir   string // its run directory
	Begin func() (Result, error)
}

// RunStages trains one job after another, each in its run directory below dir (Job.Dir is set here)
// and from the averaged weights of the one before: those of the checkpoint that Select marked or,
// if none is marked, of the newest. A single job is trained in dir itself. do is called for each
// stage and has to call its Begin.
//
// Like Run, the same call resumes after an interrupt or a kill. The checkpoint that a stage starts
// from is recorded before it begins and does not change from then on; the settings of the stage
// before it, the number of its steps included, must not change either.
func RunStages(ctx context.Context, b compute.Backend, dir string, jobs []Job,
	do func(Stage) (Result, error),
) (Result, error) {
	if err := prepare(dir, jobs); err != nil {
		return Result{}, err
	}
	dirs := StageDirs(dir, len(jobs))
	var r Result
	for i := range jobs {
		job := jobs[i]
		job.Dir = dirs[i]
		if i > 0 {
			if err := ctx.Err(); err != nil {
				return r, err
			}
			if err := job.startFrom(dirs[i-1]); err != nil {
				return r, err
			}
		}
		begin := func() (Result, error) { return Run(ctx, b, job) }
		if i+1 < len(jobs) && exists(directory(dirs[i+1]).origin()) {
			begin = job.ended
		}
		var err error
		if r, err = do(Stage{Index: i, Dir: dirs[i], Begin: begin}); err != nil {
			return r, err
		}
	}
	return r, nil
}

// prepare returns the errors of all stages before the first one begins.
func prepare(dir string, jobs []Job) error {
	if len(jobs) == 0 {
		panic("training: RunStages without a job")
	}
	const remedy = "use the settings that it was begun with or another directory"
	begun := Stages(dir)
	switch staged := begun[0] != dir; {
	case staged && len(jobs) == 1:
		return fmt.Errorf("training: %s holds a run in stages, one stage is asked for: %s", dir, remedy)
	case staged && len(begun) > len(jobs):
		return fmt.Errorf("training: %s holds a run that is at stage %d, %d stages are asked for: %s",
			dir, len(begun), len(jobs), remedy)
	case len(jobs) > 1 && exists(directory(dir).config()):
		return fmt.Errorf("training: %s holds a run in one stage, %d are asked for: %s", dir,
			len(jobs), remedy)
	}
	for i := range jobs {
		if _, err := jobs[i].check(); err != nil {
			return err
		}
		m, first := jobs[i].Manifest, jobs[0].Manifest
		for _, c := range []struct {
			name      string
			now, want any
		}{
			{"network", m.Description(), first.Description()},
			{"prediction", m.Prediction, first.Prediction},
			{"log θ", m.LogTheta, first.LogTheta},
			{"schedule", m.Schedule, first.Schedule},
			{"schedule's variances", m.Betas, first.Betas},
			{"prior", m.Prior, first.Prior},
			{"scaling", m.Scaling, first.Scaling},
		} {
			if !reflect.DeepEqual(c.now, c.want) {
				return fmt.Errorf("training: stage %d has the %s %v, the first one %v: all stages train one "+
					"model, make them agree", i+1, c.name, c.now, c.want)
			}
		}
	}
	return nil
}

// origin is the content of origin.yaml: the checkpoint that a stage started from.
type origin struct {
	Checkpoint string `yaml:"checkpoint"` // file of the stage before
	SHA256     string `yaml:"sha256"`     // of its tensors
}

func (d directory) origin() string { return filepath.Join(string(d), "origin.yaml") }

// startFrom puts the weights of the stage before into the job, unless the job has a checkpoint of
// its own, and records their origin in the directory and in the manifest.
func (j *Job) startFrom(before string) error {
	fail := func(err error) error { return fmt.Errorf("training: start %s: %w", j.Dir, err) }
	d := directory(j.Dir)
	var from origin
	raw, err := os.ReadFile(d.origin())
	known := err == nil
	switch {
	case known:
		if err := yaml.Unmarshal(plaintext.Normalize(raw), &from); err != nil ||
			filepath.Base(from.Checkpoint) != from.Checkpoint {
			return fail(fmt.Errorf("%s names no checkpoint: remove it and its stage, or use another "+
				"directory", d.origin()))
		}
	case errors.Is(err, fs.ErrNotExist):
		path, err := BestCheckpoint(before)
		if err != nil {
			return err
		}
		from.Checkpoint = filepath.Base(path)
	default:
		return fail(err)
	}
	j.Manifest.Origin = from.SHA256
	if known && exists(d.resume()) {
		return nil
	}
	c, err := checkpoint.Load(filepath.Join(directory(before).checkpoints(), from.Checkpoint))
	if err != nil {
		return fail(err)
	}
	if known && c.Hash != from.SHA256 {
		return fail(fmt.Errorf("%s of %s is not the one that %s names (SHA-256 %.12s…, want %.12s…): "+
			"restore it or use another directory", from.Checkpoint, before, d.origin(), c.Hash, from.SHA256))
	}
	from.SHA256 = c.Hash
	j.Initial, j.Manifest.Origin = checkpoint.Averaged(c.Tensors), c.Hash
	if known {
		return nil
	}
	if raw, err = yaml.Marshal(from); err != nil {
		return fail(err)
	}
	if err := os.MkdirAll(j.Dir, 0o755); err != nil {
		return fail(err)
	}
	if err := safefile.WriteFile(d.origin(), raw); err != nil {
		return fail(err)
	}
	return nil
}

// ended returns the result of a stage that the next one has started from, without a change.
func (j Job) ended() (Result, error) {
	d := directory(j.Dir)
	if _, err := j.check(); err != nil {
		return Result{}, err
	}
	now, err := text(j.Config, j.Manifest)
	if err != nil {
		return Result{}, err
	}
	old, err := os.ReadFile(d.config())
	if err != nil {
		return Result{}, fmt.Errorf("training: read the configuration of a stage that has ended: %w", err)
	}
	if err := d.compare(old, now, j.Config.equivalent(old, widthOf(j.Network), j.Data)...); err !=
		nil {
		return Result{}, fmt.Errorf("%w; the next stage has started from it, so that its steps cannot "+
			"change either", err)
	}
	return (&run{Job: j, dir: d, done: j.Config.Steps, saved: j.Config.Steps}).before()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
