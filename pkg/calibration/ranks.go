package calibration

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
)

// Ranks is the histogram of probabilities that are uniform for calibrated posteriors, as in
// simulation-based calibration, with a test of that. A ∪ means over-confident, a ∩ under-confident,
// and a slope biased posteriors.
type Ranks struct {
	Counts   []int   `json:"counts"`   // in equal bins over [0, 1]
	Expected float64 `json:"expected"` // in each bin
	// Low and High contain 95 of 100 bins of uniform probabilities. They are wider than binomial
	// limits as far as maps of a simulation are correlated.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Distance is the Kolmogorov–Smirnov statistic: the largest distance from the uniform distribution
	// function.
	Distance float64 `json:"distance"`
	// P is the probability of at least this distance for uniform probabilities, by the bootstrap.
	P float64 `json:"p_uniform"`
}

// newRanks tests values in [0, 1]. The null distribution of the distance is that of the
// bootstrapped distribution functions from the observed one, which includes the correlation of maps
// of a simulation.
func newRanks(values []float64, simulations []int, c Config, rng *rand.Rand) Ranks {
	const levels = 100
	out := Ranks{Counts: make([]int, c.Bins), Expected: float64(len(values)) / float64(c.Bins)}
	numbers := make([][]float64, len(values))
	for i, v := range values {
		bin := min(int(v*float64(c.Bins)), c.Bins-1)
		out.Counts[bin]++
		row := make([]float64, levels+c.Bins)
		for k := range levels {
			if v <= (float64(k)+0.5)/levels {
				row[k] = 1
			}
		}
		row[levels+bin] = 1
		numbers[i] = row
	}
	b := newBootstrap(numbers, simulations, c.Replicates, rng)
	uniform := make([]float64, levels)
	for k := range uniform {
		uniform[k] = (float64(k) + 0.5) / levels
	}
	out.Distance = floats.Distance(b.mean[:levels], uniform, math.Inf(1))
	further := 1
	for _, r := range b.replicates {
		if floats.Distance(r[:levels], b.mean[:levels], math.Inf(1)) >= out.Distance {
			further++
		}
	}
	out.P = float64(further) / float64(len(b.replicates)+1)
	half := 1.96 * math.Sqrt(out.Expected*(1-1/float64(c.Bins))*b.designEffect(levels, len(values),
		simulations))
	out.Low, out.High = math.Max(0, out.Expected-half), out.Expected+half
	return out
}

// designEffect returns the ratio of the variance of the shares from number first on to that of as
// many independent maps. It lies between 1 and the number of maps per simulation.
func (b bootstrap) designEffect(first, maps int, simulations []int) float64 {
	var found, independent float64
	for k := first; k < len(b.mean); k++ {
		found += stat.Variance(b.column(k), nil)
		independent += b.mean[k] * (1 - b.mean[k]) / float64(maps)
	}
	sorted := slices.Sorted(slices.Values(simulations))
	distinct := len(slices.Compact(sorted))
	most := math.Max(1, float64(maps)/float64(distinct))
	if independent == 0 {
		return most
	}
	return clamp(found/independent, 1, most)
}
