package hmc

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Diagnosis summarises the draws of one parameter and their convergence.
type Diagnosis struct {
	Mean    float64 `json:"mean"`
	Std     float64 `json:"std"`
	Error   float64 `json:"error"`    // Monte Carlo standard error of Mean
	RHat    float64 `json:"r_hat"`    // above 1.01 the chains disagree: run longer
	BulkESS float64 `json:"bulk_ess"` // below 400 (100 per chain of four) RHat is unreliable
	TailESS float64 `json:"tail_ess"`
}

// Diagnose returns a Diagnosis of each parameter of draws [chain][draw][parameter]. It panics for
// no chains, fewer than four draws and chains of different lengths.
func Diagnose(draws [][][]float64) []Diagnosis {
	if len(draws) == 0 || len(draws[0]) == 0 {
		panic("hmc: Diagnose of no draws")
	}
	out := make([]Diagnosis, len(draws[0][0]))
	for k := range out {
		chains := make([][]float64, len(draws))
		for c, chain := range draws {
			for _, x := range chain {
				chains[c] = append(chains[c], x[k])
			}
		}
		all := slices.Concat(chains...)
		d := Diagnosis{RHat: RHat(chains), BulkESS: BulkESS(chains), TailESS: TailESS(chains)}
		d.Mean, d.Std = stat.MeanStdDev(all, nil)
		d.Error = d.Std / math.Sqrt(ESS(chains))
		out[k] = d
	}
	return out
}

// RHat returns the rank-normalised split R-hat of one parameter, [chain][draw]: the larger of that
// of the ranks, which compares locations, and that of the ranks of distances from the median, which
// compares scales. Chains that agree have 1. It is NaN if all draws are equal. It panics as
// Diagnose does.
//
// Source: Vehtari et al. (2021), "Rank-normalization, folding, and localization", section 4.
func RHat(chains [][]float64) float64 {
	parts := split(chains)
	all := slices.Sorted(slices.Values(slices.Concat(parts...)))
	middle := (all[(len(all)-1)/2] + all[len(all)/2]) / 2
	folded := make([][]float64, len(parts))
	for c, part := range parts {
		for _, x := range part {
			folded[c] = append(folded[c], math.Abs(x-middle))
		}
	}
	return math.Max(plainRHat(normalScores(parts)), plainRHat(normalScores(folded)))
}

// BulkESS returns the effective number of independent draws for the bulk: that of the
// rank-normalised draws.
func BulkESS(chains [][]float64) float64 { return effective(normalScores(split(chains))) }

// TailESS returns the smaller effective number of draws for the 5 % and the 95 % quantile.
func TailESS(chains [][]float64) float64 {
	parts := split(chains)
	sorted := slices.Sorted(slices.Values(slices.Concat(parts...)))
	out := math.Inf(1)
	for _, q := range []float64{0.05, 0.95} {
		out = math.Min(out, effective(below(parts, stat.Quantile(q, stat.Empirical, sorted, nil))))
	}
	return out
}

// ESS returns the effective number of independent draws for the mean.
func ESS(chains [][]float64) float64 { return effective(split(chains)) }

// split returns the first and the second half of each chain, without the middle draw of an odd
// number, so that a drift shows as a difference between halves.
func split(chains [][]float64) [][]float64 {
	if len(chains) == 0 || len(chains[0]) < 4 {
		panic("hmc: diagnostics need at least one chain of four draws")
	}
	n := len(chains[0])
	var out [][]float64
	for _, chain := range chains {
		if len(chain) != n {
			panic(fmt.Sprintf("hmc: chains of %d and %d draws", n, len(chain)))
		}
		out = append(out, chain[:n/2], chain[n-n/2:])
	}
	return out
}

// normalScores replaces draws by the normal quantiles of their ranks among all; equal draws share
// their mean rank.
func normalScores(chains [][]float64) [][]float64 {
	all := slices.Concat(chains...)
	order := make([]int, len(all))
	floats.Argsort(all, order) // all is sorted now
	scores := make([]float64, len(all))
	total := float64(len(all))
	for first := 0; first < len(all); {
		last := first
		for last+1 < len(all) && all[last+1] == all[first] {
			last++
		}
		rank := float64(first+last)/2 + 1
		for i := first; i <= last; i++ {
			scores[order[i]] = distuv.UnitNormal.Quantile((rank - 0.375) / (total + 0.25))
		}
		first = last + 1
	}
	out := make([][]float64, len(chains))
	for c, chain := range chains {
		out[c], scores = scores[:len(chain)], scores[len(chain):]
	}
	return out
}

// below returns 1 for draws up to a limit and 0 for others.
func below(chains [][]float64, limit float64) [][]float64 {
	out := make([][]float64, len(chains))
	for c, chain := range chains {
		out[c] = make([]float64, len(chain))
		for i, x := range chain {
			if x <= limit {
				out[c][i] = 1
			}
		}
	}
	return out
}

// variances returns the mean variance within chains, and the estimate of the total variance that
// includes the variance between them.
func variances(chains [][]float64) (within, whole float64) {
	n := float64(len(chains[0]))
	means := make([]float64, len(chains))
	for c, chain := range chains {
		m, v := stat.MeanVariance(chain, nil)
		means[c] = m
		within += v / float64(len(chains))
	}
	return within, within*(n-1)/n + stat.Variance(means, nil)
}

func plainRHat(chains [][]float64) float64 {
	within, whole := variances(chains)
	return math.Sqrt(whole / within)
}

// effective returns the effective number of draws from the autocorrelations of several chains,
// summed over Geyer's (1992) initial monotone sequence: pairs of neighbouring lags, while they
// are positive, none larger than the one before.
func effective(chains [][]float64) float64 {
	within, whole := variances(chains)
	if whole == 0 {
		return math.NaN()
	}
	n := len(chains[0])
	rho := func(lag int) float64 {
		if lag == 0 {
			return 1
		}
		return 1 - (within-autocovariance(chains, lag))/whole
	}
	time, least := -1.0, math.Inf(1)
	for lag := 0; lag+1 < n; lag += 2 {
		pair := rho(lag) + rho(lag+1)
		if !(pair > 0) {
			break
		}
		least = math.Min(least, pair)
		time += 2 * least
	}
	total := float64(n * len(chains))
	// The number for antithetic chains is capped at n·log10 n.
	return total / math.Max(time, 1/math.Log10(total))
}

// autocovariance returns the mean over chains. It is divided by the number of draws at any lag,
// which keeps the sequence positive definite.
func autocovariance(chains [][]float64, lag int) float64 {
	sum := 0.0
	for _, chain := range chains {
		m := stat.Mean(chain, nil)
		for i := lag; i < len(chain); i++ {
			sum += (chain[i] - m) * (chain[i-lag] - m)
		}
	}
	return sum / float64(len(chains)*len(chains[0]))
}
