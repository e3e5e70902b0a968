package calibration

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Config says how scores are summarised. It is plain data, never changed after Validate.
type Config struct {
	Replicates int    `json:"replicates" yaml:"replicates"` // bootstrap draws of simulations
	Bins       int    `json:"bins" yaml:"bins"`             // of the rank histograms
	Levels     int    `json:"levels" yaml:"levels"`         // of TARP's curve, from 0 to 1
	Seed       uint64 `json:"seed" yaml:"seed"`
}

// DefaultConfig returns 1000 replicates, 10 bins and 21 levels.
func DefaultConfig() Config { return Config{Replicates: 1000, Bins: 10, Levels: 21, Seed: 1} }

// Validate returns all faults at once.
func (c Config) Validate() error {
	var errs []error
	for _, f := range []struct {
		name        string
		value, want int
	}{{"Replicates", c.Replicates, 40}, {"Bins", c.Bins, 2}, {"Levels", c.Levels, 2}} {
		if f.value < f.want {
			errs = append(errs, fmt.Errorf("calibration.Config.%s = %d, want >= %d", f.name,
				f.value, f.want))
		}
	}
	return errors.Join(errs...)
}

// ParameterReport is the coverage of the posteriors of one parameter. Intervals are 95 % intervals
// over simulations.
type ParameterReport struct {
	Coverage68 Interval `json:"coverage_68"` // share of truths in the central 68 % interval
	Coverage95 Interval `json:"coverage_95"` // share of truths in the central 95 % interval
	AbsZ       Interval `json:"abs_z"`       // mean of |truth − mean|/std
	// ExpectedAbsZ is the AbsZ of calibrated posteriors: 0.80 for Gaussians, more at the prior's
	// edges.
	ExpectedAbsZ float64  `json:"expected_abs_z"`
	Bias         Interval `json:"bias"`      // mean of z, 0 for calibrated posteriors
	AbsError     Interval `json:"abs_error"` // mean of |truth − mean|
	Std          float64  `json:"std"`       // mean of the posterior's standard deviation
	Ranks        Ranks    `json:"ranks"`
}

// TARP is the expected coverage of regions around random points (Lemos et al. 2023). Calibrated
// posteriors lie on the diagonal; over-confident ones lie above it at low levels and below it at
// high levels.
type TARP struct {
	Levels   []float64  `json:"levels"`   // credibility
	Coverage []Interval `json:"coverage"` // share of maps whose truth lies within
	Ranks    Ranks      `json:"ranks"`
}

// Report is the coverage of the posteriors of many maps.
type Report struct {
	Maps        int             `json:"maps"`
	Simulations int             `json:"simulations"`
	OmegaM      ParameterReport `json:"omega_m"`
	Sigma8      ParameterReport `json:"sigma_8"`
	// HPD68 and HPD95 are the shares of truths in the regions of highest density in both parameters.
	HPD68 Interval `json:"hpd_68"`
	HPD95 Interval `json:"hpd_95"`
	TARP  TARP     `json:"tarp"`
	// LogScore is the mean of ln of the posterior density at the truth over the prior's, in nats per
	// map: information gained less the cost of over-confidence.
	LogScore Interval `json:"log_score"`
}

// Summarise computes the report of many maps. All intervals and tests are by a bootstrap over
// simulations, which needs some thirty of them. If every truth is covered, or none, an interval has
// no width. It returns an error for fewer than two simulations.
func Summarise(scores []MapScore, c Config) (Report, error) {
	if err := c.Validate(); err != nil {
		return Report{}, err
	}
	simulations := make([]int, len(scores))
	for i, s := range scores {
		simulations[i] = s.Simulation
	}
	out := Report{
		Maps:        len(scores),
		Simulations: len(slices.Compact(slices.Sorted(slices.Values(simulations)))),
	}
	if out.Simulations < 2 {
		return out, fmt.Errorf("calibration: scores from %d simulations, want at least 2, and "+
			"thirty for useful intervals", out.Simulations)
	}
	rng := func(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(c.Seed, stream)) }
	out.OmegaM = parameterReport(scores, simulations,
		func(s MapScore) ParameterScore { return s.OmegaM }, c, rng(0))
	out.Sigma8 = parameterReport(scores, simulations,
		func(s MapScore) ParameterScore { return s.Sigma8 }, c, rng(1))
	b := newBootstrap(each(scores, func(s MapScore) []float64 {
		return []float64{indicator(s.HPD <= 0.68), indicator(s.HPD <= 0.95), s.LogScore}
	}), simulations, c.Replicates, rng(2))
	out.HPD68, out.HPD95, out.LogScore = b.interval(0), b.interval(1), b.interval(2)
	out.TARP = newTARP(scores, simulations, c, rng(3))
	return out, nil
}

func parameterReport(scores []MapScore, simulations []int, of func(MapScore) ParameterScore,
	c Config, rng *rand.Rand,
) ParameterReport {
	var pit []float64
	b := newBootstrap(each(scores, func(s MapScore) []float64 {
		p := of(s)
		pit = append(pit, p.PIT)
		return []float64{
			indicator(p.PIT >= 0.16 && p.PIT <= 0.84), indicator(p.PIT >= 0.025 && p.PIT <= 0.975),
			math.Abs(p.Z), p.AbsZ, p.Z, math.Abs(p.Truth - p.Mean), p.Std,
		}
	}), simulations, c.Replicates, rng)
	return ParameterReport{
		Coverage68: b.interval(0), Coverage95: b.interval(1), AbsZ: b.interval(2),
		ExpectedAbsZ: b.mean[3], Bias: b.interval(4),
		AbsError: b.interval(5), Std: b.mean[6], Ranks: newRanks(pit, simulations, c, rng),
	}
}

func newTARP(scores []MapScore, simulations []int, c Config, rng *rand.Rand) TARP {
	var out TARP
	for k := range c.Levels {
		out.Levels = append(out.Levels, float64(k)/float64(c.Levels-1))
	}
	var shares []float64
	b := newBootstrap(each(scores, func(s MapScore) []float64 {
		shares = append(shares, s.TARP)
		row := make([]float64, c.Levels)
		for k, level := range out.Levels {
			row[k] = indicator(s.TARP <= level)
		}
		return row
	}), simulations, c.Replicates, rng)
	for k := range out.Levels {
		out.Coverage = append(out.Coverage, b.interval(k))
	}
	out.Ranks = newRanks(shares, simulations, c, rng)
	return out
}

func each(scores []MapScore, f func(MapScore) []float64) [][]float64 {
	out := make([][]float64, len(scores))
	for i, s := range scores {
		out[i] = f(s)
	}
	return out
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
