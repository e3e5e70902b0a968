package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/emulator"
	"darkfield/pkg/field"
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
	terms                              []int
	draws, evaluations, chunk          int
	parameters                         []string // the two that are shown; none: the first two
	observed                           inference.Observed
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
		flagAtLeast("noise-draws", in.draws, 1), checkObserved(in.observed), c.Validate(),
	}
	if last := diffusion.Paper().Steps() - 1; len(in.terms) > 0 &&
		(slices.Min(in.terms) < 0 || slices.Max(in.terms) > last) {
		errs = append(errs, fmt.Errorf("--terms %v, want terms of 0 to %d", in.terms, last))
	}
	if in.hmc != "" {
		errs = append(errs, flagAtLeast("hmc-draws", c.Draws, inference.FewestDraws))
	}
	if n := len(in.parameters); n != 0 && n != 2 {
		errs = append(errs, fmt.Errorf("--parameters %s, want two names", strings.Join(in.parameters,
			",")))
	}
	return errors.Join(errs...)
}

// fits returns an error for flags that do not go with a network of these parameters.
func (in inferFlags) fits(prior cosmology.Prior) error {
	names := strings.Join(prior.Names(), ", ")
	for i, name := range in.parameters {
		if !slices.Contains(prior.Names(), name) || slices.Contains(in.parameters[:i], name) {
			return fmt.Errorf("infer: --parameters %s, want two of %s", strings.Join(in.parameters, ","),
				names)
		}
	}
	switch {
	case len(prior.Further) == 0 && in.parameters != nil:
		return fmt.Errorf("infer: --parameters: the network is conditioned on two alone, %s: leave the "+
			"flag out", names)
	case len(prior.Further) == 0:
		return nil
	case in.calibration != "":
		return fmt.Errorf("infer: --calibration: there is none for a network that is conditioned on "+
			"more than Ω_m and σ_8, and this one is on %s: leave the flag out", names)
	case in.hmc == "":
		return fmt.Errorf("infer: the network is conditioned on %s, whose posterior is sampled: say "+
			"with --hmc DIR where to", names)
	case len(in.index) > 1:
		return fmt.Errorf("infer: --index %v, want one map for a network that is conditioned on %s",
			in.index, names)
	}
	return nil
}

