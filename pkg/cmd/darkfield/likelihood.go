package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/likelihood"
)

// likelihoodFlags are the settings of the subcommand.
type likelihoodFlags struct {
	checkpoint, maps string
	index, grid      int
	terms            []int
	draws, chunk     int
	centre           []float64
	exact            bool
	interpolation    likelihood.Interpolation
}

// check returns an error that names a flag out of range.
func (f likelihoodFlags) check() error {
	errs := []error{
		flagAtLeast("index", f.index, 0), flagAtLeast("grid", f.grid, 2),
		flagAtLeast("noise-draws", f.draws, 1), flagAtLeast("chunk", f.chunk, 1),
	}
	last := diffusion.Paper().Steps() - 1
	if len(f.terms) == 0 || slices.Min(f.terms) < 0 || slices.Max(f.terms) > last {
		errs = append(errs, fmt.Errorf("--terms %v, want at least one, of 0 to %d", f.terms, last))
	}
	if f.centre != nil && len(f.centre) != 2 {
		errs = append(errs, fmt.Errorf("--centre %v, want two numbers, for example 0.3,0.8", f.centre))
	}
	if !f.exact {
		errs = append(errs, f.interpolation.Validate())
	}
	return errors.Join(errs...)
}

func (a *app) likelihood() *cobra.Command {
	f := likelihoodFlags{draws: 1, chunk: 20, interpolation: likelihood.DefaultInterpolation()}
	cmd := &cobra.Command{
		Use:   "likelihood",
		Short: "Evaluate terms of the variational bound of one map over the prior",
		Long: `Evaluates terms L_i of the variational bound over (Ω_m, σ_8) and prints the best fit and 68 %
intervals of their sum. It covers the whole prior; --centre asks for the paper's ±0.1 around a
point, which is for plots only. Several draws of the noise reduce the scatter of the terms. The
network is evaluated where polynomials need it, which are tested between those points; --exact
evaluates every point of the grid instead. Error bars of single terms are too short: use infer for
calibrated ones.`,
		Example: `  darkfield likelihood --checkpoint runs/first --map maps.npy --index 30 --terms 0,2,5`,
		Args:    cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error { return f.check() },
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			s, err := a.surface(cmd, f)
			if err != nil {
				return err
			}
			om, s8 := s.omegaM, s.sigma8
			best := cosmology.Params{OmegaM: om.Best, Sigma8: s8.Best}
			result := map[string]any{
				"best": best, "omega_m": interval(om), "sigma_8": interval(s8), "terms": f.terms,
				"noise_draws": f.draws, "warnings": s.warnings, "evaluations": s.evaluations, "error": s.err,
				"within_tolerance": s.within,
				"grid":             s.whole.Grid, "minus_two_delta_lnl": s.whole.MinusTwoDeltaLnL(),
			}
			return a.print(result, func(w io.Writer) {
				row(w, "parameter", "best", "68 % from", "to", "mean", "std")
				row(w, "Ω_m", om.Best, om.Low, om.High, om.Mean, om.Std)
				row(w, "σ_8", s8.Best, s8.Low, s8.High, s8.Mean, s8.Std)
				row(w)
				fmt.Fprintf(w, "terms %v, %d draws of the noise; %d parameters evaluated", f.terms,
					f.draws, s.evaluations)
				if !f.exact {
					fmt.Fprintf(w, ", −2Δln L good to %.2g", s.err)
				}
				if !s.within {
					fmt.Fprintf(w, ": more than %g, which more --evaluations may reach", f.interpolation.Tolerance)
				}
				fmt.Fprintln(w)
			})
		}),
	}
	g := cmd.Flags()
	checkpointFlag(g, &f.checkpoint)
	mapFlag(g, &f.maps)
	indexFlag(g, &f.index)
	g.IntSliceVar(&f.terms, "terms", []int{0}, "`TERMS` i of the bound to add, 0 to 999; L_i uses "+
		"x_{i+1}")
	g.IntVar(&f.grid, "grid", 50, "`N` points a side of the grid that --json prints")
	noiseDrawsFlag(g, &f.draws)
	chunkFlag(g, &f.chunk)
	g.Float64SliceVar(&f.centre, "centre", nil, "`Ω_m,σ_8` of the centre of a grid of ±0.1, as the "+
		"paper's")
	g.Lookup("centre").DefValue = "" // [] says nothing
	g.BoolVar(&f.exact, "exact", false, "evaluate every point of the grid")
	g.Float64Var(&f.interpolation.Tolerance, "tolerance", f.interpolation.Tolerance,
		"largest `ERROR` of -2Δln L within 3σ")
	evaluationsFlag(g, &f.interpolation.Evaluations)
	require(cmd, "checkpoint", "map")
	return cmd
}

func interval(m likelihood.Marginal) map[string]float64 {
	return map[string]float64{
		"best": m.Best, "low": m.Low, "high": m.High, "mean": m.Mean,
		"std": m.Std,
	}
}

// inferred is the sum of the terms on the grid, and its marginals.
type inferred struct {
	warnings       []string
	whole          likelihood.Surface
	omegaM, sigma8 likelihood.Marginal
	evaluations    int
	err            float64
	within         bool
}

// surface evaluates the sum of terms, averaged over draws of the noise.
func (a *app) surface(cmd *cobra.Command, f likelihoodFlags) (inferred, error) {
	var none inferred
	if err := expectMaps(f.maps); err != nil {
		return none, err
	}
	e, err := openEmulator(f.checkpoint)
	if err != nil {
		return none, err
	}
	defer e.Close()
	m, warnings, err := oneMap(f.maps, f.index, e)
	if err != nil {
		return none, err
	}
	a.warn(warnings...)
	grid := likelihood.WholePrior(e.Manifest().Prior, f.grid)
	if f.centre != nil {
		p := cosmology.Params{OmegaM: f.centre[0], Sigma8: f.centre[1]}
		if err := e.Manifest().Prior.Check(p); err != nil {
			return none, fmt.Errorf("likelihood: --centre: %w", err)
		}
		grid = likelihood.AroundTruth(p, 0.1, e.Manifest().Prior, f.grid)
	}
	terms := make([]diffusion.Term, len(f.terms))
	for i, t := range f.terms {
		terms[i] = diffusion.Term(t)
	}
	seeds := make([]uint64, f.draws)
	for i := range seeds {
		seeds[i] = uint64(i) + 1
	}
	score, err := e.Terms(m, terms, seeds, f.chunk)
	if err != nil {
		return none, err
	}
	bar := a.progress("likelihood")
	defer bar.done()
	progress := func(done, total int) { bar.at(done, total, "") }
	if f.exact {
		s, err := likelihood.Evaluate(cmd.Context(), likelihood.Summed(score), grid, progress)
		if err != nil {
			return none, err
		}
		om, s8 := s[0].Marginals()
		return inferred{
			warnings: warnings, whole: s[0], omegaM: om, sigma8: s8, evaluations: grid.Len(),
			within: true,
		}, nil
	}
	in, err := likelihood.Interpolate(cmd.Context(), likelihood.Summed(score), grid,
		f.interpolation, progress)
	if err != nil {
		return none, err
	}
	om, s8 := in.Marginals()
	return inferred{
		warnings: warnings, whole: in.On(grid)[0], omegaM: om, sigma8: s8,
		evaluations: in.Evaluations, err: in.Error, within: in.Within,
	}, nil
}
