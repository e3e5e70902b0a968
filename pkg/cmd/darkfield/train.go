package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"darkfield/pkg/backend"
	"darkfield/pkg/camels"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/dataset"
	"darkfield/pkg/figure"
	"darkfield/pkg/preset"
	"darkfield/pkg/study"
	"darkfield/pkg/training"
	"darkfield/pkg/unet"
)

// splitSeed divides simulations as the notebooks do.
const splitSeed = 1

func (a *app) train() *cobra.Command {
	var data, dir, name, initial, server, experiment string
	var side int
	var choice camels.Choice
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train the network on a set of maps, or go on with a run",
		Long: `Trains on the LH set of a directory in CMD's layout, or on its SB set if it has no LH. Maps of more pixels are averaged down; those
of a large file are kept in the directory averaged/ beside it, which may be removed. The log range of a field that has no known one is
measured from the training maps.

The run directory holds config.yaml, metrics.jsonl, checkpoints/ and figures/; a run that was interrupted or killed goes on by itself.
Settings that are not given are the preset's. Validation MSE is that of the predicted noise; predicting none scores 1.`,
		Example: `  darkfield train --data universe --run runs/first --preset quick
  darkfield train --data universe --run runs/first --preset quick --steps 1000   # go on further
  darkfield train --data universe --run runs/v --preset standard --prediction v --weighting v --loss mse`,
		Args: cobra.NoArgs,
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			p, err := preset.Get(name)
			if err != nil {
				return err
			}
			if err := override(&p.Training, cmd.Flags()); err != nil {
				return err
			}
			if side > 0 {
				p.Side = side
			}
			s, err := camels.OpenChoice(data, choice)
			if err != nil {
				return err
			}
			defer s.Close()
			m, err := mirrorOf(dir, server, experiment)
			if err != nil {
				return err
			}
			stop := a.follow(cmd.Context(), m)
			result, err := a.runTraining(cmd.Context(), p, s, dir, initial)
			if drawn := drawCurve(dir, p); drawn != nil && err == nil {
				err = drawn
			}
			stop(result, err)
			if err != nil {
				return err
			}
			return a.printTraining(result)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&data, "data", "", "directory of maps in CMD's layout")
	f.StringVar(&dir, "run", "", "run directory: made, or resumed")
	f.StringVar(&name, "preset", "quick", strings.Join(preset.Names(), ", "))
	recipeFlags(f, &training.Config{}) // zeros: each preset has its own defaults
	f.IntVar(&side, "side", 0, "pixels a side that maps are averaged to (default: the preset's)")
	f.StringVar(&initial, "init", "", "checkpoint to start from")
	f.StringVar(&server, "track", os.Getenv("MLFLOW_TRACKING_URI"), "address of an MLflow server to send metrics to, for example http://127.0.0.1:5000")
	f.StringVar(&experiment, "experiment", "darkfield", "MLflow's folder for the run")
	choiceFlags(f, &choice)
	require(cmd, "data", "run")
	return cmd
}

func (a *app) runTraining(ctx context.Context, p preset.Preset, s *camels.Suite, dir, initial string) (training.Result, error) {
	if err := a.measureRange(ctx, s); err != nil {
		return training.Result{}, err
	}
	maps, manifest, err := dataset.Prepare(s, p.Network, p.Side, splitSeed)
	if err != nil {
		return training.Result{}, err
	}
	job := training.Job{Dir: dir, Config: p.Training, Manifest: manifest, Data: maps}
	if initial != "" {
		if job.Initial, err = a.initialWeights(initial, manifest); err != nil {
			return training.Result{}, err
		}
	}
	b, err := backend.Open()
	if err != nil {
		return training.Result{}, err
	}
	bar := a.progress("training")
	job.Report = func(g training.Progress) {
		remark := fmt.Sprintf("loss %.4f", g.Loss)
		if !math.IsNaN(g.ValidationMSE) {
			remark += fmt.Sprintf(", validation MSE %.4f", g.ValidationMSE)
		}
		if g.StepsPerSecond > 0 {
			remark += fmt.Sprintf(", %.2f steps/s", g.StepsPerSecond)
		}
		bar.at(g.Step, g.Steps, remark)
	}
	r, err := training.Run(ctx, b, job)
	bar.done()
	if errors.Is(err, context.Canceled) {
		fmt.Fprintf(a.err, "stopped after step %d\n", r.Step)
	}
	return r, err
}

func (a *app) printTraining(r training.Result) error {
	result := map[string]any{"checkpoint": r.Checkpoint, "step": r.Step, "resumed_from": r.Resumed}
	if !math.IsNaN(r.ValidationMSE) {
		result["validation_mse"] = r.ValidationMSE
	}
	return a.print(result, func(w io.Writer) {
		row(w, "checkpoint", r.Checkpoint)
		row(w, "step", r.Step)
		if !math.IsNaN(r.ValidationMSE) {
			row(w, "validation MSE", r.ValidationMSE)
		}
	})
}

// drawCurve draws the course of the run so far, if it has begun.
func drawCurve(dir string, p preset.Preset) error {
	curve, err := study.ReadTraining(training.MetricsPath(dir), p.Network.Dim, p.Side, p.Training.Batch)
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

// measureRange completes the description of a field whose log range is not known.
func (a *app) measureRange(ctx context.Context, s *camels.Suite) error {
	if s.Description.HasRange() {
		return nil
	}
	bar := a.progress("log range of " + s.Field)
	r, err := dataset.MeasureRange(ctx, s, splitSeed, bar.count)
	bar.done()
	if err != nil {
		return err
	}
	s.Description.LogRange = r
	fmt.Fprintf(a.err, "log10 of %s lies between %g and %g in the training maps; log_range: [%g, %g] in %s spares measuring it again\n", s.Field, r[0], r[1], r[0], r[1], filepath.Join(s.Dir, camels.DescriptionFile))
	return nil
}

// initialWeights reads the averaged weights of a checkpoint for the network of a new run. Maps scaled otherwise than those it was trained
// on are worth a warning, for it may be meant: the network starts from another scale.
func (a *app) initialWeights(path string, now checkpoint.Manifest) (unet.Weights, error) {
	c, err := checkpoint.Load(path)
	if err != nil {
		return nil, err
	}
	w := checkpoint.Group(c.Tensors, checkpoint.EMA)
	if len(w) == 0 {
		w = checkpoint.Group(c.Tensors, checkpoint.Weights)
	}
	network, was := now.Network, c.Manifest
	if network.Dim != was.Network.Dim {
		return nil, fmt.Errorf("train: %s holds a network of width %d, the preset has %d: use a checkpoint of the same architecture, or another preset", path, was.Network.Dim, network.Dim)
	}
	if was.Data.Unit != now.Data.Unit {
		return nil, fmt.Errorf("train: %s was trained on maps in %s, these are in %s: start from a checkpoint of the same unit, or from none", path, was.Data.Unit, now.Data.Unit)
	}
	if was.Scaling != now.Scaling {
		fmt.Fprintf(a.err, "warning: %s was trained on log10 values from %g to %g, this run scales %g to %g: write log_range: [%g, %g] to %s to keep the old scale\n",
			path, was.Scaling.Min, was.Scaling.Max, now.Scaling.Min, now.Scaling.Max, was.Scaling.Min, was.Scaling.Max, camels.DescriptionFile)
	}
	return w, network.Check(w)
}
