package inference

import (
	"context"
	"fmt"

	"darkfield/pkg/calibration"
	"darkfield/pkg/camels"
	"darkfield/pkg/field"
)

// Robustness holds what the calibrated constraints of one checkpoint are worth on maps that are
// not quite those it was calibrated on: a method for each kind of maps.
type Robustness struct {
	CoverageReport
	Warned []int // maps of each kind that a user is warned of
	Maps   []int
}

// Kind is a kind of maps.
type Kind struct {
	Name        string
	Maps        *camels.Maps
	Simulations []int
	Change      *Change // nil: as they are
}

// Robustness scores kinds of maps with a calibration. Bounds are kept in dir.
func (l Likelihood) Robustness(ctx context.Context, c Calibration, cfg CalibrateConfig,
	kinds []Kind,
	dir string,
) (Robustness, error) {
	out := Robustness{CoverageReport: CoverageReport{Prior: c.Prior}}
	for _, kind := range kinds {
		if kind.Change == nil {
			kind.Change = c.Observed.Change()
		}
		bounds, err := l.Bounds(ctx, c.Bound, kind.Maps, kind.Simulations, dir, kind.Name, kind.Change)
		if err != nil {
			return out, err
		}
		if err := out.add(kind.Name, c, cfg, bounds); err != nil {
			return out, err
		}
	}
	out.Caption = l.boundCaption(cfg, fmt.Sprintf("Calibrated on %d maps of %d simulations, "+
		"unchanged.", c.Maps, c.Simulations))
	return out, nil
}

func (r *Robustness) add(name string, c Calibration, cfg CalibrateConfig, bounds []Bound) error {
	warned, err := c.warned(bounds)
	if err != nil {
		return fmt.Errorf("inference: %s: %w", name, err)
	}
	cases := make([]calibration.Case, len(bounds))
	for i, b := range bounds {
		cases[i] = b.scored(c.NLL(b))
	}
	r.Warned, r.Maps = append(r.Warned, warned), append(r.Maps, len(bounds))
	return r.CoverageReport.score(name, cases, cfg)
}

// warned counts the maps that a user is warned of.
func (c Calibration) warned(bounds []Bound) (n int, err error) {
	for _, b := range bounds {
		one, err := c.Constrain(b)
		if err != nil {
			return n, fmt.Errorf("simulation %d, map %d: %w", b.Simulation, b.Map, err)
		}
		if len(one.Warnings) > 0 {
			n++
		}
	}
	return n, nil
}

// Header names the columns of Rows.
func (r Robustness) Header() []string { return append(CoverageHeader(), "warned of") }

// Rows are those of CoverageReport with how many maps a user is warned of.
func (r Robustness) Rows() [][]string {
	rows := r.CoverageReport.Rows()
	for i := range rows { // three of each kind
		rows[i] = append(rows[i], fmt.Sprintf("%d of %d", r.Warned[i/3], r.Maps[i/3]))
	}
	return rows
}

// Changed are the kinds of maps that a survey of robustness begins with: n simulations of a set
// as they are, with noise and smoothed.
func Changed(maps *camels.Maps, sims []int, scaling field.Scaling, pixel float64) []Kind {
	out := []Kind{{Name: "unchanged", Maps: maps, Simulations: sims}}
	for _, o := range []Observed{
		{Noise: scaling.Dex(0.01)},
		{Noise: scaling.Dex(0.02)},
		{Noise: scaling.Dex(0.05)},
		{Beam: pixel / 2},
		{Beam: pixel},
	} {
		change := o.Change()
		out = append(out, Kind{change.Name, maps, sims, change})
	}
	return out
}
