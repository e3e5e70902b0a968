package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/likelihood"
)

// likelihoodFlags are the settings of the subcommand.
type likelihoodFlags struct {
	checkpoint, maps string
	index, grid      int
	terms            []int
	seeds, batch     int
	centre           []float64
}

func (a *app) likelihood() *cobra.Command {
	var f likelihoodFlags
	cmd := &cobra.Command{
		Use:   "likelihood",
		Short: "Infer Ω_m and σ_8 of one map from the variational bound",
		Long: `Evaluates terms of the variational bound over a grid of (Ω_m, σ_8) and prints the best fit and 68 % intervals of the sum. The grid
covers the whole prior, unless --centre X,Y asks for the paper's: ±0.1 around a point, for drawing only. Several seeds
average the noise in the terms. The error bars of a single term are too short; see the notebooks.`,
		Example: `  darkfield likelihood --checkpoint runs/first --map universe/Maps_Mcdm_FastPM_LH_z=0.00.npy --index 30 --terms 0,2,5`,
		Args:    cobra.NoArgs,
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			s, err := a.surface(cmd, f)
			if err != nil {
				return err
			}
			om, s8 := s.Marginals()
			best := s.Best()
			result := map[string]any{
				"best": best, "omega_m": interval(om), "sigma_8": interval(s8), "terms": f.terms, "seeds": f.seeds,
				"grid": s.Grid, "minus_two_delta_lnl": s.MinusTwoDeltaLnL(),
			}
			return a.print(result, func(w io.Writer) {
				row(w, "parameter", "best", "68 % from", "to", "mean", "std")
				row(w, "Ω_m", om.Best, om.Low, om.High, om.Mean, om.Std)
				row(w, "σ_8", s8.Best, s8.Low, s8.High, s8.Mean, s8.Std)
				row(w)
				fmt.Fprintf(w, "terms %v, %d seeds, a grid of %d×%d; joint best fit %v\n", f.terms, f.seeds, f.grid, f.grid, best)
			})
		}),
	}
	g := cmd.Flags()
	g.StringVar(&f.checkpoint, "checkpoint", "", "a .safetensors file, or a run directory (its newest)")
	g.StringVar(&f.maps, "map", "", ".npy file of maps")
	g.IntVar(&f.index, "index", 0, "which map of the file")
	g.IntSliceVar(&f.terms, "terms", []int{0}, "terms i of the bound to sum; term i uses x_{i+1}")
	g.IntVar(&f.grid, "grid", 16, "points a side of the grid")
	g.IntVar(&f.seeds, "seeds", 1, "noise seeds to average over")
	g.IntVar(&f.batch, "batch", 20, "θ at a time")
	g.Float64SliceVar(&f.centre, "centre", nil, "Ω_m,σ_8: the paper's grid of ±0.1 around this point")
	require(cmd, "checkpoint", "map")
	return cmd
}

func interval(m likelihood.Marginal) map[string]float64 {
	return map[string]float64{"best": m.Best, "low": m.Low, "high": m.High, "mean": m.Mean, "std": m.Std}
}

// surface evaluates the sum of terms, averaged over seeds.
func (a *app) surface(cmd *cobra.Command, f likelihoodFlags) (likelihood.Surface, error) {
	var none likelihood.Surface
	if f.grid < 4 || f.seeds < 1 || len(f.terms) == 0 {
		return none, fmt.Errorf("likelihood: --grid %d, --seeds %d, --terms %v: want a grid of at least 4, a seed and a term", f.grid, f.seeds, f.terms)
	}
	e, err := openEmulator(f.checkpoint)
	if err != nil {
		return none, err
	}
	defer e.Close()
	maps, err := camels.ReadMaps(f.maps, e.Box().Side)
	if err != nil {
		return none, err
	}
	if f.index < 0 || f.index >= len(maps) {
		return none, fmt.Errorf("likelihood: --index %d, but %s holds maps 0 to %d", f.index, f.maps, len(maps)-1)
	}
	m, err := maps[f.index].Log10()
	if err != nil {
		return none, fmt.Errorf("likelihood: %s map %d: %w", f.maps, f.index, err)
	}
	grid := likelihood.WholePrior(e.Manifest().Prior, f.grid)
	if f.centre != nil {
		if len(f.centre) != 2 {
			return none, fmt.Errorf("likelihood: --centre %v, want two numbers, for example 0.3,0.8", f.centre)
		}
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
	var all []likelihood.Surface
	bar := a.progress("likelihood")
	defer bar.done()
	for seed := range f.seeds {
		score, err := e.Terms(m, terms, uint64(seed)+1, f.batch)
		if err != nil {
			return none, err
		}
		surfaces, err := likelihood.EvaluateProgress(cmd.Context(), score, grid, func(done, total int) {
			bar.at(seed*total+done, f.seeds*total, "")
		})
		if err != nil {
			return none, err
		}
		all = append(all, surfaces...)
	}
	sum := likelihood.Sum(all)
	for i := range sum.NLL {
		sum.NLL[i] /= float64(f.seeds)
	}
	return sum, nil
}
