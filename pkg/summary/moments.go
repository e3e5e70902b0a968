package summary

import (
	"math"
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

// Moments describe the distribution of values: all of them, so that nothing is corrected for a
// sample.
type Moments struct {
	Mean     float64 `json:"mean"`
	Variance float64 `json:"variance"` // μ₂, the mean of (x − Mean)²; μ₃ and μ₄ likewise
	Skewness float64 `json:"skewness"` // μ₃/μ₂^(3/2); 0 for a Gaussian, NaN where all values are equal
	// μ₄/μ₂² − 3, the excess; 0 for a Gaussian, NaN where all values are equal
	Kurtosis float64 `json:"kurtosis"`
}

// MomentsOf returns the moments of values, for example of OnePlusDelta, summed in float64; NaN
// for no values.
func MomentsOf(values []float32) Moments {
	n, sum := float64(len(values)), 0.0
	for _, v := range values {
		sum += float64(v)
	}
	m := Moments{Mean: sum / n}
	var m2, m3, m4 float64
	for _, v := range values {
		d := float64(v) - m.Mean
		m2 += d * d / n
		m3 += d * d * d / n
		m4 += d * d * d * d / n
	}
	m.Variance, m.Skewness, m.Kurtosis = m2, m3/math.Pow(m2, 1.5), m4/(m2*m2)-3
	return m
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