// bound is what is evaluated where no calibration says it: single terms, or the whole bound.
func (in inferFlags) bound(e *emulator.Emulator) inference.BoundConfig {
	c := inference.DefaultBound()
	c.Seeds, c.Interpolation.Evaluations = in.draws, in.evaluations
	c.Quadrature = quadrature(e, len(c.Quadrature.Terms), in.observed)
	if len(in.terms) > 0 {
		c.Quadrature = diffusion.Quadrature{}
		for _, t := range in.terms {
			c.Quadrature.Terms = append(c.Quadrature.Terms, diffusion.Term(t))
			c.Quadrature.Weights = append(c.Quadrature.Weights, 1)
		}
	}
	return c
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
// share its large scales, or maps that are equal but for their orientation.
func independent(path string, index []int, maps []field.LogMap) error {
	const remedy = "they say less together than two simulations would, and the error bars would be " +
		"too short; give one map of each simulation"
	known := map[field.Fingerprint]int{}
	simulations := map[int]int{}
	for i, m := range maps {
		sim, print := index[i]/camels.MapsPerSimulation, field.FingerprintOf(m.Values)
		if twin, found := simulations[sim]; found && camels.InCMDLayout(path) {
			return fmt.Errorf("infer: maps %d and %d of %s are slabs of one simulation, %d: %s", twin,
				index[i], path, sim, remedy)
		}
		if twin, found := known[print]; found {
			return fmt.Errorf("infer: maps %d and %d of %s are equal: %s", twin, index[i], path, remedy)
		}
		simulations[sim], known[print] = index[i], index[i]
	}
	return nil
}

func (a *app) infer() *cobra.Command {
	bound := inference.DefaultBound()
	in := inferFlags{
		draws: bound.Seeds, evaluations: bound.Interpolation.Evaluations, chunk: inference.Chunk,
	}
	c := hmc.Default()
	cmd := &cobra.Command{
		Use:   "infer",
		Short: "Infer Ω_m and σ_8 from a map, with calibrated error bars",
		Long: `Evaluates the variational bound of a map over the prior, turns it into a posterior by a calibration
(see calibrate) and prints means, standard deviations and intervals. Two out-of-distribution tests
compare the map with those of the calibration: its Mahalanobis distance from what is expected where
it fits best, and how far that is outside the prior; each with the share of the calibration's maps
that are as far. At 1 % or less it warns.

Without --calibration the posterior is that of the bound as it is, or of single terms (--terms).
Its error bars are too short, and there is no test of the map.

Several maps are combined into one posterior. They must be of different simulations: slabs of one
simulation of a file in the layout of CMD are refused, as are equal maps.

--beam and --noise declare what an instrument has done to the map. A calibration is for maps of one
beam and one noise; a map with less noise is given the rest.

--hmc DIR also samples the posterior by Hamiltonian Monte Carlo with gradients through the network.
A call that was killed goes on with the same draws, and one with more --hmc-draws adds to them.

A network that is conditioned on more parameters than Ω_m and σ_8 is sampled in all of them, which
takes --hmc, and has no calibration. --parameters names the two whose joint posterior, all others
marginalised, is drawn and written.`,
		Example: `  darkfield infer --checkpoint runs/first --calibration calibration --map maps.npy --index 30
  darkfield infer --checkpoint runs/first --calibration calibration --map maps.npy --hmc chains
  darkfield infer --checkpoint runs/first --map maps.npy --index 30 --terms 0,2,5
  darkfield infer --checkpoint runs/quijote --map maps.npy --hmc chains --parameters h,n_s`,
		Args: cobra.NoArgs,
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			for _, flag := range []string{"terms", "noise-draws", "evaluations"} {
				if in.calibration != "" && cmd.Flags().Changed(flag) {
					return fmt.Errorf("--%s with --calibration, which says what is evaluated: leave one out",
						flag)
				}
			}
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
	chunkFlag(f, &in.chunk)
	observedFlags(f, &in.observed)
	f.IntSliceVar(&in.terms, "terms", nil, "without a calibration: `TERMS` i of the bound to add, 0 "+
		"to 999, instead of the whole; L_i uses x_{i+1}")
	f.Lookup("terms").DefValue = "" // [] says nothing
	noiseDrawsFlag(f, &in.draws)
	evaluationsFlag(f, &in.evaluations)
	f.StringVar(&in.hmc, "hmc", "", "`DIR` to write draws of Hamiltonian Monte Carlo and a figure "+
		"to; default: no sampling")
	f.StringSliceVar(&in.parameters, "parameters", nil, "`NAMES` of the two parameters whose joint "+
		"posterior is drawn, of a network of more than two; default: omega_m,sigma_8")
	f.Lookup("parameters").DefValue = "" // [] says nothing
	f.IntVar(&c.Chains, "hmc-chains", c.Chains, "`N` chains")
	f.IntVar(&c.Warmup, "hmc-warmup", c.Warmup, "`N` iterations of each chain that find its step "+
		"size and mass")
	f.IntVar(&c.Draws, "hmc-draws", c.Draws, "`N` draws of each chain")
	f.Uint64Var(&c.Seed, "seed", c.Seed, "`SEED` of the chains")
	require(cmd, "checkpoint", "map")
	return cmd
}

// constraint is what infer prints.
type constraint struct {
	Calibrated  bool               `json:"calibrated"`
	OmegaM      map[string]float64 `json:"omega_m"`
	Sigma8      map[string]float64 `json:"sigma_8"`
	Evaluations int                `json:"evaluations"`
	Terms       []diffusion.Term   `json:"terms"`
	Maps        []mapTails         `json:"maps"`
	Warnings    []string           `json:"warnings"`
	Chains      *inference.Chains  `json:"chains,omitempty"`
	// Further are the other parameters of a network that has more, by their names.
	Further map[string]map[string]float64 `json:"further,omitempty"`
	// of the posterior of Ω_m and σ_8 alone, on a grid that is as fine as it is narrow; σ_8 runs
	// fastest
	Grid             likelihood.Grid `json:"grid,omitzero"`
	MinusTwoDeltaLnL []float64       `json:"minus_two_delta_lnl,omitempty"`
}

// interval is a marginal as it is printed.
func interval(m likelihood.Marginal) map[string]float64 {
	return map[string]float64{
		"best": m.Best, "low": m.Low, "high": m.High, "mean": m.Mean,
		"std": m.Std,
	}
}

// mapTails says how like the calibration's maps one is.
type mapTails struct {
	Index        int            `json:"index"`
	FromExpected inference.Tail `json:"from_expected"`
	OutsidePrior inference.Tail `json:"outside_prior"`
}

func (a *app) inferred(ctx context.Context, in inferFlags, c hmc.Config) (constraint, error) {
	var out constraint
	if err := expectMaps(in.maps); err != nil {
		return out, err
	}
	if info, err := os.Stat(in.calibration); err == nil && info.Mode().IsRegular() {
		if err := filetype.Expect(in.calibration, filetype.Calibration); err != nil {
			return out, fmt.Errorf("infer: --calibration: %w", err)
		}
	}
	e, err := openEmulator(in.checkpoint)
	if err != nil {
		return out, err
	}
	defer e.Close()
	data, err := heldout.New(e, nil)
	if err == nil {
		err = in.fits(data.Prior)
	}
	if err != nil {
		return out, err
	}
	cal := inference.Uncalibrated(e.NetworkHash(), data.Prior, in.bound(e))
	cal.Observed = in.observed
	if out.Calibrated = in.calibration != ""; out.Calibrated {
		if cal, err = openCalibration(in.calibration, e.NetworkHash()); err != nil {
			return out, err
		}
	}
	maps := make([]field.LogMap, len(in.index))
	for i, index := range in.index {
		var warnings []string
		if maps[i], warnings, err = oneMap(in.maps, index, e); err != nil {
			return out, err
		}
		out.Warnings = append(out.Warnings, warnings...)
	}
	if err := independent(in.maps, in.index, maps); err != nil {
		return out, err
	}
	source := inference.Of(e, data, in.chunk)
	if len(data.Prior.Further) > 0 {
		if maps[0], err = cal.Raised(maps[0], in.observed); err != nil {
			return out, fmt.Errorf("infer: map %d of %s: %w", in.index[0], in.maps, err)
		}
		err := a.marginalised(ctx, &out, source, cal, maps[0], c, in)
		return out, err
	}
	posteriors := make([]likelihood.NLL, len(maps))
	var one inference.Constraint
	for i, index := range in.index {
		if maps[i], err = cal.Raised(maps[i], in.observed); err != nil {
			return out, fmt.Errorf("infer: map %d of %s: %w", index, in.maps, err)
		}
		bar := a.progress(fmt.Sprintf("bound of map %d", index))
		b, err := source.BoundOf(ctx, cal.Bound, maps[i],
			func(done, total int) { bar.at(done, total, "") })
		bar.done()
		if err != nil {
			return out, err
		}
		if one, err = cal.Constrain(b); err != nil {
			return out, err
		}
		if out.Calibrated {
			out.Maps = append(out.Maps, mapTails{index, one.FromExpected, one.OutsidePrior})
		}
		posteriors[i], out.Evaluations = cal.NLL(b), out.Evaluations+one.Evaluations
		for _, w := range one.Warnings {
			out.Warnings = append(out.Warnings, fmt.Sprintf("map %d: %s", index, w))
		}
	}
	posterior, err := likelihood.Resolve(likelihood.Product(posteriors), cal.Prior)
	if err != nil {
		return out, err
	}
	om, s8 := posterior.Marginals()
	out.OmegaM, out.Sigma8, out.Terms = interval(om), interval(s8), cal.Bound.Quadrature.Terms
	shown := likelihood.Surface{Grid: posterior.Grid.Spanned(jsonGrid)}
	shown.NLL = likelihood.Product(posteriors)(shown.Grid).NLL
	out.Grid, out.MinusTwoDeltaLnL = shown.Grid, shown.MinusTwoDeltaLnL()
	if in.hmc == "" {
		return out, nil
	}
	return out, a.chained(ctx, &out, source, cal, one, maps[0], c, in.hmc)
}

// jsonGrid is how many points a side of the posterior are printed as JSON.
const jsonGrid = 50

// openCalibration reads what calibrate wrote, by its directory or its file.
func openCalibration(path, hash string) (inference.Calibration, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, calibrationFile)
	}
	return inference.LoadCalibration(path, hash)
}

