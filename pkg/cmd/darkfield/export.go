package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"darkfield/pkg/convert"
	"darkfield/pkg/filetype"
)

func (a *app) export() *cobra.Command {
	var weights string
	var asCheckpoint bool
	var maker *sampling
	cmd := &cobra.Command{
		Use:   "export IN OUT",
		Short: "Write the weights of a checkpoint for PyTorch, or as a smaller checkpoint",
		Long: `Writes the weights of a checkpoint IN (or of a run directory: its selected checkpoint, or else the
newest) to OUT, safetensors with PyTorch's names. The metadata of OUT describe the network, so that
darkfield import gives the same checkpoint back.

With --as-checkpoint OUT is a checkpoint of darkfield that holds these weights alone, for use
without further training. The flags of the sampler then become the checkpoint's own settings, with
which its maps are made unless flags say otherwise.`,
		Example: `  darkfield export runs/first for-pytorch.safetensors
  darkfield export runs/first for-pytorch.safetensors --weights raw
  darkfield export runs/first small.safetensors --as-checkpoint --eta-above 250`,
		Args: cobra.ExactArgs(2),
		PreRunE: func(*cobra.Command, []string) error {
			if !slices.Contains([]string{"", convert.EMA, convert.Raw}, weights) {
				return fmt.Errorf("--weights %q, want %s or %s", weights, convert.EMA, convert.Raw)
			}
			said, err := maker.said()
			if said != nil && !asCheckpoint {
				err = errors.New("the flags of a sampler go with --as-checkpoint, into the checkpoint that " +
					"it writes: add it, or leave them out")
			}
			return err
		},
		RunE: a.work(func(_ *cobra.Command, args []string) error {
			in, err := checkpointOf(args[0])
			if err != nil {
				return err
			}
			if err := filetype.Expect(in, filetype.Checkpoint); err != nil {
				return fmt.Errorf("export: %w", err)
			}
			var r convert.Report
			if asCheckpoint {
				said, _ := maker.said() // PreRunE has seen the error
				r, err = convert.Reduce(in, args[1], weights, said)
			} else {
				r, err = convert.Export(in, args[1], weights)
			}
			if err != nil {
				return err
			}
			return a.print(r, func(w io.Writer) { conversion(w, r, asCheckpoint) })
		}),
	}
	f := cmd.Flags()
	f.StringVar(&weights, "weights", "", "which `WEIGHTS`: ema (the average) or raw; default: ema "+
		"where there is one")
	f.BoolVar(&asCheckpoint, "as-checkpoint", false, "write a checkpoint of darkfield that holds "+
		"these weights alone")
	maker = samplerFlags(f)
	return cmd
}
