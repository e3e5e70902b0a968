package validation

import (
	"math"
	"slices"
)

// jackknife returns the standard error of an estimate of n things from the estimates that leave
// out one; NaN for fewer than two.
func jackknife(n int, leaving func(skip int) float64) float64 {
	if n < 2 {
		return math.NaN()
	}
	values, mean := make([]float64, n), 0.0
	for i := range values {
		values[i] = leaving(i)
		mean += values[i] / float64(n)
	}
	sum := 0.0
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum * float64(n-1) / float64(n))
}

// jackknifed returns an estimate of n things, leaving out none (−1), and its standard error.
func jackknifed(n int, leaving func(skip int) float64) (value, err float64) {
	return leaving(-1), jackknife(n, leaving)
}

// without returns all but one of things, or all for −1.
func without[T any](things []T, skip int) []T {
	if skip < 0 {
		return things
	}
	return slices.Concat(things[:skip], things[skip+1:])
}
