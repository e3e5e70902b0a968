package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"darkfield/pkg/camels"
	"darkfield/pkg/cluster"
	"darkfield/pkg/nbody"
	"darkfield/pkg/suite"
)

func (a *app) simulate() *cobra.Command {
	c := suite.Config{NBody: nbody.Default()}
	var shard cluster.Shard
	asked := func() suite.Config {
		if c.Sims == 0 {
			c.Sims = suite.DefaultSims(c.Set)
		}
		return c
	}
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Simulate maps of dark matter in the layout of CAMELS",
		Long: `Simulates a set of boxes of 25 Mpc/h (suite FastPM: dark matter only, a particle mesh) and writes 15
maps of each in the layout of the CAMELS Multifield Dataset. Simulations run side by side on all
cores. An interrupted or killed call loses only those that are running: the same command goes on.
The same seed gives the same maps.`,
		Example: `  darkfield simulate --set LH --sims 100 --side 64 --seed 1 --out universe
  darkfield simulate --set 1P --out universe
  darkfield simulate control --data universe --params 40 --each 5 --out control
  darkfield simulate responses --realisations 10 --out responses`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			return errors.Join(flagAtLeast("sims", c.Sims, 0), checkSimulation(c))
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			return a.simulated(cmd.Context(), asked(), shard)
		}),
	}
	a.divisible(cmd, &shard, func(context.Context) (cluster.Work, error) {
		return missingSimulations(asked())
	})
	f := cmd.Flags()
	f.StringVar((*string)(&c.Set), "set", "LH", "`SET`: LH (parameters spread over the prior), 1P "+
		"(one parameter at a time) or CV (the fiducial model)")
	f.IntVar(&c.Sims, "sims", 0, "`N` simulations; default: 1000 of LH, 22 of 1P (11 values of each "+
		"parameter), 27 of CV; LH and CV may grow later")
	simulationFlags(f, &c)
	require(cmd, "out")
	cmd.AddCommand(a.simulateControl(), a.simulateResponses())
	return cmd
}

// simulationFlags say how to simulate, whatever the set.
func simulationFlags(f *pflag.FlagSet, c *suite.Config) {
	f.IntVar(&c.Cells, "side", 64, "`PIXELS` a side of the maps, a divisor of --pixels")
	f.Uint64Var(&c.Seed, "seed", 1, "`SEED` of parameters and random phases")
	f.StringVar(&c.Dir, "out", "", "`DIR` to write to")
	f.IntVar(&c.Workers, "workers", 0, "`N` simulations at a time; default: one a core; the maps do "+
		"not depend on it")
	f.IntVar(&c.NBody.Particles, "particles", c.NBody.Particles,
		"`N` particles a side, a power of two")
	f.IntVar(&c.NBody.Steps, "time-steps", c.NBody.Steps, "`N` time steps of the particle mesh")
	f.StringVar(&c.NBody.LinearPower, "linear-power", c.NBody.LinearPower, "matter `TRANSFER` "+
		"function: camb (a table) or eisenstein-hu (the fit of 1998)")
	f.IntVar(&c.NBody.Pixels, "pixels", c.NBody.Pixels, "`PIXELS` a side of the projection, before "+
		"averaging")
	f.IntVar(&c.NBody.Neighbours, "neighbours", c.NBody.Neighbours, "`N` neighbours in the sphere "+
		"that a particle is smeared over; more for fewer particles")
}

func checkSimulation(c suite.Config) error {
	return errors.Join(flagAtLeast("workers", c.Workers, 0), c.Validate())
}

// missingSimulations is what is to be done for a set.
func missingSimulations(c suite.Config) (w cluster.Work, err error) {
	w.Items, w.All = "simulations", c.Sims
	w.Missing, err = suite.Missing(c)
	return w, err
}

// simulated simulates a set, or a shard of it, and says what was made.
func (a *app) simulated(ctx context.Context, c suite.Config, shard cluster.Shard) error {
	if shard.Is() {
		c.Only = shard.Has
	}
	start := time.Now()
	bar := a.progress(fmt.Sprintf("simulations of set %s", c.Set))
	err := suite.Make(ctx, c, bar.count)
	bar.done()
	if err != nil {
		return err
	}
	if shard.Is() {
		return a.printShard(shard, c.Dir)
	}
	maps := c.Sims * camels.MapsPerSimulation
	return a.print(map[string]any{
		"directory": c.Dir, "set": c.Set, "simulations": c.Sims, "maps": maps, "side": c.Cells,
	}, func(w io.Writer) {
		fmt.Fprintf(w, "%d simulations, %d maps of %d² pixels in %s (%v)\n", c.Sims, maps, c.Cells,
			filepath.Clean(c.Dir), time.Since(start).Round(time.Second))
	})
}

