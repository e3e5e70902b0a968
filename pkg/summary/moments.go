package summary

import (
	"slices"

	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/field"
)

// OnePlusDelta returns 1 + δ, the pixels of a map divided by their mean; NaN or infinite for a
// map whose mean is 0. The histogram of it is the one-point PDF of the density.
func OnePlusDelta(m field.Map) []float32 {
	mean := m.Mean()
	out := make([]float32, len(m.Values))
	for i, v := range m.Values {
		out[i] = float32(float64(v) / mean)
	}
	return out
}

// Quantiles returns for each share the least of values that at least this share of them does not
// exceed; NaN where one of them is. It panics on no values and on shares outside [0, 1].
func Quantiles(values []float32, shares ...float64) []float64 {
	sorted := widen(values)
	slices.Sort(sorted)
	out := make([]float64, len(shares))
	for i, p := range shares {
		out[i] = stat.Quantile(p, stat.Empirical, sorted, nil)
	}
	return out
}
