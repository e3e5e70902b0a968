package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"darkfield/pkg/camels"
	"darkfield/pkg/nbody"
	"darkfield/pkg/suite"
)

func (a *app) simulate() *cobra.Command {
	c := suite.Config{NBody: nbody.Default()}
	var set, control, of string
	var responses int
	each := 5
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Make toy universes: a set of maps in CMD's layout",
		Long: `Makes a set of toy universes (suite FastPM: dark matter only, a particle mesh) and writes their maps in the layout of the
CAMELS Multifield Dataset. Universes are made side by side on all cores. An interrupted or killed call loses only those in
work: the same command goes on. The same seed gives the same universes.

--control makes other universes at parameters that training on a set holds out, as a fair measure for generated maps. --responses
makes the fiducial universe and those at the ends of each parameter, several times over, each time with the same phases for all: what
a set 1P shows, with less noise.`,
		Example: `  darkfield simulate --set LH --sims 100 --side 64 --seed 1 --out universe
  darkfield simulate --set 1P --out universe
  darkfield simulate --control universe --sims 40 --each 5 --out control
  darkfield simulate --responses 10 --out responses`,
		Args: cobra.NoArgs,
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			c.Set = camels.Set(set)
			if cmd.Flags().Changed("responses") {
				if err := responsesOf(responses, cmd.Flags(), &c); err != nil {
					return err
				}
				set = string(c.Set)
			}
			return errors.Join(
				flagAtLeast("sims", c.Sims, 0), flagAtLeast("each", each, 1),
				flagAtLeast("workers", c.Workers, 0), c.Validate())
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			if control != "" {
				if err := controlOf(control, of, each, &c); err != nil {
					return err
				}
			}
			if c.Sims == 0 {
				c.Sims = suite.DefaultSims(c.Set)
			}
			start := time.Now()
			p := a.progress("universes of set " + set)
			err := suite.Make(cmd.Context(), c, func(done, all int) { p.at(done, all, "") })
			p.done()
			if err != nil {
				return err
			}
			result := map[string]any{
				"directory": c.Dir, "set": set, "simulations": c.Sims,
				"maps": c.Sims * camels.MapsPerSimulation, "side": c.Cells,
			}
			return a.print(result, func(w io.Writer) {
				fmt.Fprintf(w, "%d simulations, %d maps of %d² pixels in %s (%v)\n", c.Sims,
					c.Sims*camels.MapsPerSimulation, c.Cells, filepath.Clean(c.Dir),
					time.Since(start).Round(time.Second))
			})
		}),
	}
	f := cmd.Flags()
	f.StringVar(&set, "set", "LH", "LH (parameters spread over the prior), 1P (one at a time) or CV "+
		"(the fiducial model)")
	f.IntVar(&c.Sims, "sims", 0, "simulations of 15 maps (default: 1000 of LH, 22 of 1P, 27 of CV); "+
		"LH and CV may grow later")
	f.IntVar(&c.Cells, "side", 64, "pixels a side of the maps, a divisor of --pixels")
	f.Uint64Var(&c.Seed, "seed", 1, "of parameters and random phases")
	f.StringVar(&control, "control", "", "directory of an LH set: other universes at the parameters "+
		"of its held-out simulations (--sims of them, default 40)")
	f.StringVar(&of, "of", "validation", "which held-out simulations those of a control are: "+
		"validation (as evaluate compares) or test (as card does, by which nothing is chosen)")
	f.IntVar(&each, "each", each, "universes of a control at each parameter")
	f.IntVar(&responses, "responses", 0, "rounds of a set 1P of the fiducial model and both ends of "+
		"each parameter; may grow later")
	f.StringVar(&c.Dir, "out", "", "directory to write to")
	f.IntVar(&c.Workers, "workers", 0, "universes at a time (default: one a core); the maps do not "+
		"depend on it")
	f.IntVar(&c.NBody.Particles, "particles", c.NBody.Particles, "a side, a power of two")
	f.IntVar(&c.NBody.Steps, "steps", c.NBody.Steps, "time steps")
	f.StringVar(&c.NBody.LinearPower, "linear-power", c.NBody.LinearPower,
		"transfer function: camb (a table) or eisenstein-hu (the fit of 1998)")
	f.IntVar(&c.NBody.Pixels, "pixels", c.NBody.Pixels, "a side of the projection, before averaging")
	f.IntVar(&c.NBody.Neighbours, "neighbours", c.NBody.Neighbours, "in a particle's sphere (more "+
		"for fewer particles)")
	require(cmd, "out")
	return cmd
}

// responsesOf asks for rounds of universes that show the response to each parameter.
func responsesOf(rounds int, given *pflag.FlagSet, c *suite.Config) error {
	for _, other := range []string{"set", "sims", "control"} {
		if given.Changed(other) {
			return fmt.Errorf("--responses says what to make, and so does --%s: give one of them", other)
		}
	}
	if rounds < 1 {
		return fmt.Errorf("--responses %d, want at least one round", rounds)
	}
	c.Set, c.Responses, c.Sims = camels.OneP, true, rounds*len(suite.ResponseParams())
	return nil
}

// defaultControl is the number of held-out simulations of a control.
const defaultControl = 40

// controlOf asks for other universes at the parameters of the first held-out simulations of a set:
// those for validation or those for tests.
func controlOf(dir, of string, each int, c *suite.Config) error {
	s, err := camels.Open(dir)
	if err != nil {
		return err
	}
	defer s.Close()
	if !s.Has(camels.LH) || c.Set != camels.LH {
		return fmt.Errorf("simulate: a control is one of an LH set, which %s must hold and --set must be",
			dir)
	}
	maps := s.Sets[camels.LH]
	split := camels.SplitSimulations(maps.Simulations(), splitSeed)
	held, ok := map[string][]int{"validation": split.Validation, "test": split.Test}[of]
	if !ok {
		return fmt.Errorf("simulate: --of %q, want validation or test", of)
	}
	n := min(defaultControl, len(held))
	if c.Sims > 0 {
		n = c.Sims
	}
	if n > len(held) {
		return fmt.Errorf("simulate: a control at %d parameters, but training on %s holds out %d "+
			"simulations for %s: ask for as many at most", n, maps.Path(), len(held), of)
	}
	for _, sim := range held[:n] {
		c.Control.Params = append(c.Control.Params, maps.Params(sim))
	}
	c.Control.Each, c.Sims = each, n*each
	return nil
}
