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
	"darkfield/pkg/study"
)

// transferFlags say what a transfer function is measured on.
type transferFlags struct {
	checkpoint, data, out, cache string
	choice                       camels.Choice
}

func (a *app) transfer() *cobra.Command {
	c := study.DefaultTransfer()
	var in transferFlags
	cmd := &cobra.Command{
		Use:   "transfer",
		Short: "Give a checkpoint's maps the power of the maps it was trained on, by a transfer function",
		Long: `Measures how the power of a checkpoint's maps differs from that of the simulations that it was trained on, bin by bin and as a smooth
function of both parameters, and writes a checkpoint whose maps are given the missing factor after sampling. For networks that are
right to some percent: the power of large scales is known better from the training maps, by power laws of the parameters, than a
training by squared errors finds it. Likelihoods do not change. Maps are made with the sampler that the checkpoint names, and the factor
is right for that one.`,
		Example: `  darkfield transfer --checkpoint small.safetensors --data universe --out corrected.safetensors --cache maps
  darkfield inspect corrected.safetensors`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			return errors.Join(flagAtLeast("maps", c.Maps, 2), flagAtLeast("own", c.Own, 2),
				outName(in.out, ".safetensors"))
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
					low, high := r.Low[b], r.High[b]
					fmt.Fprintf(w, "%-9.3f  %-6d  %.3f ± %.3f (%3.0f %% kept)  %.3f to %.3f\n", k, r.Degree[b],
						math.Exp(r.Shared[b]), r.Error[b], 100*r.Kept[b], low, high)
				}
			})
		}),
	}
	f := cmd.Flags()
	f.StringVar(&in.checkpoint, "checkpoint", "", "a .safetensors file, or a run directory (the "+
		"selected one, or else the newest)")
	f.StringVar(&in.data, "data", "", "directory of the maps that it was trained on, in CMD's layout")
	f.StringVar(&in.out, "out", "", "the checkpoint to write")
	f.StringVar(&in.cache, "cache", "", "directory that keeps generated maps, so that an "+
		"interrupted call goes on (default: none are kept)")
	f.IntVar(&c.Maps, "maps", c.Maps, "generated at each of 25 parameters, with common noise: they "+
		"tell how power answers to these")
	f.IntVar(&c.Own, "own", c.Own, "generated with noise of their own, at parameters of the "+
		"training simulations in turn: they tell the power of all")
	f.Uint64Var(&c.Seed, "seed", c.Seed, "of the common noise; those that follow are of the others")
	choiceFlags(f, &in.choice)
	require(cmd, "checkpoint", "data", "out")
	return cmd
}

// transferReport is what transfer prints.
type transferReport struct {
	study.TransferResult
	Low  []float64 `json:"low"` // least and largest factor of power over the prior
	High []float64 `json:"high"`
}

func (a *app) transferred(ctx context.Context, c study.TransferConfig,
	in transferFlags,
) (r transferReport, err error) {
	if err := outPlace(in.out); err != nil {
		return r, fmt.Errorf("transfer: %w", err)
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
	s, err := camels.OpenChoice(in.data, in.choice)
	if err != nil {
		return r, err
	}
	defer s.Close()
	e, err := openEmulator(path)
	if err != nil {
		return r, err
	}
	defer e.Close()
	cfg := study.Default()
	cfg.Sampling = e.Sampling()
	source, err := a.sourceOf(e, s, cfg, in.cache)
	if err != nil {
		return r, err
	}
	bars := a.stages(nil)
	source.Progress = bars.at
	r.TransferResult, err = source.Transfer(ctx, c, e.PowerCorrection())
	bars.done()
	if err != nil {
		return r, err
	}
	r.Low, r.High = r.Transfer.Range()
	r.Transfer.Put(file.Tensors)
	return r, checkpoint.Save(in.out, file.Manifest, file.Tensors)
}
