package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/emulator"
	"darkfield/pkg/evaluate"
	"darkfield/pkg/heldout"
	"darkfield/pkg/training"
)

func (a *app) selectCheckpoint() *cobra.Command {
	c := evaluate.Default()
	var run, data string
	var last int
	var choice camels.Choice
	var flags *sampling
	cmd := &cobra.Command{
		Use:   "select",
		Short: "Choose the best checkpoint of a run by the reduced chi² of its maps",
		Long: `Generates maps at held-out parameters with each checkpoint of a run and compares the mean reduced
chi² of their power spectra with that of true maps left out one by one, as the paper does. The best
checkpoint is marked: other commands that are given the run directory use it. Maps are kept in the
run directory, so that an interrupted call goes on and a later one scores new checkpoints only. Of a
training in stages it takes the last stage that has a checkpoint; --run runs/first/stage-1 names
another.`,
		Example: `  darkfield select --run runs/first --data universe
  darkfield select --run runs/first --data universe --last 4 --params 10 --maps 50`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			c.Sampling = flags.SampleConfig // the same for all
			return errors.Join(flagAtLeast("last", last, 0), c.Validate())
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			run := training.CurrentStage(run)
			paths, err := training.Checkpoints(run)
			if err != nil {
				return err
			}
			if last > 0 {
				paths = paths[max(0, len(paths)-last):]
			}
			s, err := camels.OpenChoice(data, choice)
			if err != nil {
				return err
			}
			defer s.Close()
			var table evaluate.Selection
			for i, path := range paths {
				if err := a.score(cmd.Context(), &table, s, c, run, path,
					fmt.Sprintf("checkpoint %d of %d", i+1, len(paths)), len(paths)-i); err != nil {
					return err
				}
			}
			best := table.Best()
			if best < 0 {
				return fmt.Errorf("select: no checkpoint of %s makes maps whose reduced chi² is a number: "+
					"train longer", run)
			}
			if err := table.WriteCSV(filepath.Join(run, "selection.csv")); err != nil {
				return err
			}
			if err := training.Select(run, table.Candidates[best].Checkpoint); err != nil {
				return err
			}
			return a.print(table, func(w io.Writer) { fmt.Fprint(w, table) })
		}),
	}
	f := cmd.Flags()
	runFlag(f, &run)
	dataFlags(f, &data, &choice)
	f.IntVar(&last, "last", 0, "score only the newest `N` checkpoints; 0: all")
	generatedFlags(f, &c.ValidationParams, &c.MapsPerParam)
	noiseSeedFlag(f, &c.Seed)
	flags = samplingFlags(f)
	require(cmd, "run", "data")
	return cmd
}

// score adds one checkpoint to the table. left counts it and those after it, for the cost that is
// said in advance.
func (a *app) score(ctx context.Context, table *evaluate.Selection, s *camels.Suite,
	c evaluate.Config, run, path, label string, left int,
) error {
	e, err := openEmulator(path)
	if err != nil {
		return err
	}
	defer e.Close()
	data, err := heldout.New(e, s)
	if err != nil {
		return err
	}
	if len(table.Candidates) == 0 {
		if err := a.warnOfRange(s, e.Manifest().Scaling, e.Box().Cells); err != nil {
			return err
		}
		cost, err := estimate(ctx, e, c, left)
		if err != nil {
			return err
		}
		fmt.Fprintln(a.err, cost)
	}
	bar := a.progress(label)
	data.Progress = func(_ string, f float64) { bar.fraction(f) }
	chi2, err := evaluate.Of(e, data, c.Sampling, filepath.Join(run, "samples")).Chi2(ctx, c)
	bar.done()
	if err != nil {
		return err
	}
	table.Add(path, e.Manifest().Step, chi2)
	return nil
}

// estimate says what scoring n checkpoints costs, from the time of one batch. What lies in the
// cache costs nothing.
func estimate(ctx context.Context, e *emulator.Emulator, c evaluate.Config, n int) (string, error) {
	places := n * c.ValidationParams
	text, err := costOf(ctx, e, c.Sampling, places*c.MapsPerParam,
		places*batches(c.MapsPerParam, c.Sampling.Batch))
	return fmt.Sprintf("%d checkpoints × %d parameters × %d maps = %s", n, c.ValidationParams,
		c.MapsPerParam, text), err
}

// costOf says what maps cost that are made in some batches.
func costOf(ctx context.Context, e *emulator.Emulator, c emulator.SampleConfig, maps, batches int,
) (string, error) {
	took, err := callTime(ctx, e, c)
	if err != nil {
		return "", err
	}
	steps, err := c.Evaluations()
	return fmt.Sprintf("%d maps of %d network evaluations each: about %v, less what an earlier call "+
		"has made", maps, steps, (took * time.Duration(batches*steps)).Round(time.Second)), err
}

// batches is how many batches some maps make.
func batches(maps, size int) int { return (maps + size - 1) / size }

// callTime measures one call of the network.
func callTime(ctx context.Context, e *emulator.Emulator, c emulator.SampleConfig,
) (time.Duration, error) {
	c.Sampler, c.Steps, c.Eta, c.ChurnMin, c.Spacing = emulator.DDIM, 1, 0, 0, ""
	prior := e.Manifest().Prior
	params := slices.Repeat([]cosmology.Params{prior.Centre()}, c.Batch)
	var took time.Duration
	for range 2 { // the first compiles
		start := time.Now()
		if _, err := e.Sample(ctx, params, 0, c, nil); err != nil {
			return 0, err
		}
		took = time.Since(start)
	}
	return took, nil
}
