package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"darkfield/pkg/filetype"
	"darkfield/pkg/network"
	"darkfield/pkg/training"
	"darkfield/pkg/verify"
)

func (a *app) verify() *cobra.Command {
	p := network.Float32
	cmd := &cobra.Command{
		Use:   "verify [REFERENCE.npz]",
		Short: "Compare network, diffusion and statistics with a reference, number by number",
		Long: `Compares every quantity of a reference with what darkfield computes from the same inputs.
Without a file, the reference is that of our own PyTorch version of the network, of width 8 and side
16. The exit status is 1 when one misses its tolerance, which depends on the precision; terms of the
bound are float32 with bfloat16, too, and left out with tf32.`,
		Example: `  darkfield dev verify
  darkfield dev verify --precision bfloat16
  darkfield dev verify reference_dim8_side32.npz`,
		Args: cobra.MaximumNArgs(1),
		RunE: a.work(func(cmd *cobra.Command, args []string) error {
			file := ""
			if len(args) > 0 {
				file = args[0]
				if err := filetype.Expect(file, filetype.NPZ); err != nil {
					return fmt.Errorf("verify: %w", err)
				}
			}
			b, err := training.OpenBackend(p)
			if err != nil {
				return err
			}
			rows, err := verify.Run(cmd.Context(), b, file, p)
			if err != nil {
				return err
			}
			err = a.print(rows, func(w io.Writer) {
				row(w, "quantity", "largest difference", "tolerance", "", "")
				for _, r := range rows {
					kind, verdict := "absolute", "pass"
					if r.Relative {
						kind = "relative"
					}
					if !r.Pass {
						verdict = "MISS"
					}
					row(w, r.Quantity, r.Difference, r.Tolerance, kind, verdict)
				}
			})
			if err == nil && !verify.Passed(rows) {
				err = errors.New("verify: some quantities miss their tolerance: see the table")
			}
			return err
		}),
	}
	precisionFlag(cmd.Flags(), &p)
	return cmd
}
