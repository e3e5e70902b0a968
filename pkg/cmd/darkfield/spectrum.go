package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/summary"
)

// contrast is the convention of spectra of linear values; conventions are those of log10 fields.
const contrast = "contrast"

var conventions = map[string]summary.Convention{"log": summary.SumNormalised, "log-deviation": summary.Deviation}

func (a *app) spectrum() *cobra.Command {
	var index int
	var side float64
	var convention string
	cmd := &cobra.Command{
		Use:   "spectrum F.npy",
		Short: "Print the power spectrum of a map",
		Long: `Prints k in h/Mpc and P(k) in (Mpc/h)² of one map of a .npy file. The convention is one of
  contrast       of the overdensity f/mean − 1 (default)
  log            of the log10 field over its sum, as in the paper
  log-deviation  of the log10 field minus its mean`,
		Example: `  darkfield spectrum maps.npy --index 3
  darkfield spectrum maps.npy --convention log --json`,
		Args: cobra.ExactArgs(1),
		PreRunE: func(*cobra.Command, []string) error {
			errs := []error{flagAtLeast("index", index, 0), positive("box-side", side)}
			if _, ok := conventions[convention]; !ok && convention != contrast {
				errs = append(errs, fmt.Errorf("--convention %q, want contrast, log or log-deviation", convention))
			}
			return errors.Join(errs...)
		},
		RunE: a.work(func(_ *cobra.Command, args []string) error {
			m, err := camels.ReadMap(args[0], side, index)
			if err != nil {
				return err
			}
			if err := m.Box.Validate(); err != nil {
				return fmt.Errorf("spectrum: --box-side: %w", err)
			}
			if convention == contrast {
				return a.printSpectrum(summary.Overdensity(m))
			}
			l, err := m.Log10()
			if err != nil {
				return fmt.Errorf("spectrum: %s map %d: %w", args[0], index, err)
			}
			return a.printSpectrum(conventions[convention].Power(l))
		}),
	}
	cmd.Flags().IntVar(&index, "index", 0, "which map of the file")
	cmd.Flags().Float64Var(&side, "box-side", 25, "side of the maps in Mpc/h")
	cmd.Flags().StringVar(&convention, "convention", contrast, "contrast, log or log-deviation")
	return cmd
}

func (a *app) printSpectrum(s summary.Spectrum) error {
	return a.print(map[string]any{"k_h_per_mpc": s.K, "power_mpc2_per_h2": s.P}, func(w io.Writer) {
		row(w, "k [h/Mpc]", "P [(Mpc/h)²]")
		for i, k := range s.K {
			row(w, k, s.P[i])
		}
	})
}
