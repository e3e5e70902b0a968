package study

import (
	"context"
	"fmt"

	"darkfield/pkg/camels"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/likelihood"
)

// paperHalf is half the side of the paper's grid around the truth, in both parameters.
const paperHalf = 0.1

// Contours evaluates the surfaces of the paper's figure 3, first row, for one held-out simulation
// near the prior's centre: all of Terms for its first map and one noise seed, and the first of
// Terms for two maps and two seeds. The grid is the paper's, centred on the truth: for drawing
// only.
func (s Source) Contours(ctx context.Context, cfg Config) (Contours, error) {
	var out Contours
	if err := cfg.Validate(); err != nil {
		return out, err
	}
	maps, err := s.lh()
	if err != nil {
		return out, err
	}
	sims, err := s.held(1, 1)
	if err != nil {
		return out, err
	}
	truth, err := s.truth(maps, sims[0])
	if err != nil {
		return out, err
	}
	out = Contours{Truth: maps.Params(sims[0]), Simulation: sims[0], Terms: cfg.Terms, Seed: cfg.Seed}
	grid := likelihood.AroundTruth(out.Truth, paperHalf, s.Prior, cfg.GridPoints)
	other := len(truth) / 2 // another axis of projection, so another view of the same universe
	pairs := []SeedMap{
		{Seed: cfg.Seed, Map: 0},
		{Seed: cfg.Seed + 1, Map: 0},
		{Seed: cfg.Seed, Map: other},
		{Seed: cfg.Seed + 1, Map: other},
	}
	var found accuracy
	for i, pair := range pairs {
		terms := cfg.Terms[:1]
		if i == 0 {
			terms = cfg.Terms
		}
		in, err := likelihood.Interpolate(ctx, s.Terms(truth[pair.Map], asTerms(terms), pair.Seed), grid,
			cfg.Interpolation, s.report("likelihood surfaces", i, len(pairs)))
		if err != nil {
			return out, fmt.Errorf("study: simulation %d, map %d, seed %d: %w", sims[0], pair.Map,
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
	out.Caption = s.caption(cfg, fmt.Sprintf("Truth %v (cross). Grid of %d×%d points centred on the "+
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

// Inference predicts the parameters of one map (the first) of each of InferenceMaps held-out
// simulations from the sum of InferenceTerms, over the whole prior: errors and coverage may be
// taken from it.
func (s Source) Inference(ctx context.Context, cfg Config) (Inference, error) {
	return s.infer(ctx, cfg, false)
}

// PaperInference is Inference on the paper's grid of ±0.1 around each truth: for drawing the
// paper's figure only, because a flat likelihood would "predict" the truth.
func (s Source) PaperInference(ctx context.Context, cfg Config) (Inference, error) {
	return s.infer(ctx, cfg, true)
}

func (s Source) infer(ctx context.Context, cfg Config, centred bool) (Inference, error) {
	out := Inference{Terms: cfg.InferenceTerms, TruthCentred: centred}
	if err := cfg.Validate(); err != nil {
		return out, err
	}
	maps, sims, err := s.inferred(cfg)
	if err != nil {
		return out, err
	}
	var found accuracy
	for i, sim := range sims {
		m, err := s.firstMap(maps, sim)
		if err != nil {
			return out, err
		}
		row := InferenceRow{Truth: maps.Params(sim), Simulation: sim}
		grid := likelihood.WholePrior(s.Prior, cfg.GridPoints)
		if centred {
			grid = likelihood.AroundTruth(row.Truth, paperHalf, s.Prior, cfg.GridPoints)
		}
		terms := likelihood.Summed(s.Terms(m, asTerms(cfg.InferenceTerms), cfg.Seed))
		in, err := likelihood.Interpolate(ctx, terms, grid, cfg.Interpolation,
			s.report("inference", i, len(sims)))
		if err != nil {
			return out, fmt.Errorf("study: inference from map 0 of simulation %d of %s: %w", sim,
				maps.Path(), err)
		}
		found.add(in)
		row.OmegaM, row.Sigma8 = in.Marginals()
		if centred {
			row.OmegaM, row.Sigma8 = in.On(grid)[0].Marginals()
		}
		out.Rows = append(out.Rows, row)
	}
	out.Caption = s.caption(cfg, inferenceNote(cfg, centred, len(sims), found))
	return out, nil
}

// inferred are the held-out simulations whose first maps parameters are inferred from.
func (s Source) inferred(cfg Config) (*camels.Maps, []int, error) {
	maps, err := s.lh()
	if err != nil {
		return nil, nil, err
	}
	sims, err := s.held(cfg.InferenceMaps, cfg.SpectraPanels)
	return maps, sims, err
}

func inferenceNote(cfg Config, centred bool, n int, found accuracy) string {
	grid := "over the whole prior"
	if centred {
		grid = fmt.Sprintf("grid of %d×%d points centred on each truth, as in the paper: for drawing, "+
			"not for inference", cfg.GridPoints, cfg.GridPoints)
	}
	return fmt.Sprintf("Terms %v of the bound, one map and one noise seed for each of %d held-out "+
		"parameters; %s; %v.", cfg.InferenceTerms, n, grid, found)
}

func (s Source) firstMap(maps *camels.Maps, sim int) (field.LogMap, error) {
	m, err := maps.Map(sim * camels.MapsPerSimulation)
	if err != nil {
		return field.LogMap{}, err
	}
	out, err := s.logMap(m)
	if err != nil {
		return field.LogMap{}, fmt.Errorf("study: %s, simulation %d, map 0: %w", maps.Path(), sim, err)
	}
	return out, nil
}
