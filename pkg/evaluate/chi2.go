package evaluate

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/camels"
	"darkfield/pkg/field"
	"darkfield/pkg/summary"
)

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
				LeaveOneOut: Summarise(left), Generated14: Summarise(same), Generated15: Summarise(all),
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
