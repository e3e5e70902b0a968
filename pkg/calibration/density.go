package calibration

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// density is a posterior on the grid of likelihood.Resolve.
type density struct {
	likelihood.Surface
	mass []float64 // probability of each node by the trapezoidal rule; the sum is 1
	lnZ  float64   // ln of the mean of L over the prior: the evidence
}

func newDensity(nll likelihood.NLL, prior cosmology.Prior) (density, error) {
	s, err := likelihood.Resolve(nll, prior)
	if err != nil {
		return density{}, err
	}
	d := density{Surface: s, mass: make([]float64, len(s.NLL))}
	least, n := floats.Min(s.NLL), len(s.Grid.Sigma8)
	w0, w1 := likelihood.TrapezoidWeights(s.Grid.OmegaM), likelihood.TrapezoidWeights(s.Grid.Sigma8)
	for k, v := range s.NLL {
		d.mass[k] = math.Exp(least-v) * w0[k/n] * w1[k%n]
	}
	total := floats.Sum(d.mass)
	floats.Scale(1/total, d.mass)
	area := (prior.Max.OmegaM - prior.Min.OmegaM) * (prior.Max.Sigma8 - prior.Min.Sigma8)
	d.lnZ = math.Log(total/area) - least
	return d, nil
}
