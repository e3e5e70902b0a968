package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

func (a *app) sample() *cobra.Command {
	var p cosmology.Params
	var path, out string
	var n int
	var seed uint64
	var flags *sampling
	cmd := &cobra.Command{
		Use:   "sample",
		Short: "Make maps at given parameters",
		Long: `Makes maps at one Ω_m and σ_8 and writes them as a .npy file [n, side, side] of linear values, in the unit of the maps that the
network was trained on. Map i depends on the seed, i and the parameters alone.`,
		Example: `  darkfield sample --checkpoint runs/first --omega-m 0.3 --sigma-8 0.8 -n 20 --seed 1 --out maps.npy`,
		Args:    cobra.NoArgs,
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			if n < 1 {
				return fmt.Errorf("sample: -n %d, want at least one map", n)
			}
			if err := flags.Validate(); err != nil {
				return err
			}
			e, err := openEmulator(path)
			if err != nil {
				return err
			}
			defer e.Close()
			c, err := flags.of(e, a.err)
			if err != nil {
				return err
			}
			params := make([]cosmology.Params, n)
			for i := range params {
				params[i] = p
			}
			bar := a.progress("sampling")
			logs, err := e.Sample(cmd.Context(), params, seed, c, func(done, all int) { bar.at(done, all, "") })
			bar.done()
			if err != nil {
				return err
			}
			maps := make([]field.Map, n)
			for i, l := range logs {
				maps[i] = l.Linear()
			}
			if err := camels.WriteMaps(out, maps); err != nil {
				return err
			}
			r, err := camels.InspectMaps(cmd.Context(), out, nil)
			if err != nil {
				return err
			}
			return a.print(r, func(w io.Writer) {
				row(w, "written", out)
				moments(w, r)
			})
		}),
	}
	f := cmd.Flags()
	f.StringVar(&path, "checkpoint", "", "a .safetensors file, or a run directory (the selected one, or else the newest)")
	f.Float64Var(&p.OmegaM, "omega-m", 0, "matter density Ω_m")
	f.Float64Var(&p.Sigma8, "sigma-8", 0, "clumpiness σ_8")
	f.IntVarP(&n, "number", "n", 1, "maps")
	f.Uint64Var(&seed, "seed", 1, "of the noise that maps are made from")
	f.StringVar(&out, "out", "", "file to write, .npy")
	flags = samplingFlags(f)
	require(cmd, "checkpoint", "omega-m", "sigma-8", "out")
	return cmd
}
