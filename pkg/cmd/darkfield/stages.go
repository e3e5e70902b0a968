package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"darkfield/pkg/camels"
	"darkfield/pkg/dataset"
	"darkfield/pkg/figure"
	"darkfield/pkg/preset"
	"darkfield/pkg/tracking"
	"darkfield/pkg/training"
)

// trainFlags are the settings of the subcommand but those of the recipe.
type trainFlags struct {
	data, dir, preset, initial string
	side                       int
	server, experiment         string
	choice                     camels.Choice

	// One value for each stage of the preset, or one for the last.
	steps            []int
	warmup, cosineTo milestones
	rate             []float64
	halveAt          milestones // of the last stage: a list already
}

// milestones is a flag that takes a list of them.
type milestones []training.Milestone

// Set implements pflag.Value; a second flag of the same name adds to the first.
func (m *milestones) Set(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		one, err := training.ParseMilestone(part)
		if err != nil {
			return err
		}
		*m = append(*m, one)
	}
	return nil
}

func (m *milestones) String() string {
	var out []string
	for _, one := range *m {
		out = append(out, one.String())
	}
	return strings.Join(out, ",")
}

// Type implements pflag.Value.
func (*milestones) Type() string { return "steps or %" }

// courseFlags lets users change the course of each stage.
func courseFlags(f *pflag.FlagSet, t *trainFlags) {
	f.IntSliceVar(&t.steps, "steps", nil, "optimiser `STEPS` in all, of the last stage or of each: "+
		"20000,30000")
	f.Float64SliceVar(&t.rate, "learning-rate", nil, "Adam's highest learning `RATE`, of the last "+
		"stage or of each")
	f.Lookup("learning-rate").DefValue = "" // [] says nothing
	f.Var(&t.warmup, "warmup", "`STEPS` over which the learning rate rises, or a share of --steps "+
		"such as 1%, of the last stage or of each")
	f.Var(&t.cosineTo, "cosine-to", "`STEP`, or share of --steps such as 100%, at which a cosine "+
		"decay has brought the rate to a hundredth (0: constant), of the last stage or of each")
	f.Var(&t.halveAt, "halve-at", "`EPOCHS` (passes over the training maps), or shares of --steps "+
		"such as 50%,75%, after which the rate is halved, of the last stage: 120,140")
}

// course sets what was given for each stage, or for the last alone.
func course[T any](stages []preset.Stage, flag string, values []T, set func(*training.Config, T),
) error {
	if len(values) > 1 && len(values) != len(stages) {
		return fmt.Errorf("--%s has %d values, the training has %d stages: give one value for each, or "+
			"one for the last", flag, len(values), len(stages))
	}
	for i, v := range values {
		set(&stages[len(stages)-len(values)+i].Training, v)
	}
	return nil
}

// chosen returns the preset with the changes that were asked for.
func (t trainFlags) chosen(given *pflag.FlagSet) (preset.Preset, error) {
	p, err := preset.Get(t.preset)
	if err != nil {
		return p, err
	}
	last := len(p.Stages) - 1
	if given.Changed("side") {
		p.Stages = []preset.Stage{{Side: t.side, Training: p.Stages[last].Training}}
		last = 0
	}
	errs := []error{
		course(p.Stages, "steps", t.steps, func(c *training.Config, v int) { c.Steps = v }),
		course(p.Stages, "learning-rate", t.rate, func(c *training.Config, v float64) {
			c.LearningRate = v
		}),
		course(p.Stages, "warmup", t.warmup, func(c *training.Config, v training.Milestone) {
			c.Warmup = v
		}),
		course(p.Stages, "cosine-to", t.cosineTo, func(c *training.Config, v training.Milestone) {
			c.CosineTo = v
		}),
	}
	if given.Changed("halve-at") {
		p.Stages[last].Training.HalveAt = t.halveAt
	}
	for i := range p.Stages {
		errs = append(errs, override(&p.Stages[i].Training, recipeFlags, given))
	}
	errs = append(errs, override(&p.Network, networkFlags, given))
	return p, errors.Join(errs...)
}

