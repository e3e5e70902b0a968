package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/field"
	"darkfield/pkg/figure"
	"darkfield/pkg/filetype"
	"darkfield/pkg/heldout"
	"darkfield/pkg/hmc"
	"darkfield/pkg/inference"
	"darkfield/pkg/likelihood"
)

// inferFlags are the settings of the subcommand.
type inferFlags struct {
	checkpoint, calibration, maps, hmc string
	index                              []int
	chunk                              int
}

// check returns an error that names a flag out of range.
func (in inferFlags) check(c hmc.Config) error {
	if len(in.index) == 0 || in.hmc != "" && len(in.index) > 1 {
		return fmt.Errorf("--index %v, want at least one map, and one alone with --hmc", in.index)
	}
	if i, twice := repeated(in.index); twice {
		return fmt.Errorf("--index %v, want each map once: a map counted twice says no more than once, "+
			"and map %d is", in.index, i)
	}
	errs := []error{
		flagAtLeast("index", slices.Min(in.index), 0), flagAtLeast("chunk", in.chunk, 1),
		c.Validate(),
	}
	if in.hmc != "" {
		errs = append(errs, flagAtLeast("hmc-draws", c.Draws, inference.FewestDraws))
	}
	return errors.Join(errs...)
}

// repeated returns the first value that stands in a list more than once.
func repeated(list []int) (value int, ok bool) {
	for i, v := range list {
		if slices.Contains(list[:i], v) {
			return v, true
		}
	}
	return 0, false
}

// independent returns an error if two maps cannot be of different simulations, so that the product
// of their posteriors would be too narrow: slabs of one simulation of a file in CMD's layout, which
// share its large scales, or equal maps under two numbers.
func independent(path string, index []int, maps []field.LogMap) error {
	const remedy = "they say less together than two simulations would, and the error bars would be " +
		"too short; give one map of each simulation"
	for i := range index {
		for j := range i {
			a, b := index[j], index[i]
			sim := a / camels.MapsPerSimulation
			if camels.InCMDLayout(path) && sim == b/camels.MapsPerSimulation {
				return fmt.Errorf("infer: maps %d and %d of %s are slabs of one simulation, %d: %s",
					a, b, path, sim, remedy)
			}
			if slices.Equal(maps[j].Values, maps[i].Values) {
				return fmt.Errorf("infer: maps %d and %d of %s are equal: %s", a, b, path, remedy)
			}
		}
	}
	return nil
}

func (a *app) infer() *cobra.Command {
	var in inferFlags
	c := hmc.Default()
	cmd := &cobra.Command{
		Use:   "infer",
		Short: "Infer Ω_m and σ_8 from a map, with calibrated error bars",
		Long: `Evaluates the variational bound of a map over the prior, turns it into a posterior by a calibration
(see calibrate) and prints means, standard deviations and intervals. Two out-of-distribution tests
compare the map with those of the calibration: its Mahalanobis distance from what is expected where
it fits best, and how far that is outside the prior; each with the share of the calibration's maps
that are as far. At 1 % or less it warns.

Several maps are combined into one posterior. They must be of different simulations: slabs of one
simulation of a file in the layout of CMD are refused, as are equal maps.

--hmc DIR also samples the posterior of the same terms, before the recalibration, by Hamiltonian
Monte Carlo with gradients through the network. A call that was killed goes on with the same draws,
and one with more --hmc-draws adds to them.`,
		Example: `  darkfield infer --checkpoint runs/first --calibration calibration --map maps.npy --index 30
  darkfield infer --checkpoint runs/first --calibration calibration --map maps.npy --hmc chains`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			return in.check(c)
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			r, err := a.inferred(cmd.Context(), in, c)
			if err != nil {
				return err
			}
			for _, w := range r.Warnings {
				fmt.Fprintln(a.err, "warning:", w)
			}
			return a.print(r, func(w io.Writer) { inferTable(w, r) })
		}),
	}
	f := cmd.Flags()
	checkpointFlag(f, &in.checkpoint)
	calibrationFlag(f, &in.calibration)
	mapFlag(f, &in.maps)
	f.IntSliceVar(&in.index, "index", []int{0}, "numbers `I` of the maps in the file, from 0; "+
		"several are combined, as maps of independent simulations with the same parameters")
	in.chunk = 20
	chunkFlag(f, &in.chunk)
	f.StringVar(&in.hmc, "hmc", "", "`DIR` to write draws of Hamiltonian Monte Carlo and a figure "+
		"to; default: no sampling")
	f.IntVar(&c.Chains, "hmc-chains", c.Chains, "`N` chains")
	f.IntVar(&c.Warmup, "hmc-warmup", c.Warmup, "`N` iterations of each chain that find its step "+
		"size and mass")
	f.IntVar(&c.Draws, "hmc-draws", c.Draws, "`N` draws of each chain")
	f.Uint64Var(&c.Seed, "seed", c.Seed, "`SEED` of the chains")
	require(cmd, "checkpoint", "calibration", "map")
	return cmd
}

// constraint is what infer prints.
type constraint struct {
	OmegaM      map[string]float64 `json:"omega_m"`
	Sigma8      map[string]float64 `json:"sigma_8"`
	Evaluations int                `json:"evaluations"`
	Maps        []mapTails         `json:"maps"`
	Warnings    []string           `json:"warnings"`
	Chains      *inference.Chains  `json:"chains,omitempty"`
	// of the same terms as the chains, before the recalibration
	Grid *gridMoments `json:"grid,omitempty"`
}

// mapTails says how like the calibration's maps one is.
type mapTails struct {
	Index        int            `json:"index"`
	FromExpected inference.Tail `json:"from_expected"`
	OutsidePrior inference.Tail `json:"outside_prior"`
}

