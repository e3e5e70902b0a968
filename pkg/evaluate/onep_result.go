package evaluate

import (
	"errors"

	"darkfield/pkg/field"
	"darkfield/pkg/report"
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
	Name          string // "Omega_m" or "sigma_8"
	Values        []float64
	Fiducial      int         // index into Values
	K             []float64   // h/Mpc
	GenSpectra    [][]float64 // [value][k], (Mpc/h)²: generated with one seed
	TrueSpectra   [][]float64 // [value][k]: the suite's first map
	TrueRatioMean [][]float64 // [value][k]: P over the fiducial P of the same map, mean over maps
	TrueRatioStd  [][]float64 // with N−1
	GenRatioMean  [][]float64 // the same for generated maps, over seeds
	GenRatioStd   [][]float64
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
		for _, c := range []struct {
			quantity string
			values   [][]float64
		}{
			{"power_generated_one_seed", r.GenSpectra},
			{"power_true_one_map", r.TrueSpectra},
			{"ratio_true_mean", r.TrueRatioMean},
			{"ratio_true_std", r.TrueRatioStd},
			{"ratio_generated_mean", r.GenRatioMean},
			{"ratio_generated_std", r.GenRatioStd},
		} {
			for v, curve := range c.values {
				for i, x := range curve {
					t.Add(r.Name, r.Values[v], v == r.Fiducial, c.quantity, r.K[i], x)
				}
			}
		}
	}
	return t.Write(path)
}