// runTraining trains all stages, each with a bar, a curve and a run of its own on the MLflow
// server, if one is named.
func (a *app) runTraining(ctx context.Context, p preset.Preset, s *camels.Suite, t trainFlags,
) (training.Result, error) {
	if err := a.measureRange(ctx, s); err != nil {
		return training.Result{}, err
	}
	jobs := make([]training.Job, len(p.Stages))
	for i, stage := range p.Stages {
		maps, manifest, err := dataset.Prepare(s, p.Network.Network(), stage.Side, splitSeed)
		if err != nil {
			return training.Result{}, err
		}
		jobs[i] = training.Job{Config: stage.Training, Manifest: manifest, Data: maps}
	}
	last := jobs[len(jobs)-1].Manifest
	if err := a.warnOfRange(s, last.Scaling, last.Data.Side); err != nil {
		return training.Result{}, err
	}
	if t.initial != "" {
		var err error
		if jobs[0].Initial, err = a.initialWeights(t.initial, jobs[0].Manifest,
			jobs[0].Config.Seed); err != nil {
			return training.Result{}, err
		}
	}
	b, err := training.OpenBackend(p.Stages[0].Training.Precision)
	if err != nil {
		return training.Result{}, err
	}
	var bar *progress
	for i := range jobs {
		jobs[i].Report = func(g training.Progress) { bar.at(g.Step, g.Steps, remark(g)) }
	}
	return training.RunStages(ctx, b, t.dir, jobs,
		func(stage training.Stage) (training.Result, error) {
			title := stageTitle(stage.Index, p)
			m, err := mirrorOf(stage.Dir, runName(t.dir, stage.Dir), t.server, t.experiment)
			if err != nil {
				return training.Result{}, err
			}
			stop := a.follow(ctx, m)
			bar = a.progress("training" + title)
			r, err := stage.Begin()
			bar.done()
			a.interrupted = leftOf(r, title)
			if drawn := drawCurves(t.dir, stage, p); drawn != nil && err == nil {
				err = drawn
			}
			stop(r, err)
			return r, err
		})
}

// leftOf says what an interrupt during or after a stage leaves of it: it ends with a checkpoint,
// or with another error.
func leftOf(r training.Result, title string) string {
	if r.Step == 0 {
		return fmt.Sprintf("no step was taken%s; the same command begins there", title)
	}
	return fmt.Sprintf("the training is saved after step %d%s; the same command goes on from there",
		r.Step, title)
}

func remark(g training.Progress) string {
	text := fmt.Sprintf("loss %.4f", g.Loss)
	if !math.IsNaN(g.ValidationMSE) {
		text += fmt.Sprintf(", validation MSE %.4f", g.ValidationMSE)
	}
	if g.StepsPerSecond > 0 {
		text += fmt.Sprintf(", %.2f steps/s", g.StepsPerSecond)
	}
	return text
}

// stageTitle names a stage among several.
func stageTitle(i int, p preset.Preset) string {
	if len(p.Stages) == 1 {
		return ""
	}
	return fmt.Sprintf(" (stage %d of %d, %d² pixels)", i+1, len(p.Stages), p.Stages[i].Side)
}

// runName names a stage's run for MLflow: by the user's directory.
func runName(dir, stage string) string {
	name := filepath.Base(filepath.Clean(dir))
	if stage != dir {
		name += "/" + filepath.Base(stage)
	}
	return name
}

// drawCurves draws the course of a stage so far, and of a run in stages that of all of them.
func drawCurves(dir string, now training.Stage, p preset.Preset) error {
	var whole []tracking.Stage
	for i, d := range training.StageDirs(dir, len(p.Stages)) {
		whole = append(whole, tracking.Stage{
			Metrics: training.MetricsPath(d),
			Side:    p.Stages[i].Side, Batch: p.Stages[i].Training.Batch,
		})
	}
	err := drawCurve(now.Dir, p.Network.Dim, whole[now.Index])
	if err == nil && len(whole) > 1 {
		err = drawCurve(dir, p.Network.Dim, whole...)
	}
	return err
}

// drawCurve draws the course of a training to a run directory, if it has begun.
func drawCurve(dir string, width int, stages ...tracking.Stage) error {
	curve, err := tracking.ReadCurve(fmt.Sprintf("U-Net of width %d", width), stages...)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(curve.Steps) == 0 {
		return nil
	}
	base := filepath.Join(dir, "figures", "training")
	if err == nil {
		err = curve.WriteCSV(base + ".csv")
	}
	if err == nil {
		err = figure.Training(curve).Save(base)
	}
	return err
}