type gridMoments struct {
	OmegaM map[string]float64 `json:"omega_m"`
	Sigma8 map[string]float64 `json:"sigma_8"`
}

func (a *app) inferred(ctx context.Context, in inferFlags, c hmc.Config) (constraint, error) {
	var none constraint
	if err := expectMaps(in.maps); err != nil {
		return none, err
	}
	if info, err := os.Stat(in.calibration); err == nil && info.Mode().IsRegular() {
		if err := filetype.Expect(in.calibration, filetype.Calibration); err != nil {
			return none, fmt.Errorf("infer: --calibration: %w", err)
		}
	}
	e, err := openEmulator(in.checkpoint)
	if err != nil {
		return none, err
	}
	defer e.Close()
	cal, err := openCalibration(in.calibration, e.NetworkHash())
	if err != nil {
		return none, err
	}
	data, err := heldout.New(e, nil)
	if err != nil {
		return none, err
	}
	source := inference.Of(e, data, in.chunk)
	var out constraint
	var posteriors []likelihood.Surface
	var last inference.Bound
	maps := make([]field.LogMap, len(in.index))
	for i, index := range in.index {
		var warnings []string
		if maps[i], warnings, err = oneMap(in.maps, index, e); err != nil {
			return none, err
		}
		out.Warnings = append(out.Warnings, warnings...)
	}
	if err := independent(in.maps, in.index, maps); err != nil {
		return none, err
	}
	for i, index := range in.index {
		m := maps[i]
		bar := a.progress(fmt.Sprintf("bound of map %d", index))
		last, err = source.BoundOf(ctx, cal.Bound, m, func(done, total int) { bar.at(done, total, "") })
		bar.done()
		if err != nil {
			return none, err
		}
		one, err := cal.Constrain(last)
		if err != nil {
			return none, err
		}
		out.Maps = append(out.Maps, mapTails{index, one.FromExpected, one.OutsidePrior})
		posteriors, out.Evaluations = append(posteriors, one.Surface), out.Evaluations+one.Evaluations
		for _, w := range one.Warnings {
			out.Warnings = append(out.Warnings, fmt.Sprintf("map %d: %s", index, w))
		}
	}
	om, s8 := likelihood.Sum(posteriors).Marginals()
	out.OmegaM, out.Sigma8 = interval(om), interval(s8)
	if in.hmc == "" {
		return out, nil
	}
	err = a.chained(ctx, &out, source, cal, last.Surface(cal.Prior, cal.Weights), maps[0],
		c, in.hmc)
	return out, err
}

// openCalibration reads what calibrate wrote, by its directory or its file.
func openCalibration(path, hash string) (inference.Calibration, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, calibrationFile)
	}
	return inference.LoadCalibration(path, hash)
}

// chained samples, writes the draws and draws them beside the grid.
func (a *app) chained(ctx context.Context, out *constraint, source inference.Likelihood,
	cal inference.Calibration, grid likelihood.Surface, m field.LogMap, c hmc.Config, dir string,
) error {
	a.interrupted = fmt.Sprintf("iterations of the chains that were finished are kept in %s; the "+
		"same command goes on with them", dir)
	bar := a.progress("chains")
	chains, err := source.SampleChains(ctx, m, cal.Bound, cal.Weights, c, grid,
		filepath.Join(dir, "state.json"), func(p hmc.Progress) {
			bar.at(p.Done, p.Total, fmt.Sprintf("acceptance %.2f", p.Acceptance))
		})
	bar.done()
	if err != nil {
		return err
	}
	out.Chains = &chains
	om, s8 := grid.Marginals()
	out.Grid = &gridMoments{OmegaM: interval(om), Sigma8: interval(s8)}
	return errors.Join(chains.WriteCSV(filepath.Join(dir, "draws.csv")),
		figure.Chains(chains, grid).Save(filepath.Join(dir, "chains")))
}

func inferTable(w io.Writer, r constraint) {
	row(w, "parameter", "mean", "std", "68 % from", "to", "best")
	line := func(name string, m map[string]float64) {
		row(w, name, m["mean"], m["std"], m["low"], m["high"], m["best"])
	}
	line("Ω_m", r.OmegaM)
	line("σ_8", r.Sigma8)
	row(w)
	row(w, "out-of-distribution test", "distance, σ", "tail fraction")
	for _, m := range r.Maps {
		row(w, fmt.Sprintf("map %d from what is expected", m.Index),
			fmt.Sprintf("%.1f", m.FromExpected.Distance),
			fmt.Sprintf("%.1f %%", 100*m.FromExpected.Fraction))
		row(w, fmt.Sprintf("map %d outside the prior", m.Index),
			fmt.Sprintf("%.1f", m.OutsidePrior.Distance),
			fmt.Sprintf("%.1f %%", 100*m.OutsidePrior.Fraction))
	}
	row(w)
	row(w, fmt.Sprintf("%d network evaluations", r.Evaluations))
	if r.Chains == nil {
		return
	}
	row(w)
	row(w, "before the recalibration", "mean", "std", "68 % from", "to", "best")
	line("Ω_m on the grid", r.Grid.OmegaM)
	line("σ_8 on the grid", r.Grid.Sigma8)
	for i, name := range []string{"Ω_m by the chains", "σ_8 by the chains"} {
		d := r.Chains.Diagnosis[i]
		row(w, name, d.Mean, d.Std, fmt.Sprintf("R-hat %.4f", d.RHat), fmt.Sprintf("ESS %.0f", d.BulkESS),
			fmt.Sprintf("tails %.0f", d.TailESS))
	}
	if !r.Chains.Converged() {
		row(w, "the chains have not converged (R-hat above 1.01 or fewer than 400 effective draws): "+
			"ask for more --hmc-draws, which follow these")
	}
}
