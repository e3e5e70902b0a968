package study

import (
	"context"
	"fmt"

	"darkfield/pkg/camels"
	"darkfield/pkg/field"
)

// CalibrationMaps are the simulations that a checkpoint's training has not seen: its validation
// set, and its test set unless that is kept for the test.
func (s Source) CalibrationMaps(withTest bool) ([]int, *camels.Maps, error) {
	maps, err := s.lh()
	if err != nil {
		return nil, nil, err
	}
	sims := s.Validation
	if withTest {
		sims = append(append([]int(nil), sims...), s.Test...)
	}
	have := s.among(maps, sims)
	if len(have) == 0 {
		return nil, nil, fmt.Errorf("study: none of the checkpoint's held-out simulations is among the "+
			"%d of %s; use the data it was trained on, or make more simulations",
			maps.Simulations(), maps.Path())
	}
	return have, maps, nil
}

// Example returns a held-out simulation near the prior's centre, and its set: what to show one
// map of.
func (s Source) Example() (sim int, maps *camels.Maps, err error) {
	sims, maps, err := s.CalibrationMaps(true)
	if err != nil {
		return 0, nil, err
	}
	return s.spread(maps, sims, 1)[0], maps, nil
}

// LogMap returns a map of a simulation as the network sees it: averaged to its pixels, in log10.
func (s Source) LogMap(maps *camels.Maps, sim, k int) (field.LogMap, error) {
	m, err := maps.Map(sim*camels.MapsPerSimulation + k)
	if err != nil {
		return field.LogMap{}, err
	}
	return s.logMap(m)
}

// among are those of the simulations that a set holds, inside the prior.
func (s Source) among(maps *camels.Maps, sims []int) []int {
	var out []int
	for _, sim := range sims {
		if sim >= 0 && sim < maps.Simulations() && s.Prior.Contains(maps.Params(sim)) {
			out = append(out, sim)
		}
	}
	return out
}

// testMaps are the simulations that a calibration is tested on: those of a set of their own, or
// the checkpoint's test simulations.
func (s Source) testMaps(maps, test *camels.Maps) ([]int, *camels.Maps, error) {
	if test == nil {
		held := s.among(maps, s.Test)
		if len(held) < 2 {
			return nil, nil, fmt.Errorf("study: %w: %d of the checkpoint's test simulations are among the "+
				"%d of %s, want at least 2, and some thirty for a test that means something; test on other "+
				"simulations", ErrTooFew, len(held), maps.Simulations(), maps.Path())
		}
		return held, maps, nil
	}
	held := s.Within(test, 0)
	if len(held) < 2 {
		return nil, nil, fmt.Errorf("study: %w: %d of the %d simulations of %s lie inside the prior, "+
			"want at least 2, and some thirty for a test that means something", ErrTooFew, len(held),
			test.Simulations(), test.Path())
	}
	sim, shared, err := sharedWith(maps, test, held)
	if err == nil && shared {
		err = fmt.Errorf("study: simulation %d of %s is also one of %s, which the network and the "+
			"calibration know; test on universes of another seed, or on the checkpoint's own test "+
			"simulations", sim, test.Path(), maps.Path())
	}
	return held, test, err
}

// CalibrationStudy is the calibration of a checkpoint and its test: bounds of the held-out
// simulations of the checkpoint's data, and of those of test, which may be nil: then the
// checkpoint's own test simulations are used, and its validation simulations alone for the
// calibration. Bounds are kept in dir. baselines, unless nil, are scored on the same test maps.
// Too few simulations are an error that wraps ErrTooFew, before anything is evaluated.
func (s Source) CalibrationStudy(ctx context.Context, c CalibrateConfig, test *camels.Maps,
	baselines *Baselines, dir string,
) (Calibration, Honesty, error) {
	var cal Calibration
	var honesty Honesty
	sims, maps, err := s.CalibrationMaps(test != nil)
	if err != nil {
		return cal, honesty, err
	}
	sims = atMost(sims, c.CalibrationSimulations)
	if err := c.enough(len(sims)); err != nil {
		return cal, honesty, fmt.Errorf("study: held-out simulations of %s: %w", maps.Path(), err)
	}
	held, others, err := s.testMaps(maps, test)
	if err != nil {
		return cal, honesty, err
	}
	held = atMost(held, c.TestSimulations)
	known, err := s.Bounds(ctx, c.Bound, maps, sims, dir, "calibration", nil)
	if err != nil {
		return cal, honesty, err
	}
	unseen, err := s.Bounds(ctx, c.Bound, others, held, dir, "test", nil)
	if err != nil {
		return cal, honesty, err
	}
	if cal, err = Calibrate(known, s.Prior, s.Network, c); err != nil {
		return cal, honesty, err
	}
	if honesty, err = cal.Honesty(unseen, c); err != nil {
		return cal, honesty, err
	}
	if baselines != nil {
		err = s.Compare(ctx, &honesty, *baselines, unseen, others, c)
	}
	honesty.Caption = s.honestyCaption(c, fmt.Sprintf("Calibrated on %d maps of %d simulations, "+
		"tested on %d of %d others.", cal.Maps, cal.Simulations, len(unseen), len(held)))
	return cal, honesty, err
}

// atMost keeps the first n; 0 keeps all.
func atMost(sims []int, n int) []int {
	if n <= 0 {
		return sims
	}
	return sims[:min(n, len(sims))]
}

// honestyCaption names data and checkpoint; no map is generated, so that the sampler says nothing.
func (s Source) honestyCaption(c CalibrateConfig, more string) string {
	s.Sampler = fmt.Sprintf("none, the bound by %d terms", len(c.Bound.Quadrature.Terms))
	return s.origin(Config{Seed: c.Seed}, "", more)
}

// HeldOutHonesty is a test on the held-out simulations that the data have, up to a number, and
// the bounds that it is of. cal may be a calibration that was made elsewhere; nil, where there
// are too few simulations for one: then the bound is tested as it is.
func (s Source) HeldOutHonesty(ctx context.Context, c CalibrateConfig, cal *Calibration,
	simulations int, dir string,
) (Honesty, []Bound, error) {
	if cal == nil {
		u := Uncalibrated(s.Network, s.Prior, c.Bound)
		cal = &u
	}
	sims, maps, err := s.CalibrationMaps(true)
	if err != nil {
		return Honesty{}, nil, err
	}
	sims = sims[:min(len(sims), simulations)]
	bounds, err := s.Bounds(ctx, cal.Bound, maps, sims, dir, "bounds", nil)
	if err != nil {
		return Honesty{}, nil, err
	}
	c.Bound = cal.Bound
	h, err := cal.Honesty(bounds, c)
	h.Caption = s.honestyCaption(c, fmt.Sprintf("%d maps of %d held-out simulations.",
		len(bounds), len(sims)))
	return h, bounds, err
}
