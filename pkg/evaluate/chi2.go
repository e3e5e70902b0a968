package evaluate

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/report"
	"darkfield/pkg/summary"
)

// Chi2 holds reduced chi² values of the spectra of log fields (the paper's figure 5): of true
// maps left out one at a time and of as many generated maps, both against the true maps but one,
// and of all generated maps against all true ones.
type Chi2 struct {
	LeaveOneOut []float64
	Generated14 []float64
	Generated15 []float64
	// mean for a perfect emulator with Gaussian spectra, from the number of reference maps and bins
	Expectation14 float64
	Expectation15 float64
	References14  int // maps in the reference of LeaveOneOut and Generated14: 14 in CAMELS
	References15  int
	Bins          int // wavenumbers
	Rows          []Chi2Row
	Caption       string
}

// Chi2Row is one validation parameter's part of a Chi2.
type Chi2Row struct {
	Params      cosmology.Params `json:"params"`
	Simulation  int              `json:"simulation"`
	LeaveOneOut Summary          `json:"leave_one_out"`
	Generated15 Summary          `json:"generated_against_all"`
}

// Summary is the mean and the median of a sample: the mean of chi² is ruled by a few bad maps, so
// the median stands beside it.
type Summary struct {
	Mean   float64 `json:"mean"`
	Median float64 `json:"median"`
	N      int     `json:"n"`
}

// WriteCSV writes one row a value.
func (c Chi2) WriteCSV(path string) error {
	t := report.NewTable("omega_m", "sigma_8", "simulation", "kind", "index", "reduced_chi2")
	for _, k := range []struct {
		kind   string
		values []float64
	}{
		{"leave_one_out", c.LeaveOneOut},
		{"generated_leave_one_out", c.Generated14},
		{"generated_all", c.Generated15},
	} {
		for i, v := range k.values {
			// every parameter has the same number of values, in the order of Rows
			r := c.Rows[i*len(c.Rows)/len(k.values)]
			t.Add(r.Params.OmegaM, r.Params.Sigma8, r.Simulation, k.kind, i%(len(k.values)/len(c.Rows)), v)
		}
	}
	return t.Write(path)
}

// Chi2 scores spectra of log fields at ValidationParams held-out parameters as the paper does:
// each true map against the others of its simulation; one generated map for each of those
// references; and all MapsPerParam generated maps against all true ones.
func (e Emulator) Chi2(ctx context.Context, cfg Config) (Chi2, error) {
	var out Chi2
	err := e.each(ctx, cfg, cfg.ValidationParams, "reduced chi²",
		func(sim int, maps *camels.Maps, truth, generated []field.LogMap) error {
			k, trueP := e.powers(truth)
			_, genP := e.powers(generated)
			left := summary.LeaveOneOut(trueP)
			var same []float64
			for i := range trueP[:min(len(trueP), len(genP))] {
				same = append(same, summary.ReducedChi2(genP[i], summary.Stats(without(trueP, i))))
			}
			var all []float64
			reference := summary.Stats(trueP)
			for _, p := range genP {
				all = append(all, summary.ReducedChi2(p, reference))
			}
			out.LeaveOneOut, out.Generated14, out.Generated15 = append(out.LeaveOneOut, left...),
				append(out.Generated14, same...), append(out.Generated15, all...)
			out.References14, out.References15, out.Bins = len(trueP)-1, len(trueP), len(k)
			out.Rows = append(out.Rows, Chi2Row{
				Params: maps.Params(sim), Simulation: sim,
				LeaveOneOut: Summarise(left), Generated15: Summarise(all),
			})
			return nil
		})
	if err != nil {
		return out, err
	}
	out.Expectation14 = summary.GaussianExpectation(out.References14, out.Bins)
	out.Expectation15 = summary.GaussianExpectation(out.References15, out.Bins)
	out.Caption = e.spectraCaption(cfg, fmt.Sprintf("%d held-out parameters.", len(out.Rows)))
	return out, nil
}

// without returns curves but the i-th.
func without(curves [][]float64, i int) [][]float64 {
	return slices.Concat(curves[:i], curves[i+1:])
}

// Summarise returns mean and median; both are NaN for no values.
func Summarise(values []float64) Summary {
	sorted := slices.Sorted(slices.Values(values))
	return Summary{Mean: stat.Mean(values, nil), Median: median(sorted), N: len(values)}
}

// median returns the middle of sorted values, the mean of the middle two for an even number and
// NaN for none.
func median(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
