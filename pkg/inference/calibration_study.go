package inference

import (
	"context"
	"fmt"

	"darkfield/pkg/camels"
)

// testMaps are the simulations that a calibration is tested on: those of a set of their own, or
// the checkpoint's test simulations.
func (l Likelihood) testMaps(maps, test *camels.Maps) ([]int, *camels.Maps, error) {
	if test == nil {
		held := l.Among(maps, l.Test)
		if len(held) < 2 {
			return nil, nil, fmt.Errorf("inference: %w: %d of the checkpoint's test simulations are "+
				"among the "+
				"%d of %s, want at least 2, and some thirty for a test that means something; test on other "+
				"simulations", ErrTooFew, len(held), maps.Simulations(), maps.Path())
		}
		return held, maps, nil
	}
	held := l.Within(test, 0)
	if len(held) < 2 {
		return nil, nil,
			fmt.Errorf("inference: %w: %d of the %d simulations of %s lie inside the prior, "+
				"want at least 2, and some thirty for a test that means something", ErrTooFew, len(held),
				test.Simulations(), test.Path())
	}
	sim, shared, err := sharedWith(maps, test, held)
	if err == nil && shared {
		err = fmt.Errorf("inference: simulation %d of %s is also one of %s, which the network and the "+
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
func (l Likelihood) CalibrationStudy(ctx context.Context, c CalibrateConfig, test *camels.Maps,
	baselines *Baselines, dir string,
) (Calibration, CoverageReport, error) {
	var cal Calibration
	var coverage CoverageReport
	sims, maps, err := l.Unseen(test != nil)
	if err != nil {
		return cal, coverage, err
	}
	sims = atMost(sims, c.CalibrationSimulations)
	if err := c.enough(len(sims)); err != nil {
		return cal, coverage, fmt.Errorf("inference: held-out simulations of %s: %w", maps.Path(), err)
	}
	held, others, err := l.testMaps(maps, test)
	if err != nil {
		return cal, coverage, err
	}
	held = atMost(held, c.TestSimulations)
	known, err := l.Bounds(ctx, c.Bound, maps, sims, dir, "calibration", nil)
	if err != nil {
		return cal, coverage, err
	}
	unseen, err := l.Bounds(ctx, c.Bound, others, held, dir, "test", nil)
	if err != nil {
		return cal, coverage, err
	}
	if cal, err = Calibrate(known, l.Prior, l.Checkpoint.Network, c); err != nil {
		return cal, coverage, err
	}
	if coverage, err = cal.CoverageReport(unseen, c); err != nil {
		return cal, coverage, err
	}
	if baselines != nil {
		err = l.Compare(ctx, &coverage, *baselines, unseen, others, c)
	}
	coverage.Caption = l.boundCaption(c, fmt.Sprintf("Calibrated on %d maps of %d simulations, "+
		"tested on %d of %d others.", cal.Maps, cal.Simulations, len(unseen), len(held)))
	return cal, coverage, err
}

// atMost keeps the first n; 0 keeps all.
func atMost(sims []int, n int) []int {
	if n <= 0 {
		return sims
	}
	return sims[:min(n, len(sims))]
}

// boundCaption says by what of the bound a result was found.
func (l Likelihood) boundCaption(c CalibrateConfig, more string) string {
	return l.caption(fmt.Sprintf("%d terms of the bound", len(c.Bound.Quadrature.Terms)), c.Seed, more)
}

// HeldOutCoverage is a test on the held-out simulations that the data have, up to a number, and
// the bounds that it is of. cal may be a calibration that was made elsewhere; nil, where there
// are too few simulations for one: then the bound is tested as it is.
func (l Likelihood) HeldOutCoverage(ctx context.Context, c CalibrateConfig, cal *Calibration,
	simulations int, dir string,
) (CoverageReport, []Bound, error) {
	if cal == nil {
		u := Uncalibrated(l.Checkpoint.Network, l.Prior, c.Bound)
		cal = &u
	}
	sims, maps, err := l.Unseen(true)
	if err != nil {
		return CoverageReport{}, nil, err
	}
	sims = sims[:min(len(sims), simulations)]
	bounds, err := l.Bounds(ctx, cal.Bound, maps, sims, dir, "bounds", nil)
	if err != nil {
		return CoverageReport{}, nil, err
	}
	c.Bound = cal.Bound
	h, err := cal.CoverageReport(bounds, c)
	h.Caption = l.boundCaption(c, fmt.Sprintf("%d maps of %d held-out simulations.",
		len(bounds), len(sims)))
	return h, bounds, err
}
