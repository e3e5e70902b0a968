package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"darkfield/pkg/backend"
	"darkfield/pkg/camels"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/dataset"
	"darkfield/pkg/preset"
	"darkfield/pkg/training"
	"darkfield/pkg/unet"
)

// splitSeed divides simulations as the notebooks do.
const splitSeed = 1

func (a *app) train() *cobra.Command {
	var data, dir, name, initial string
	var stepCount, side int
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train the network on a set of maps, or go on with a run",
		Long: `Trains on the LH set of a directory in CMD's layout. The run directory holds config.yaml, metrics.jsonl and checkpoints/; a
run that was interrupted or killed goes on by itself. Validation MSE is that of the predicted noise; predicting none scores 1.`,
		Example: `  darkfield train --data universe --run runs/first --preset quick
  darkfield train --data universe --run runs/first --preset quick --steps 1000   # go on further`,
		Args: cobra.NoArgs,
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			p, err := preset.Get(name)
			if err != nil {
				return err
			}
			if stepCount > 0 {
				p.Training.Steps = stepCount
			}
			if side > 0 {
				p.Side = side
			}
			return a.runTraining(cmd.Context(), p, data, dir, initial)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&data, "data", "", "directory of maps in CMD's layout")
	f.StringVar(&dir, "run", "", "run directory: made, or resumed")
	f.StringVar(&name, "preset", "quick", strings.Join(preset.Names(), ", "))
	f.IntVar(&stepCount, "steps", 0, "optimiser steps in all (default: the preset's)")
	f.IntVar(&side, "side", 0, "pixels a side that maps are averaged to (default: the preset's)")
	f.StringVar(&initial, "init", "", "checkpoint to start from")
	require(cmd, "data", "run")
	return cmd
}

func (a *app) runTraining(ctx context.Context, p preset.Preset, data, dir, initial string) error {
	s, err := camels.Open(data)
	if err != nil {
		return err
	}
	defer s.Close()
	maps, manifest, err := dataset.Prepare(s, p.Network, p.Side, splitSeed)
	if err != nil {
		return err
	}
	job := training.Job{Dir: dir, Config: p.Training, Manifest: manifest, Data: maps}
	if initial != "" {
		if job.Initial, err = initialWeights(initial, p.Network); err != nil {
			return err
		}
	}
	b, err := backend.Open()
	if err != nil {
		return err
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
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	if err != nil {
		fmt.Fprintf(a.err, "stopped after step %d\n", r.Step)
		return err
	}
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

// initialWeights reads the averaged weights of a checkpoint for a network of the given shape.
func initialWeights(path string, network unet.Config) (unet.Weights, error) {
	c, err := checkpoint.Load(path)
	if err != nil {
		return nil, err
	}
	w := checkpoint.Group(c.Tensors, checkpoint.EMA)
	if len(w) == 0 {
		w = checkpoint.Group(c.Tensors, checkpoint.Weights)
	}
	if network.Dim != c.Manifest.Network.Dim {
		return nil, fmt.Errorf("train: %s holds a network of width %d, the preset has %d: use a checkpoint of the same architecture, or another preset", path, c.Manifest.Network.Dim, network.Dim)
	}
	return w, network.Check(w)
}
