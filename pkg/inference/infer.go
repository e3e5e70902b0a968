package inference

import (
	"cmp"
	"context"
	"fmt"

	"darkfield/pkg/camels"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/heldout"
	"darkfield/pkg/likelihood"
)

// paperHalf is half the side of the paper's grid around the truth, in both parameters.
const paperHalf = 0.1

// Contours evaluates the surfaces of the paper's figure 3, first row, for one held-out simulation
// near the prior's centre: all terms of Contours for its first map and one noise seed, and the
// first of them for two maps and two seeds. The grid is the paper's, centred on the truth: for
// drawing only.
func (l Likelihood) Contours(ctx context.Context, cfg Config) (Contours, error) {
	var out Contours
	if err := cmp.Or(cfg.Validate(), l.Prior.OnlyTwo("a grid")); err != nil {
		return out, err
	}
	maps, err := l.Maps()
	if err != nil {
		return out, err
	}
	sims, err := l.Choose(1, 1)
	if err != nil {
		return out, err
	}
	truth, err := l.Simulation(maps, sims[0])
	if err != nil {
		return out, err
	}
	out = Contours{
		Truth: maps.Params(sims[0]), Simulation: sims[0], Terms: cfg.Contours,
		Seed: cfg.Seed,
	}
	grid := likelihood.AroundTruth(out.Truth, paperHalf, l.Prior, cfg.GridPoints)
	other := len(truth) / 2 // another axis of projection, so another view of the same universe
	pairs := []SeedMap{
		{Seed: cfg.Seed, Map: 0},
		{Seed: cfg.Seed + 1, Map: 0},
		{Seed: cfg.Seed, Map: other},
		{Seed: cfg.Seed + 1, Map: other},
	}
	var found accuracy
	for i, pair := range pairs {
		terms := cfg.Contours[:1]
		if i == 0 {
			terms = cfg.Contours
		}
		in, err := likelihood.Interpolate(ctx, l.Terms(truth[pair.Map], asTerms(terms), pair.Seed), grid,
			cfg.Interpolation, l.Report("likelihood surfaces", i, len(pairs)))
		if err != nil {
			return out, fmt.Errorf("inference: simulation %d, map %d, seed %d: %w", sims[0], pair.Map,
				pair.Seed, err)
		}
		found.add(in)
		surfaces := in.On(grid)
		if i == 0 {
			out.PerTerm = surfaces
		}
		pair.Surface = surfaces[0]
		out.SeedsMaps = append(out.SeedsMaps, pair)
	}
	out.Caption = l.caption("likelihood surfaces", cfg.Seed, fmt.Sprintf("Truth %v (cross). Grid of "+
		"%d×%d points centred on the "+
		"truth, as in the paper: for drawing, not for inference; %v.", out.Truth, cfg.GridPoints,
		cfg.GridPoints, found))
	return out, nil
}

func asTerms(terms []int) []diffusion.Term {
	out := make([]diffusion.Term, len(terms))
	for i, t := range terms {
		out[i] = diffusion.Term(t)
	}
	return out
}

// accuracy says how surfaces were come by: the worst of several interpolations.
type accuracy struct {
	evaluations int
	err         float64
}

func (a *accuracy) add(in likelihood.Interpolant) {
	a.evaluations, a.err = max(a.evaluations, in.Evaluations), max(a.err, in.Error)
}

func (a accuracy) String() string {
	return fmt.Sprintf("interpolated from at most %d parameters a map, −2Δln L good to %.2g",
		a.evaluations, a.err)
}

// Inference predicts the parameters of one map (the first) of each of so many held-out
// simulations from the sum of Terms, over the whole prior: errors and coverage may be
// taken from it.
func (l Likelihood) Inference(ctx context.Context, cfg Config) (Inference, error) {
	return l.infer(ctx, cfg, false)
}

// PaperInference is Inference on the paper's grid of ±0.1 around each truth: for drawing the
// paper's figure only, because a flat likelihood would "predict" the truth.
func (l Likelihood) PaperInference(ctx context.Context, cfg Config) (Inference, error) {
	return l.infer(ctx, cfg, true)
}

func (l Likelihood) infer(ctx context.Context, cfg Config, centred bool) (Inference, error) {
	out := Inference{Terms: cfg.Terms, TruthCentred: centred}
	if err := cmp.Or(cfg.Validate(), l.Prior.OnlyTwo("a grid")); err != nil {
		return out, err
	}
	maps, sims, err := inferred(l.Data, cfg)
	if err != nil {
		return out, err
	}
	var found accuracy
	for i, sim := range sims {
		m, err := l.Map(maps, sim, 0)
		if err != nil {
			return out, err
		}
		row := Prediction{Truth: maps.Params(sim), Simulation: sim}
		grid := likelihood.WholePrior(l.Prior, cfg.GridPoints)
		if centred {
			grid = likelihood.AroundTruth(row.Truth, paperHalf, l.Prior, cfg.GridPoints)
		}
		terms := likelihood.Summed(l.Terms(m, asTerms(cfg.Terms), cfg.Seed))
		in, err := likelihood.Interpolate(ctx, terms, grid, cfg.Interpolation,
			l.Report("inference", i, len(sims)))
		if err != nil {
			return out, fmt.Errorf("inference: inference from map 0 of simulation %d of %s: %w", sim,
				maps.Path(), err)
		}
		found.add(in)
		surface := in.On(grid)[0]
		if !centred {
			if surface, err = in.Resolved(); err != nil {
				return out, err
			}
		}
		row.OmegaM, row.Sigma8 = surface.Marginals()
		out.Rows = append(out.Rows, row)
	}
	out.Caption = l.caption("likelihood surfaces", cfg.Seed,
		inferenceNote(cfg, centred, len(sims), found))
	return out, nil
}

// farApart is how many of the simulations that parameters are inferred of lie far from each other.
const farApart = 3

// inferred are the held-out simulations whose first maps parameters are inferred from.
func inferred(d heldout.Data, cfg Config) (*camels.Maps, []int, error) {
	maps, err := d.Maps()
	if err != nil {
		return nil, nil, err
	}
	sims, err := d.Choose(cfg.Maps, farApart)
	return maps, sims, err
}

func inferenceNote(cfg Config, centred bool, n int, found accuracy) string {
	grid := "over the whole prior"
	if centred {
		grid = fmt.Sprintf("grid of %d×%d points centred on each truth, as in the paper: for drawing, "+
			"not for inference", cfg.GridPoints, cfg.GridPoints)
	}
	return fmt.Sprintf("Terms %v of the bound, one map and one noise seed for each of %d held-out "+
		"parameters; %s; %v.", cfg.Terms, n, grid, found)
}
