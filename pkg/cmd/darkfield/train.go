package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/dataset"
	"darkfield/pkg/network"
	"darkfield/pkg/preset"
	"darkfield/pkg/training"
	"darkfield/pkg/unet"
)

// splitSeed divides simulations as the notebooks do.
const splitSeed = 1

func (a *app) train() *cobra.Command {
	var t trainFlags
	var p preset.Preset
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train the network on a set of maps, or go on with a run",
		Long: `Trains on the set LH of a directory in the layout of CMD, or on its set SB. Maps of more pixels are
averaged down; those of a large file are kept in the directory averaged/ beside it, which may be
removed. The log range of a field for which none is known is measured from the training maps.

The run directory holds config.yaml, metrics.jsonl, checkpoints/ and figures/. A run that was
interrupted or killed goes on by itself. Settings that no flag gives are the preset's. The
validation MSE is that of the predicted noise; a prediction of zero has 1.

The presets standard and paper train in two stages: on coarse maps, then on fine ones from the
averaged weights of the first stage (of the checkpoint that select marked, or else of the newest).
Each stage has a run directory, stage-1 and stage-2 below --run; other commands take the one above
and use the last stage that has a checkpoint. --steps, --learning-rate, --warmup and --cosine-to
take one value for each stage, or one for the last; all other flags hold for every stage. A stage
that the next one has started from cannot change any more. --side trains in one stage at that side,
with the settings of the last.

The presets' warm-up and decay are shares of --steps: with more steps they take longer, and a run
that goes on to more steps takes those at the rates of the longer run.`,
		Example: `  darkfield train --data universe --run runs/first --preset quick
  darkfield train --data universe --run runs/first --preset quick --steps 1000   # go on further
  darkfield train --data universe --run runs/two --preset standard --steps 10000,30000
  darkfield train --data universe --run runs/noise --preset standard --side 64 \
      --prediction epsilon --weighting min-snr`,
		Args: cobra.NoArgs,
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if p, err = t.chosen(cmd.Flags()); err == nil {
				err = errors.Join(p.Validate(), trackAddress(t.server))
			}
			return err
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			s, err := camels.OpenChoice(t.data, t.choice)
			if err != nil {
				return err
			}
			defer s.Close()
			result, err := a.runTraining(cmd.Context(), p, s, t)
			if err != nil {
				return err
			}
			return a.printTraining(result)
		}),
	}
	f := cmd.Flags()
	dataFlags(f, &t.data, &t.choice)
	runFlag(f, &t.dir)
	presetFlag(f, &t.preset, "quick")
	courseFlags(f, &t)
	recipeFlags(f, &training.Config{}) // zeros: each preset has its own defaults
	networkFlags(f, &unet.Config{})    // zeros: each preset has its own network
	f.IntVar(&t.side, "side", 0, "`PIXELS` a side that maps are averaged to, in a training of one "+
		"stage; default: the preset's stages")
	f.StringVar(&t.initial, "init", "", "`FILE` of the checkpoint that the first stage starts from; "+
		"its network may be without the scales, gains, hidden numbers and squares that are asked for")
	serverFlags(f, &t.server, &t.experiment)
	require(cmd, "data", "run")
	return cmd
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
	fmt.Fprintf(a.err, "log10 of %s lies between %g and %g in the training maps; log_range: [%g, "+
		"%g] in %s spares measuring it again\n", s.Field, r[0], r[1], r[0], r[1],
		filepath.Join(s.Dir, camels.DescriptionFile))
	return nil
}

// initialWeights reads the averaged weights of a checkpoint for the network of a new run, which
// may have more than they do (unet.Config.Widen). Maps scaled otherwise than those it was trained
// on are worth a warning, for it may be meant: the network starts from another scale.
func (a *app) initialWeights(path string, now checkpoint.Manifest, seed uint64,
) (network.Weights, error) {
	c, err := checkpoint.Load(path)
	if err != nil {
		return nil, err
	}
	w := checkpoint.Averaged(c.Tensors)
	network, was := now.Network, c.Manifest
	if network.Dim != was.Network.Dim {
		return nil, fmt.Errorf("train: %s holds a network of width %d, the preset has %d: use a "+
			"checkpoint of the same architecture, or another preset", path, was.Network.Dim, network.Dim)
	}
	if was.Data.Unit != now.Data.Unit {
		return nil, fmt.Errorf("train: %s was trained on maps in %s, these are in %s: start from a "+
			"checkpoint of the same unit, or from none", path, was.Data.Unit, now.Data.Unit)
	}
	if was.Scaling != now.Scaling {
		fmt.Fprintf(a.err, "warning: %s was trained on log10 values from %g to %g, this run scales %g "+
			"to %g: write log_range: [%g, %g] to %s to keep the old scale\n",
			path, was.Scaling.Min, was.Scaling.Max, now.Scaling.Min, now.Scaling.Max, was.Scaling.Min,
			was.Scaling.Max, camels.DescriptionFile)
	}
	w, added, err := network.Widen(was.Network, w, seed)
	if err != nil {
		return nil, fmt.Errorf("train: start from %s: %w", path, err)
	}
	if len(added) > 0 {
		until := "they change nothing"
		if network.Patch != was.Network.Patch {
			until = "it does on the means of squares what it did on pixels, and takes their details for " +
				"Gaussian"
		}
		fmt.Fprintf(a.err, "%d tensors of the network are new or larger than those of %s, %s among "+
			"them; until they are trained %s\n", len(added), path, added[0], until)
	}
	return w, nil
}