func inferTable(w io.Writer, r constraint) {
	columns := []string{"mean", "std", "low", "high", "best"}
	if len(r.Further) > 0 {
		columns = columns[:4] // draws have no best one
	}
	row(w, []any{"parameter", "mean", "std", "68 % from", "to", "best"}[:1+len(columns)]...)
	line := func(name string, m map[string]float64) {
		cells := []any{name}
		for _, c := range columns {
			cells = append(cells, m[c])
		}
		row(w, cells...)
	}
	line("Ω_m", r.OmegaM)
	line("σ_8", r.Sigma8)
	for _, name := range slices.Sorted(maps.Keys(r.Further)) {
		line(name, r.Further[name])
	}
	row(w)
	if r.Calibrated {
		row(w, "out-of-distribution test", "distance, σ", "tail fraction")
	}
	for _, m := range r.Maps {
		row(w, fmt.Sprintf("map %d from what is expected", m.Index),
			fmt.Sprintf("%.1f", m.FromExpected.Distance),
			fmt.Sprintf("%.1f %%", 100*m.FromExpected.Fraction))
		row(w, fmt.Sprintf("map %d outside the prior", m.Index),
			fmt.Sprintf("%.1f", m.OutsidePrior.Distance),
			fmt.Sprintf("%.1f %%", 100*m.OutsidePrior.Fraction))
	}
	if !r.Calibrated {
		row(w, "not calibrated: error bars are too short")
	}
	row(w)
	row(w, fmt.Sprintf("terms %v of the bound, %d network evaluations", r.Terms, r.Evaluations))
	if r.Chains == nil {
		return
	}
	row(w)
	for i, name := range (cosmology.Prior{Further: r.Chains.Names[2:]}).Symbols() {
		d := r.Chains.Diagnosis[i]
		row(w, name+" by the chains", d.Mean, d.Std, fmt.Sprintf("R-hat %.4f", d.RHat),
			fmt.Sprintf("ESS %.0f", d.BulkESS), fmt.Sprintf("tails %.0f", d.TailESS))
	}
	row(w, r.Chains.Verdict())
}
