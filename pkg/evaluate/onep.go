package evaluate

import (
	"context"
	"errors"
	"fmt"

	"darkfield/pkg/camels"
	"darkfield/pkg/field"
	"darkfield/pkg/report"
	"darkfield/pkg/summary"
)

// ErrNoOneParameter says that a suite has no 1P set, so that the response to one parameter at a
// time has no truth to be compared with.
var ErrNoOneParameter = errors.New("the suite has no 1P set")

// OneParameter holds the response of spectra to one parameter at a time (the paper's figure 2): a
// row a parameter.
type OneParameter struct {
	Rows    []Response
	Caption string
}

// Response is what changing one parameter does, the other held at its fiducial value. Entries of
// the lists follow Values.
type Response struct {
	Name        string // "Omega_m" or "sigma_8"
	Values      []float64
	Fiducial    int         // index into Values
	K           []float64   // h/Mpc
	GenSpectra  [][]float64 // [value][k], (Mpc/h)²: generated with one seed
	TrueSpectra [][]float64 // [value][k]: the suite's first map
	// [value]: P over the fiducial P of the same map, over maps and over seeds
	TrueRatios []summary.BinStats
	GenRatios  []summary.BinStats
	// generated at the least value, with the seed of FiducialField and HighField
	LowField      field.LogMap
	FiducialField field.LogMap
	HighField     field.LogMap
	Unit          string // of the maps' linear values
}

// WriteCSV writes one row for each value, wavenumber and quantity.
func (o OneParameter) WriteCSV(path string) error {
	t := report.NewTable("parameter", "value", "fiducial", "quantity", "k_h_per_mpc", "result")
	for _, r := range o.Rows {
		add := func(quantity string, of func(v int) []float64) {
			for v, value := range r.Values {
				t.Curve(r.K, of(v), r.Name, value, v == r.Fiducial, quantity)
			}
		}
		add("power_generated_one_seed", func(v int) []float64 { return r.GenSpectra[v] })
		add("power_true_one_map", func(v int) []float64 { return r.TrueSpectra[v] })
		add("ratio_true_mean", func(v int) []float64 { return r.TrueRatios[v].Mean })
		add("ratio_true_std", func(v int) []float64 { return r.TrueRatios[v].Std })
		add("ratio_generated_mean", func(v int) []float64 { return r.GenRatios[v].Mean })
		add("ratio_generated_std", func(v int) []float64 { return r.GenRatios[v].Std })
	}
	return t.Write(path)
}

// OneParameter compares how spectra respond to one parameter at a time: the 15 maps of the
// suite's 1P set, each over the map of the same place in the fiducial simulation, and OnePSeeds
// generated maps, each over the fiducial map with the same noise. It returns ErrNoOneParameter
// (wrapped) where the suite has no 1P set.
func (e Emulator) OneParameter(ctx context.Context, cfg Config) (OneParameter, error) {
	var out OneParameter
	if err := cfg.Validate(); err != nil {
		return out, err
	}
	if !e.Suite.Has(camels.OneP) {
		return out, fmt.Errorf("evaluate: %w (%s): the response to one parameter at a time cannot be "+
			"shown; it is optional", ErrNoOneParameter, e.Suite.Dir)
	}
	maps := e.Suite.Sets[camels.OneP]
	variations, err := maps.OneParameter()
	if err != nil {
		return out, err
	}
	total, done := 0, 0
	for _, v := range variations {
		total += len(v.Rows)
	}
	for _, v := range variations {
		r, err := e.response(ctx, cfg, maps, v, func(row int) func(part, whole int) {
			return e.Report("one parameter at a time", done+row, total)
		})
		if err != nil {
			return out, err
		}
		done += len(v.Rows)
		out.Rows = append(out.Rows, r)
	}
	out.Caption = e.spectraCaption(cfg, fmt.Sprintf("Ratios over %d true maps and %d seeds.",
		camels.MapsPerSimulation, cfg.OnePSeeds))
	return out, nil
}

// response measures one parameter. Values that the emulator's prior does not hold are left out.
func (e Emulator) response(ctx context.Context, cfg Config, maps *camels.Maps, v camels.Variation,
	progress func(row int) func(part, whole int),
) (Response, error) {
	r := Response{Name: v.Name, Unit: e.Suite.Description.Unit, Fiducial: -1}
	var trueP, genP [][][]float64 // [value][map][k]
	for i, row := range v.Rows {
		p := maps.Params(row)
		if !e.Prior.Contains(p) {
			continue
		}
		truth, err := e.Simulation(maps, row)
		if err != nil {
			return r, err
		}
		// The same seed for every value: only then is a ratio free of cosmic variance.
		generated, err := e.generate(ctx, p, cfg.OnePSeeds, cfg.Seed, progress(i))
		if err != nil {
			return r, err
		}
		if i == v.Fiducial {
			r.Fiducial = len(r.Values)
			r.FiducialField = generated[0]
		}
		if len(r.Values) == 0 {
			r.LowField = generated[0]
		}
		r.HighField = generated[0]
		r.Values = append(r.Values, v.Values[i])
		k, tp := e.powers(truth)
		_, gp := e.powers(generated)
		r.K = k
		trueP, genP = append(trueP, tp), append(genP, gp)
	}
	if r.Fiducial < 0 {
		return r, fmt.Errorf("evaluate: %s: the fiducial %v of %s lies outside the emulator's prior",
			maps.Path(), maps.Params(v.Rows[v.Fiducial]), v.Name)
	}
	for i := range r.Values {
		r.GenSpectra, r.TrueSpectra = append(r.GenSpectra, genP[i][0]), append(r.TrueSpectra, trueP[i][0])
		r.TrueRatios = append(r.TrueRatios, summary.Ratios(trueP[i], trueP[r.Fiducial]))
		r.GenRatios = append(r.GenRatios, summary.Ratios(genP[i], genP[r.Fiducial]))
	}
	return r, nil
}
