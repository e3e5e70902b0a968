package summary

import (
	"fmt"
	"math"
	"slices"
)

// BinStats are the mean and the standard deviation of curves at each bin.
type BinStats struct {
	Mean []float64
	Std  []float64 // with N − 1; NaN for one curve
	N    int       // curves
}

// Stats returns the mean and standard deviation of equally long curves at each bin. It panics on
// no curves or unequal ones.
func Stats(curves [][]float64) BinStats {
	if len(curves) == 0 {
		panic("summary: Stats of no curves")
	}
	bins, n := len(curves[0]), float64(len(curves))
	s := BinStats{Mean: make([]float64, bins), Std: make([]float64, bins), N: len(curves)}
	for _, c := range curves {
		if len(c) != bins {
			panic(fmt.Sprintf("summary: Stats of curves of %d and %d bins", bins, len(c)))
		}
		for i, v := range c {
			s.Mean[i] += v / n
		}
	}
	for i := range s.Std {
		sum := 0.0
		for _, c := range curves {
			sum += (c[i] - s.Mean[i]) * (c[i] - s.Mean[i])
		}
		s.Std[i] = math.Sqrt(sum / (n - 1))
	}
	return s
}

// ZScores returns (curve − mean)/std at each bin; ±Inf or NaN where the references do not differ.
// It panics on a curve of other bins.
func (s BinStats) ZScores(curve []float64) []float64 {
	if len(curve) != len(s.Mean) {
		panic(fmt.Sprintf("summary: ZScores of a curve of %d bins against references of %d", len(curve),
			len(s.Mean)))
	}
	out := make([]float64, len(curve))
	for i, v := range curve {
		out[i] = (v - s.Mean[i]) / s.Std[i]
	}
	return out
}

// ReducedChi2 returns the reduced chi² of a curve against the mean and standard deviation of
// reference curves.
//
//   - Normalisation: Σ_k z_k²/(n_k − 1): divided by one less than the number of bins, as in the
//     paper's figures.
//   - It is not 1 on average for a perfect emulator: see GaussianExpectation.
//   - Errors: panics on a curve of other bins than the references; one bin alone, or references
//     that agree exactly, give Inf or NaN.
//   - Source: section 2 of Mudur et al. (2023), checked against numbers of its code.
func ReducedChi2(curve []float64, reference BinStats) float64 {
	sum := 0.0
	for _, z := range reference.ZScores(curve) {
		sum += z * z
	}
	return sum / float64(len(curve)-1)
}

// LeaveOneOut returns the reduced chi² of each curve against all others: what maps of the simulator
// itself reach.
func LeaveOneOut(curves [][]float64) []float64 {
	out := make([]float64, len(curves))
	for i, c := range curves {
		out[i] = ReducedChi2(c, Stats(slices.Concat(curves[:i], curves[i+1:])))
	}
	return out
}

// GaussianExpectation returns the mean reduced chi² of a perfect emulator whose bins are
// Gaussian, against references curves of bins bins: (1 + 1/n)(n − 1)/(n − 3)·n_k/(n_k − 1). It is
// infinite for n <= 3.
func GaussianExpectation(references, bins int) float64 {
	n, k := float64(references), float64(bins)
	if references <= 3 {
		return math.Inf(1)
	}
	return (1 + 1/n) * (n - 1) / (n - 3) * k / (k - 1)
}
