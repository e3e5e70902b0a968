package study

import (
	"context"
	"fmt"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/likelihood"
)

// contourPoints is how many points a side splines bring a surface to before contours and marginals are taken from it.
const contourPoints = 120

// paperHalf is half the side of the paper's grid around the truth, in both parameters.
const paperHalf = 0.1

// Contours evaluates the surfaces of the paper's figure 3, first row, for one held-out simulation near the prior's centre: all of
// Terms for its first map and one noise seed, and the first of Terms for two maps and two seeds. The grid is the paper's,
// centred on the truth: for drawing only.
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
	pairs := []SeedMap{{Seed: cfg.Seed, Map: 0}, {Seed: cfg.Seed + 1, Map: 0}, {Seed: cfg.Seed, Map: other}, {Seed: cfg.Seed + 1, Map: other}}
	for i, pair := range pairs {
		terms := cfg.Terms[:1]
		if i == 0 {
			terms = cfg.Terms
		}
		surfaces, err := likelihood.EvaluateProgress(ctx, s.Terms(truth[pair.Map], asTerms(terms), pair.Seed), grid, s.report("likelihood surfaces", i, len(pairs)))
		if err != nil {
			return out, fmt.Errorf("study: simulation %d, map %d, seed %d: %w", sims[0], pair.Map, pair.Seed, err)
		}
		for j := range surfaces {
			surfaces[j] = surfaces[j].Resample(max(contourPoints, cfg.GridPoints))
		}
		if i == 0 {
			out.PerTerm = surfaces
		}
		pair.Surface = surfaces[0]
		out.SeedsMaps = append(out.SeedsMaps, pair)
	}
	out.Caption = s.caption(cfg, fmt.Sprintf("Truth %v (cross). Grid of %d×%d points centred on the truth, as in the paper: for drawing, not for inference.", out.Truth, cfg.GridPoints, cfg.GridPoints))
	return out, nil
}

func asTerms(terms []int) []diffusion.Term {
	out := make([]diffusion.Term, len(terms))
	for i, t := range terms {
		out[i] = diffusion.Term(t)
	}
	return out
}

// Inference predicts the parameters of one map (the first) of each of InferenceMaps held-out simulations from the sum
// of InferenceTerms, on a grid over the whole prior that is then refined where the likelihood is: errors and coverage may
// be taken from it.
func (s Source) Inference(ctx context.Context, cfg Config) (Inference, error) {
	return s.infer(ctx, cfg, false, func(ctx context.Context, terms likelihood.Terms, _ cosmology.Params, progress func(done, total int)) ([]likelihood.Surface, error) {
		return likelihood.Refined(ctx, terms, s.Prior, cfg.GridPoints, cfg.Refinements, progress)
	})
}

// PaperInference is Inference on the paper's grid of ±0.1 around each truth: for drawing the paper's figure only,
// because a flat likelihood would "predict" the truth.
func (s Source) PaperInference(ctx context.Context, cfg Config) (Inference, error) {
	return s.infer(ctx, cfg, true, func(ctx context.Context, terms likelihood.Terms, truth cosmology.Params, progress func(done, total int)) ([]likelihood.Surface, error) {
		return likelihood.EvaluateProgress(ctx, terms, likelihood.AroundTruth(truth, paperHalf, s.Prior, cfg.GridPoints), progress)
	})
}

type surfacesOf func(ctx context.Context, terms likelihood.Terms, truth cosmology.Params, progress func(done, total int)) ([]likelihood.Surface, error)

func (s Source) infer(ctx context.Context, cfg Config, centred bool, evaluate surfacesOf) (Inference, error) {
	out := Inference{Terms: cfg.InferenceTerms, TruthCentred: centred}
	if err := cfg.Validate(); err != nil {
		return out, err
	}
	maps, err := s.lh()
	if err != nil {
		return out, err
	}
	sims, err := s.held(cfg.InferenceMaps, cfg.SpectraPanels)
	if err != nil {
		return out, err
	}
	for i, sim := range sims {
		m, err := s.firstMap(maps, sim)
		if err != nil {
			return out, err
		}
		surfaces, err := evaluate(ctx, s.Terms(m, asTerms(cfg.InferenceTerms), cfg.Seed), maps.Params(sim), s.report("inference", i, len(sims)))
		if err != nil {
			return out, fmt.Errorf("study: inference from map 0 of simulation %d of %s: %w", sim, maps.Path(), err)
		}
		row := InferenceRow{Truth: maps.Params(sim), Simulation: sim}
		row.OmegaM, row.Sigma8 = likelihood.Sum(surfaces).Resample(max(contourPoints, cfg.GridPoints)).Marginals()
		out.Rows = append(out.Rows, row)
	}
	out.Caption = s.caption(cfg, inferenceNote(cfg, centred, len(sims)))
	return out, nil
}

func inferenceNote(cfg Config, centred bool, n int) string {
	grid := fmt.Sprintf("grid over the whole prior (%d×%d points), refined where the likelihood is", cfg.GridPoints, cfg.GridPoints)
	if centred {
		grid = fmt.Sprintf("grid of %d×%d points centred on each truth, as in the paper: for drawing, not for inference", cfg.GridPoints, cfg.GridPoints)
	}
	return fmt.Sprintf("Terms %v of the bound, one map and one noise seed for each of %d held-out parameters; %s.", cfg.InferenceTerms, n, grid)
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