func (a *app) simulateControl() *cobra.Command {
	c := suite.Config{NBody: nbody.Default(), Set: camels.LH}
	var data string
	var choice camels.Choice
	split, params, each := "validation", 0, 5
	var shard cluster.Shard
	cmd := &cobra.Command{
		Use:   "control",
		Short: "Simulate independent maps at the held-out parameters of a set",
		Long: `Simulates boxes with independent phases at parameters that training on a set holds out. Comparisons
of generated maps use them as control: what a perfect emulator would make.`,
		Example: `  darkfield simulate control --data universe --params 40 --each 5 --out control
  darkfield simulate control --data universe --split test --out control`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if split != "validation" && split != "test" {
				return fmt.Errorf("--split %q, want validation or test", split)
			}
			return errors.Join(flagAtLeast("params", params, 0), flagAtLeast("each", each, 1),
				checkSimulation(c))
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			if err := controlOf(data, choice, split, params, each, &c); err != nil {
				return err
			}
			return a.simulated(cmd.Context(), c, shard)
		}),
	}
	a.divisible(cmd, &shard, func(context.Context) (cluster.Work, error) {
		c := c // RunE fills in the same
		if err := controlOf(data, choice, split, params, each, &c); err != nil {
			return cluster.Work{}, err
		}
		return missingSimulations(c)
	})
	f := cmd.Flags()
	dataFlags(f, &data, &choice)
	f.StringVar(&split, "split", split, "held-out `SIMULATIONS` whose parameters are taken: "+
		"validation (as evaluate compares) or test (as dev model-card does, by which nothing is chosen)")
	f.IntVar(&params, "params", 0,
		fmt.Sprintf("`N` held-out parameters; default: %d, or all if there are fewer", defaultControl))
	f.IntVar(&each, "each", each, "`N` simulations at each parameter")
	simulationFlags(f, &c)
	require(cmd, "data", "out")
	return cmd
}

func (a *app) simulateResponses() *cobra.Command {
	c := suite.Config{NBody: nbody.Default(), Set: camels.OneP, Responses: true}
	var realisations int
	var shard cluster.Shard
	cmd := &cobra.Command{
		Use:   "responses",
		Short: "Simulate the response to each parameter, with paired phases",
		Long: `Simulates the fiducial model and both ends of each parameter, in several realisations; within a
realisation all boxes have the same phases. This measures the response to a parameter as a set 1P
does, with less noise.`,
		Example: `  darkfield simulate responses --realisations 10 --out responses`,
		Args:    cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			c.Sims = realisations * len(suite.ResponseParams())
			if err := flagAtLeast("realisations", realisations, 1); err != nil {
				return err
			}
			return checkSimulation(c)
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			return a.simulated(cmd.Context(), c, shard)
		}),
	}
	a.divisible(cmd, &shard, func(context.Context) (cluster.Work, error) {
		return missingSimulations(c)
	})
	f := cmd.Flags()
	f.IntVar(&realisations, "realisations", 10, "`N` realisations of the phases; may grow later")
	simulationFlags(f, &c)
	require(cmd, "out")
	return cmd
}

// defaultControl is the number of held-out parameters of a control.
const defaultControl = 40

// controlOf asks for independent simulations at the parameters of the first held-out simulations of
// a set, those for validation or for tests; params 0: of defaultControl, or as many as there are.
func controlOf(dir string, choice camels.Choice, split string, params, each int, c *suite.Config,
) error {
	s, err := camels.OpenChoice(dir, choice)
	if err != nil {
		return err
	}
	defer s.Close()
	maps, found := s.Sets[camels.LH]
	if !found {
		return fmt.Errorf("simulate control: %s has no set LH, whose held-out parameters are needed: "+
			"name the directory of one with --data", dir)
	}
	of := camels.SplitSimulations(maps.Simulations(), splitSeed)
	held := of.Validation
	if split == "test" {
		held = of.Test
	}
	if params == 0 {
		params = min(defaultControl, len(held))
	}
	if params > len(held) {
		return fmt.Errorf("simulate control: --params %d, but training on %s holds out %d simulations "+
			"for %s: ask for as many at most", params, maps.Path(), len(held), split)
	}
	for _, sim := range held[:params] {
		c.Control.Params = append(c.Control.Params, maps.Params(sim))
	}
	c.Control.Each, c.Sims = each, params*each
	return nil
}
