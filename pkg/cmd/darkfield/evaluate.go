package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/study"
)

func (a *app) evaluate() *cobra.Command {
	c := study.Default()
	var path, data, cache, out string
	cmd := &cobra.Command{
		Use:   "evaluate",
		Short: "Print the paper's table: chi² of spectra, response to one parameter, histograms",
		Long: `Makes maps at held-out parameters and compares them with the true ones: reduced chi² of the spectra (generated, true left out one
by one, expected for a perfect emulator), response to single parameters where the data have a 1P set, moments of pixels.`,
		Example: `  darkfield evaluate --checkpoint runs/first --data universe --maps 20`,
		Args:    cobra.NoArgs,
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			s, err := camels.Open(data)
			if err != nil {
				return err
			}
			defer s.Close()
			e, err := openEmulator(path)
			if err != nil {
				return err
			}
			defer e.Close()
			source, err := study.FromEmulator(e, s, c, cache)
			if err != nil {
				return err
			}
			stage, bar := "", a.progress("")
			source.Progress = func(now string, f float64) {
				if now != stage {
					bar.done()
					stage, bar = now, a.progress(now)
				}
				bar.fraction(f)
			}
			r, err := source.Evaluate(cmd.Context(), c)
			bar.done()
			if err != nil {
				return err
			}
			if out != "" {
				if err := r.WriteCSV(out); err != nil {
					return err
				}
			}
			return a.print(r, func(w io.Writer) { fmt.Fprint(w, r) })
		}),
	}
	f := cmd.Flags()
	f.StringVar(&path, "checkpoint", "", "a .safetensors file, or a run directory (its newest)")
	f.StringVar(&data, "data", "", "directory of maps in CMD's layout")
	f.IntVar(&c.ValidationParams, "params", c.ValidationParams, "held-out parameters")
	f.IntVar(&c.MapsPerParam, "maps", c.MapsPerParam, "maps generated at each")
	f.IntVar(&c.OnePSeeds, "one-p-seeds", c.OnePSeeds, "maps generated at each value of the 1P set")
	f.Uint64Var(&c.Seed, "seed", c.Seed, "of the noise that maps are made from")
	f.StringVar(&cache, "cache", "", "directory that keeps generated maps (default: none are kept)")
	f.StringVar(&out, "out", "", "write the table as CSV, too")
	samplingFlags(f, &c.Sampling)
	require(cmd, "checkpoint", "data")
	return cmd
}
