package calibration

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Normal returns the score of a posterior of which the mean and the standard deviation are known
// alone, taken as Gaussian: that of a moment network.
func Normal(truth, mean, std float64) ParameterScore {
	n := distuv.Normal{Mu: mean, Sigma: std}
	between := func(low, high float64) [2]float64 {
		return [2]float64{n.Quantile(low), n.Quantile(high)}
	}
	return ParameterScore{
		Truth: truth, Mean: mean, Std: std, Median: mean, Central68: between(0.16, 0.84),
		Central95: between(0.025, 0.975),
		PIT:       n.CDF(truth), Z: (truth - mean) / std, AbsZ: math.Sqrt(2 / math.Pi),
	}
}
