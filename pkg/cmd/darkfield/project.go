package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"darkfield/pkg/suite"
)

func (a *app) project() *cobra.Command {
	c := suite.ProjectConfig{Slabs: 5}
	cmd := &cobra.Command{
		Use:   "project GRIDS.npy",
		Short: "Project the 3-D grids of CMD to maps",
		Long: `Projects 3-D grids of the CAMELS Multifield Dataset, Grids_<field>_<suite>_<set>_<n>_z=0.0.npy, to
maps in the layout of CMD: 15 a simulation, five slabs across each axis, as CAMELS cuts them.
Densities in (Msun/h)/(Mpc/h)³ become surface densities in (Msun/h)/(Mpc/h)². The table of
parameters is the one beside the grids. --slabs 10 makes thinner slabs, of which five are taken
along each axis; their surface densities are lower in proportion, so train on maps of one thickness.

A grid is read plane by plane, so that files may be larger than memory. An interrupted or killed
call goes on. The mean density is compared with Ω_m.`,
		Example: `  darkfield project Grids_Mcdm_IllustrisTNG_LH_128_z=0.0.npy --out maps
  darkfield project Grids_Mtot_SIMBA_LH_256_z=0.0.npy --out maps --side 64 --sims 100
  darkfield inspect maps`,
		Args: cobra.ExactArgs(1),
		RunE: a.work(func(cmd *cobra.Command, args []string) error {
			c.Grids = args[0]
			bar := a.progress("grids")
			r, err := suite.Project(cmd.Context(), c, bar.count)
			bar.done()
			if err != nil {
				return err
			}
			return a.print(r, func(w io.Writer) {
				row(w, "written", c.Dir)
				row(w, "maps", fmt.Sprintf("%d of %d² pixels, of %d simulations", r.Maps, r.Cells,
					r.Simulations))
				row(w, "slabs", fmt.Sprintf("%g Mpc/h thick, unit %s", r.Thickness, r.Unit))
				if r.MeanRatio[0] > 0 {
					row(w, "mean density", fmt.Sprintf("%.4f to %.4f of what Ω_m says", r.MeanRatio[0],
						r.MeanRatio[1]))
				}
			})
		}),
	}
	f := cmd.Flags()
	f.StringVar(&c.Dir, "out", "", "`DIR` to write to")
	f.IntVar(&c.Slabs, "slabs", c.Slabs, "`N` slabs along each axis, 5 or more")
	f.IntVar(&c.Cells, "side", 0, "`PIXELS` a side that maps are averaged to; default: the voxels a "+
		"side of the grids")
	f.IntVar(&c.Sims, "sims", 0, "only the first `N` simulations; a later call may ask for more; "+
		"default: all")
	require(cmd, "out")
	return cmd
}
