package study

import (
	"context"
	"fmt"

	"darkfield/pkg/calibration"
	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// CalibrateConfig says how posteriors are made honest and how that is tested.
type CalibrateConfig struct {
	Bound  BoundConfig        `json:"bound"`
	Report calibration.Config `json:"report"`
	Folds  int                `json:"folds"` // of the cross-validation that chooses the recalibration
	Seed   uint64             `json:"seed"`
}

// DefaultCalibrate returns DefaultBound and five folds.
func DefaultCalibrate() CalibrateConfig {
	return CalibrateConfig{Bound: DefaultBound(), Report: calibration.DefaultConfig(), Folds: 5, Seed: 1}
}

// Calibrate finds, on held-out simulations that training and choices of checkpoints have not seen, what turns the bound into an honest
// posterior: a weight for each term, since a network knows some noise levels better than others, and then the simplest sufficient recalibration of
// their sum.
func Calibrate(bounds []Bound, prior cosmology.Prior, hash string, c CalibrateConfig) (Calibration, error) {
	out := Calibration{Hash: hash, Prior: prior, Bound: c.Bound, Maps: len(bounds)}
	parts := make([]calibration.Parts, len(bounds))
	simulations := map[int]bool{}
	for i, b := range bounds {
		if err := b.check(len(c.Bound.Quadrature.Terms)); err != nil {
			return out, err
		}
		parts[i] = calibration.Parts{On: b.Terms.On, Truth: b.Truth, Simulation: b.Simulation}
		simulations[b.Simulation] = true
	}
	out.Simulations = len(simulations)
	var err error
	if out.Weights, err = calibration.FitWeights(parts, prior); err != nil {
		return out, err
	}
	choice, err := calibration.Choose(out.cases(bounds), prior, nil, c.Folds, c.Seed)
	if err != nil {
		return out, err
	}
	out.Recalibration, out.Trials = choice.Recalibration, choice.Trials
	out.Typical, err = out.typical(bounds)
	return out, err
}

// cases are the posteriors before the recalibration.
func (c Calibration) cases(bounds []Bound) []calibration.Case {
	out := make([]calibration.Case, len(bounds))
	for i, b := range bounds {
		out[i] = calibration.Case{Surface: b.Surface(c.Prior, c.Weights), Truth: b.Truth, Simulation: b.Simulation}
	}
	return out
}

// typical is what the terms are at the best fits.
func (c Calibration) typical(bounds []Bound) ([]calibration.Typical, error) {
	values := make([][]float64, len(c.Weights))
	for _, b := range bounds {
		for k, v := range b.AtBest(c.Prior, c.Weights) {
			values[k] = append(values[k], v)
		}
	}
	var out []calibration.Typical
	for _, v := range values {
		t, err := calibration.NewTypical(v)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// Honesty scores posteriors of maps that the calibration has not seen: those of the paper's first term, of the whole bound as it is, with weights, and
// recalibrated.
func (c Calibration) Honesty(bounds []Bound, cfg CalibrateConfig) (Honesty, error) {
	out := Honesty{Prior: c.Prior}
	plain, first := make([]float64, len(c.Weights)), make([]float64, len(c.Weights))
	for k := range plain {
		plain[k] = 1
	}
	first[0] = 1
	recalibrated, err := c.Recalibration.ApplyAll(c.cases(bounds))
	if err != nil {
		return out, err
	}
	with := func(weights []float64) []calibration.Case {
		other := c
		other.Weights = weights
		return other.cases(bounds)
	}
	for _, m := range []struct {
		name  string
		cases []calibration.Case
	}{{"term 0", with(first)}, {"whole bound", with(plain)}, {"weighted", with(c.Weights)}, {Calibrated, recalibrated}} {
		scores, err := calibration.ScoreAll(m.cases, c.Prior, cfg.Seed)
		if err != nil {
			return out, fmt.Errorf("study: %s: %w", m.name, err)
		}
		if err := out.add(m.name, scores, cfg.Report); err != nil {
			return out, err
		}
	}
	return out, nil
}

// Constraint is what a map says of the parameters, by a calibration.
type Constraint struct {
	Surface        likelihood.Surface // recalibrated −ln L over the prior
	OmegaM, Sigma8 likelihood.Marginal
	Evaluations    int // of the network
	Warnings       []string
}

// Constrain returns the calibrated constraint of a map from its bound.
func (c Calibration) Constrain(b Bound) (Constraint, error) {
	s, err := c.Recalibration.Apply(b.Surface(c.Prior, c.Weights))
	if err != nil {
		return Constraint{}, err
	}
	out := Constraint{Surface: s, Evaluations: b.Terms.Evaluations * len(c.Weights) * c.Bound.Seeds}
	out.OmegaM, out.Sigma8 = s.Marginals()
	out.Warnings = c.warnings(b)
	return out, nil
}

// CalibrationMaps are the simulations that a checkpoint's training has not seen: its validation set, and its test set unless that is kept
// for the test.
func (s Source) CalibrationMaps(withTest bool) ([]int, *camels.Maps, error) {
	maps, err := s.lh()
	if err != nil {
		return nil, nil, err
	}
	sims := s.Validation
	if withTest {
		sims = append(append([]int(nil), sims...), s.Test...)
	}
	var have []int
	for _, sim := range sims {
		if sim >= 0 && sim < maps.Simulations() && s.Prior.Contains(maps.Params(sim)) {
			have = append(have, sim)
		}
	}
	if len(have) == 0 {
		return nil, nil, fmt.Errorf("study: none of the checkpoint's held-out simulations is among the %d of %s; use the data it was trained on, or make more simulations", maps.Simulations(), maps.Path())
	}
	return have, maps, nil
}

// within are the simulations of a set inside the prior.
func (s Source) within(maps *camels.Maps) []int {
	var out []int
	for sim := range maps.Simulations() {
		if s.Prior.Contains(maps.Params(sim)) {
			out = append(out, sim)
		}
	}
	return out
}

// CalibrationStudy calibrates on held-out simulations of the checkpoint's data and tests on those of test, which may be nil: then the
// checkpoint's own test simulations are used, and its validation simulations alone for the calibration. Bounds are kept in dir. baselines,
// unless nil, are scored on the same test maps.
func (s Source) CalibrationStudy(ctx context.Context, c CalibrateConfig, test *camels.Maps, baselines *Baselines, dir string) (Calibration, Honesty, error) {
	sims, maps, err := s.CalibrationMaps(test != nil)
	if err != nil {
		return Calibration{}, Honesty{}, err
	}
	held, others := s.Test, maps
	if test != nil {
		held, others = s.within(test), test
	}
	known, err := s.Bounds(ctx, c.Bound, maps, sims, dir, "calibration", nil)
	if err != nil {
		return Calibration{}, Honesty{}, err
	}
	unseen, err := s.Bounds(ctx, c.Bound, others, held, dir, "test", nil)
	if err != nil {
		return Calibration{}, Honesty{}, err
	}
	cal, err := Calibrate(known, s.Prior, s.Hash, c)
	if err != nil {
		return Calibration{}, Honesty{}, err
	}
	honesty, err := cal.Honesty(unseen, c)
	if err == nil && baselines != nil {
		err = s.Compare(ctx, &honesty, *baselines, unseen, others, c)
	}
	honesty.Caption = s.caption(Config{Seed: c.Seed}, fmt.Sprintf("Calibrated on %d maps of %d simulations, tested on %d of %d others.", cal.Maps, cal.Simulations, len(unseen), len(held)))
	return cal, honesty, err
}
