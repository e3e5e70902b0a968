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
	return held, test, unlike(maps, test, held)
}

// Tests are what a calibration is tested on.
type Tests struct {
	// Maps are simulations that neither training nor the calibration has seen; nil: the checkpoint's
	// own test simulations.
	Maps *camels.Maps
	// Groups are others of which several have the same parameters, for combined constraints; nil:
	// none.
	Groups *camels.Maps
	// Baselines, unless nil, are scored on the same test maps.
	Baselines *Baselines
}

// simulations are some of a set, of which a stage of a study has the bounds evaluated.
type simulations struct {
	stage   string
	maps    *camels.Maps
	numbers []int
	each    int // maps of each
}

// studied are the simulations of a calibration and its test.
type studied struct{ calibration, test, groups simulations }

func (s studied) all() []simulations { return []simulations{s.calibration, s.test, s.groups} }

// simulationsOf finds them, and returns an error if there are too few, or if some that are tested
// on are known.
func (l Likelihood) simulationsOf(c CalibrateConfig, tests Tests) (s studied, err error) {
	if err := l.Prior.OnlyTwo("a calibration"); err != nil {
		return s, fmt.Errorf("inference: %w", err)
	}
	sims, maps, err := l.Unseen(false)
	if err != nil {
		return s, err
	}
	s.calibration = simulations{
		"calibration", maps, atMost(sims, c.CalibrationSimulations),
		mapsPerSimulation,
	}
	if err := c.enough(len(s.calibration.numbers)); err != nil {
		return s, fmt.Errorf("inference: validation simulations of %s: %w", maps.Path(), err)
	}
	held, others, err := l.testMaps(maps, tests.Maps)
	if err != nil {
		return s, err
	}
	s.test = simulations{"test", others, atMost(held, c.TestSimulations), mapsPerSimulation}
	s.groups = simulations{"groups", tests.Groups, nil, 1}
	if tests.Groups != nil {
		s.groups.numbers = l.Within(tests.Groups, 0)
		err = unlike(maps, tests.Groups, s.groups.numbers)
	}
	return s, err
}

// CalibrationPart evaluates some of the bounds of a CalibrationStudy and keeps them in dir, in a
// file of its own: only says which, by the number of a simulation in its stage. Parts with
// different names may be evaluated at the same time, by any number of processes.
func (l Likelihood) CalibrationPart(ctx context.Context, c CalibrateConfig, tests Tests, dir,
	part string, only func(i int) bool,
) error {
	s, err := l.simulationsOf(c, tests)
	if err != nil {
		return err
	}
	for _, s := range s.all() {
		var some []int
		for i, sim := range s.numbers {
			if only(i) {
				some = append(some, sim)
			}
		}
		if _, err := l.bounds(ctx, c.Bound, s.maps, some, s.each, dir, part, s.stage,
			c.Observed.Change()); err != nil {
			return err
		}
	}
	return nil
}

// MissingBounds returns the numbers in their stages of the simulations that a CalibrationStudy has
// bounds to evaluate of, and how many simulations there are in all.
func (l Likelihood) MissingBounds(c CalibrateConfig, tests Tests, dir string) (missing []int,
	all int, err error,
) {
	s, err := l.simulationsOf(c, tests)
	if err != nil {
		return nil, 0, err
	}
	name, err := l.boundKey(c.Bound).file()
	if err != nil {
		return nil, 0, err
	}
	store := boundStore{known: map[string]Bound{}}
	if err := store.readAll(dir, name); err != nil {
		return nil, 0, err
	}
	for _, s := range s.all() {
		all += len(s.numbers)
		for i, sim := range s.numbers {
			for k := range s.each {
				m, err := l.changed(s.maps, sim, mapOf(k), c.Observed.Change())
				if err != nil {
					return nil, 0, err
				}
				if _, known := store.known[content(m)]; !known {
					missing = append(missing, i)
					break
				}
			}
		}
	}
	return missing, all, nil
}

// CalibrationStudy is the calibration of a checkpoint and its test. The calibration is fitted on
// the validation simulations of the checkpoint's data, and on no others, so that those for tests
// stay unseen. Bounds are kept in dir, so that a study killed at any moment goes on. Too few
// simulations are an error that wraps ErrTooFew, before anything is evaluated.
func (l Likelihood) CalibrationStudy(ctx context.Context, c CalibrateConfig, tests Tests,
	dir string,
) (Calibration, CoverageReport, error) {
	var cal Calibration
	var coverage CoverageReport
	s, err := l.simulationsOf(c, tests)
	if err != nil {
		return cal, coverage, err
	}
	change := c.Observed.Change()
	bounds := func(s simulations) ([]Bound, error) {
		return l.bounds(ctx, c.Bound, s.maps, s.numbers, s.each, dir, "", s.stage, change)
	}
	known, err := bounds(s.calibration)
	if err != nil {
		return cal, coverage, err
	}
	if cal, err = Calibrate(known, l.Prior, l.Checkpoint.Network, c); err != nil {
		return cal, coverage, err
	}
	unseen, err := bounds(s.test)
	if err != nil {
		return cal, coverage, err
	}
	if coverage, err = cal.CoverageReport(unseen, c); err != nil {
		return cal, coverage, err
	}
	warned, err := cal.warned(unseen)
	if err != nil {
		return cal, coverage, fmt.Errorf("inference: %w", err)
	}
	note := fmt.Sprintf("Calibrated on %d maps of %d simulations, tested on %d of %d others, %d of "+
		"which infer warns of.", cal.Maps, cal.Simulations, len(unseen), len(s.test.numbers), warned)
	if change != nil {
		note += " All maps: " + change.Name + "."
	}
	if tests.Groups != nil {
		groups, err := bounds(s.groups)
		if err != nil {
			return cal, coverage, err
		}
		if err := coverage.AddGroups(cal, groups, c); err != nil {
			return cal, coverage, err
		}
		note += fmt.Sprintf(" Maps together are of different universes with the same parameters, %d "+
			"universes in all.", len(s.groups.numbers))
	}
	if tests.Baselines != nil {
		err = l.Compare(ctx, &coverage, *tests.Baselines, unseen, s.test.maps, c)
	}
	coverage.Caption = l.boundCaption(c, note)
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

// HeldOutCoverage is a test on some held-out simulations of the data, and the bounds that it is of.
// cal may be a calibration that was made elsewhere, which knows the validation simulations: it is
// tested on the test simulations alone. nil, where there are too few simulations for one: then the
// bound is tested as it is.
func (l Likelihood) HeldOutCoverage(ctx context.Context, c CalibrateConfig, cal *Calibration,
	simulations int, dir string,
) (CoverageReport, []Bound, error) {
	sims, maps, err := l.Unseen(true)
	if err != nil {
		return CoverageReport{}, nil, err
	}
	if cal == nil {
		u := Uncalibrated(l.Checkpoint.Network, l.Prior, c.Bound)
		cal = &u
	} else if sims, maps, err = l.testMaps(maps, nil); err != nil {
		return CoverageReport{}, nil, err
	}
	sims = atMost(sims, simulations)
	bounds, err := l.Bounds(ctx, cal.Bound, maps, sims, dir, "bounds", cal.Observed.Change())
	if err != nil {
		return CoverageReport{}, nil, err
	}
	c.Bound = cal.Bound
	h, err := cal.CoverageReport(bounds, c)
	h.Caption = l.boundCaption(c, fmt.Sprintf("%d maps of %d held-out simulations.",
		len(bounds), len(sims)))
	return h, bounds, err
}
