package evaluate

import (
	"context"
	"errors"
	"fmt"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/heldout"
	"darkfield/pkg/report"
	"darkfield/pkg/summary"
)

// Gallery holds maps to look at.
type Gallery struct {
	Maps    []field.LogMap
	Params  []cosmology.Params
	Titles  []string
	Unit    string // of the linear values
	Caption string
}

// WriteCSV writes a row for each map: its parameters and the moments of its log10 pixels.
func (g Gallery) WriteCSV(path string) error {
	t := report.NewTable("omega_m", "sigma_8", "log10_mean", "log10_std")
	for i, m := range g.Maps {
		mean, deviation := pixelMoments([]field.LogMap{m})
		t.Add(g.Params[i].OmegaM, g.Params[i].Sigma8, mean, deviation)
	}
	return t.Write(path)
}

func (g *Gallery) add(m field.Map, p cosmology.Params, title string) error {
	l, err := m.Log10()
	if err != nil {
		return err
	}
	g.Maps, g.Params, g.Titles = append(g.Maps, l), append(g.Params, p), append(g.Titles, title)
	return nil
}

// Examples shows the first map of n simulations of the LH set that lie far apart in the prior,
// averaged to side pixels.
func Examples(suite *camels.Suite, side, n int) (Gallery, error) {
	d := averagedTo(suite, side)
	out := Gallery{Unit: suite.Description.Unit, Caption: heldout.SuiteCaption(suite, d.Box) + "."}
	maps, err := d.Maps()
	if err != nil {
		return out, err
	}
	for sim := range maps.Simulations() {
		d.Validation = append(d.Validation, sim)
	}
	sims, err := d.Choose(n, n)
	if err != nil {
		return out, err
	}
	for _, sim := range sims {
		m, err := averaged(d, maps, sim*camels.MapsPerSimulation)
		if err != nil {
			return out, err
		}
		if err := out.add(m, maps.Params(sim), maps.Params(sim).String()); err != nil {
			return out, err
		}
	}
	return out, nil
}

// averagedTo are the maps of a suite over CAMELS' prior, at a side of so many pixels.
func averagedTo(suite *camels.Suite, side int) heldout.Data {
	return heldout.Data{
		Suite: suite, Prior: cosmology.CAMELSPrior(),
		Box: field.Box{Side: suite.Description.BoxSide, Cells: side},
	}
}

// averaged returns map i at that side.
func averaged(d heldout.Data, maps *camels.Maps, i int) (field.Map, error) {
	m, err := maps.Map(i)
	if err != nil {
		return m, err
	}
	return field.BlockAverage(m, d.Box.Cells)
}

// TrueResponse is how the power of true maps answers to one parameter, all random phases held.
type TrueResponse struct {
	Rows    []TrueResponseRow
	Gallery Gallery // low, fiducial and high value of each parameter
	KLow    float64 // h/Mpc: bounds of the modes
	KHigh   float64
	Caption string
}

// TrueResponseRow is the response at one value: the mean power of the overdensity over all maps,
// over that at the fiducial value.
type TrueResponseRow struct {
	Parameter string
	Value     float64
	Ratio     float64
}

// WriteCSV writes one row a value.
func (r TrueResponse) WriteCSV(path string) error {
	t := report.NewTable("parameter", "value", "k_low", "k_high", "power_ratio")
	for _, row := range r.Rows {
		t.Add(row.Parameter, row.Value, r.KLow, r.KHigh, row.Ratio)
	}
	return t.Write(path)
}

// Bins of the response: modes 2 < |n| <= 4 in units of the fundamental one.
const firstResponseBin, lastResponseBin = 2, 4

// Respond measures the response of a suite's 1P set at about k = 0.75 h/Mpc in CAMELS' box, or
// returns ErrNoOneParameter.
func Respond(ctx context.Context, suite *camels.Suite, side int) (TrueResponse, error) {
	d := averagedTo(suite, side)
	out := TrueResponse{
		Caption: heldout.SuiteCaption(suite, d.Box) + ".", KLow: firstResponseBin * d.Box.KFundamental(),
		KHigh: lastResponseBin * d.Box.KFundamental(),
	}
	out.Gallery = Gallery{Unit: suite.Description.Unit, Caption: out.Caption}
	if !suite.Has(camels.OneP) {
		return out, fmt.Errorf("evaluate: %s: %w", suite.Dir, ErrNoOneParameter)
	}
	maps := suite.Sets[camels.OneP]
	variations, err := maps.OneParameter()
	if err != nil {
		return out, err
	}
	for _, v := range variations {
		if err := respond(ctx, d, maps, v, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

func respond(ctx context.Context, d heldout.Data, maps *camels.Maps, v camels.Variation,
	out *TrueResponse,
) error {
	powers := make([]float64, len(v.Rows))
	for i, sim := range v.Rows {
		for slab := range camels.MapsPerSimulation {
			if err := ctx.Err(); err != nil {
				return err
			}
			m, err := averaged(d, maps, sim*camels.MapsPerSimulation+slab)
			if err != nil {
				return err
			}
			p := summary.Overdensity(m).P
			if len(p) < lastResponseBin {
				return errors.New("evaluate: maps of fewer than 8 pixels a side have no modes to measure the " +
					"response in")
			}
			for _, x := range p[firstResponseBin:lastResponseBin] {
				powers[i] += x
			}
			if show := i == 0 || i == v.Fiducial || i == len(v.Rows)-1; slab == 0 && show {
				if err := out.Gallery.add(m, maps.Params(sim), maps.Params(sim).String()); err != nil {
					return err
				}
			}
		}
	}
	for i, p := range powers {
		out.Rows = append(out.Rows, TrueResponseRow{v.Name, v.Values[i], p / powers[v.Fiducial]})
	}
	return nil
}
