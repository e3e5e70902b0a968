package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/field"
	"darkfield/pkg/summary"
)

// conventions of spectra, by the names that users know them by.
var conventions = []string{"contrast", "deviation", "log", "log-deviation"}

func (a *app) spectrum() *cobra.Command {
	var index int
	var side float64
	var convention string
	cmd := &cobra.Command{
		Use:   "spectrum F.npy",
		Short: "Print the power spectrum of a map",
		Long: `Prints k in h/Mpc and P(k) in (Mpc/h)² of one map of a .npy file. The convention is one of
  contrast       of the density contrast f/mean - 1 (default)
  deviation      of f minus its mean, in (Mpc/h)² times the square of its unit: for fields that may
                 be negative
  log            of the log10 field over its sum, as in the paper
  log-deviation  of the log10 field minus its mean
The side of the box, the unit and whether maps are periodic come from dataset.yaml beside the file,
or else from a file name of CMD's. A map of which nothing is said and that looks like a density
contrast δ = ρ/mean - 1 is taken for one, with a warning.`,
		Example: `  darkfield spectrum maps.npy --index 3
  darkfield spectrum maps.npy --convention log --json`,
		Args: cobra.ExactArgs(1),
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			errs := []error{flagAtLeast("index", index, 0)}
			if cmd.Flags().Changed("box-side") {
				errs = append(errs, positive("box-side", side))
			}
			if !slices.Contains(conventions, convention) {
				errs = append(errs, fmt.Errorf("--convention %q, want contrast, deviation, log or "+
					"log-deviation", convention))
			}
			return errors.Join(errs...)
		},
		RunE: a.work(func(_ *cobra.Command, args []string) error {
			m, warnings, err := spectrumMap(args[0], index, side, convention)
			if err != nil {
				return err
			}
			a.warn(warnings...)
			s, err := spectrumOf(m, convention)
			if err != nil {
				return fmt.Errorf("spectrum: %s map %d: %w", args[0], index, err)
			}
			return a.printSpectrum(s, m.Box.Side)
		}),
	}
	f := cmd.Flags()
	indexFlag(f, &index)
	boxSideFlag(f, &side)
	f.StringVar(&convention, "convention", "contrast", "`CONVENTION`: contrast, deviation, log or "+
		"log-deviation")
	return cmd
}

// usualSide is the side in Mpc/h of maps of which nothing is said: CAMELS'.
const usualSide = 25

// spectrumMap reads a map in the box that flag, description or name tell.
func spectrumMap(path string, index int, side float64, convention string,
) (m field.Map, warnings []string, err error) {
	f, err := camels.OpenFile(path)
	if err != nil {
		return m, nil, err
	}
	defer f.Close()
	d := f.Description
	if d != (camels.Description{}) && !d.Periodic {
		warnings = append(warnings, "maps of "+path+" are not periodic: the spectrum takes them as if "+
			"they were, and leaks at their edges")
	}
	box := field.Box{Side: cmp.Or(side, d.BoxSide, usualSide), Cells: f.Cells()}
	if err := box.Validate(); err != nil {
		return m, nil, fmt.Errorf("spectrum: --box-side: %w", err)
	}
	if box.Cells < 2 {
		return m, nil, fmt.Errorf("spectrum: %s has maps of %d pixel a side, want at least 2: a single "+
			"pixel has no spectrum", path, box.Cells)
	}
	m, note, err := f.Map(index, box.Side, camels.Wanted{AsIs: convention == "deviation"})
	if note != "" {
		warnings = append(warnings, note)
	}
	return m, warnings, err
}

// spectrumOf returns a spectrum of finite numbers.
func spectrumOf(m field.Map, convention string) (summary.Spectrum, error) {
	var s summary.Spectrum
	switch convention {
	case "contrast":
		if low, mean := float64(slices.Min(m.Values)), m.Mean(); low < 0 || mean == 0 {
			return s, fmt.Errorf("values down to %.4g with the mean %.4g are no density, and have no "+
				"contrast f/mean − 1: choose --convention deviation", low, mean)
		}
		s = summary.Overdensity(m)
	case "deviation":
		s = summary.Deviation.Power(field.LogMap(m)) // of any values, not of logarithms alone
	default:
		l, err := m.Log10()
		if err != nil {
			return s, err
		}
		s = map[string]summary.Convention{
			"log":           summary.SumNormalised,
			"log-deviation": summary.Deviation,
		}[convention].Power(l)
	}
	for i, p := range s.P {
		if k := s.K[i]; math.IsNaN(p+k) || math.IsInf(p+k, 0) {
			return s, fmt.Errorf("the power is %g at k = %g h/Mpc: values from %.4g to %.4g in a box of %g "+
				"Mpc/h are beyond what numbers hold, or their sum is 0; choose another --convention or "+
				"--box-side", p, k, slices.Min(m.Values), slices.Max(m.Values), m.Box.Side)
		}
	}
	return s, nil
}

func (a *app) printSpectrum(s summary.Spectrum, side float64) error {
	return a.print(map[string]any{
		"box_side_mpc_h": side, "k_h_per_mpc": s.K,
		"power_mpc2_per_h2": s.P,
	}, func(w io.Writer) {
		row(w, "k [h/Mpc]", "P [(Mpc/h)²]")
		for i, k := range s.K {
			row(w, k, s.P[i])
		}
	})
}
