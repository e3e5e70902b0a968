package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/evaluate"
)

// powerFlags say what a power-spectrum correction is measured on.
type powerFlags struct {
	checkpoint, data, out, cache string
	choice                       camels.Choice
}

func (a *app) correctPower() *cobra.Command {
	c := evaluate.DefaultCorrection()
	var in powerFlags
	cmd := &cobra.Command{
		Use:   "correct-power",
		Short: "Correct the power spectrum of a checkpoint's maps by that of its training maps",
		Long: `Measures how the power of generated maps differs from that of the training simulations, bin by bin
and as a smooth function of both parameters, and writes a checkpoint whose maps are multiplied by
the missing factor after sampling. This is for networks that are right to some percent: power-law
fits through the training spectra know the power of large scales better than a training by squared
errors finds it. Likelihoods do not change. Maps are generated with the sampler that the checkpoint
names, and the correction is right for that one.`,
		Example: `  darkfield dev correct-power --checkpoint small.safetensors --data universe \
      --out corrected.safetensors --cache maps
  darkfield inspect corrected.safetensors`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			return errors.Join(flagAtLeast("maps", c.Maps, 2),
				flagAtLeast("independent-maps", c.Independent, 2), outName(in.out, ".safetensors"))
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			r, err := a.transferred(cmd.Context(), c, in)
			if err != nil {
				return err
			}
			return a.print(r, func(w io.Writer) {
				row(w, "written", in.out)
				row(w, "measured", fmt.Sprintf("%d generated maps, %d training simulations", r.Maps, r.Trained))
				fmt.Fprintf(w, "\n%-9s  %-6s  %-24s  %s\n", "k [h/Mpc]", "degree", "true/generated, mean",
					"factor of power over the prior")
				for b, k := range r.K {
					fmt.Fprintf(w, "%-9.3f  %-6d  %.3f ± %.3f (%3.0f %% kept)  %.3f to %.3f\n", k, r.Degree[b],
						math.Exp(r.Shared[b]), r.Error[b], 100*r.Kept[b], r.Low[b], r.High[b])
				}
			})
		}),
	}
	f := cmd.Flags()
	checkpointFlag(f, &in.checkpoint)
	dataFlags(f, &in.data, &in.choice)
	f.StringVar(&in.out, "out", "", "`FILE` of the checkpoint to write (.safetensors)")
	cacheFlag(f, &in.cache)
	f.IntVar(&c.Maps, "maps", c.Maps, "`N` maps generated at each of 25 parameters with common "+
		"noise, which tell the response to these")
	f.IntVar(&c.Independent, "independent-maps", c.Independent, "`N` maps generated with "+
		"independent noise at parameters of the training simulations, which tell the mean power")
	f.Uint64Var(&c.Seed, "seed", c.Seed, "`SEED` of the common noise; those that follow are of the "+
		"independent maps")
	require(cmd, "checkpoint", "data", "out")
	return cmd
}

// transferReport is what correct-power prints.
type transferReport struct {
	evaluate.CorrectionResult
	Low  []float64 `json:"low"` // least and largest factor of power over the prior
	High []float64 `json:"high"`
}

func (a *app) transferred(ctx context.Context, c evaluate.CorrectionConfig, in powerFlags,
) (r transferReport, err error) {
	if err := outPlace(in.out); err != nil {
		return r, fmt.Errorf("correct-power: %w", err)
	}
	a.keptIn(in.cache)
	path, err := checkpointFile(in.checkpoint)
	if err != nil {
		return r, err
	}
	file, err := checkpoint.Load(path)
	if err != nil {
		return r, err
	}
	e, err := a.open(path, in.data, in.choice)
	if err != nil {
		return r, err
	}
	defer e.close()
	bars := a.stages(nil)
	e.data.Progress = bars.at
	measured := evaluate.Of(e.Emulator, e.data, e.Sampling(), in.cache)
	r.CorrectionResult, err = measured.MeasureCorrection(ctx, c, e.PowerCorrection())
	bars.done()
	if err != nil {
		return r, err
	}
	r.Low, r.High = r.Correction.Range()
	r.Correction.Put(file.Tensors)
	return r, checkpoint.Save(in.out, file.Manifest, file.Tensors)
}
