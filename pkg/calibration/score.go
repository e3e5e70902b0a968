package calibration

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// Case is one simulated map: the likelihood that was inferred from it and the true parameters.
type Case struct {
	NLL        likelihood.NLL // −ln L over the prior
	Truth      cosmology.Params
	Simulation int // maps with the same number are not independent
}

// ParameterScore is the posterior of one parameter beside its truth.
type ParameterScore struct {
	Truth     float64    `json:"truth"`
	Mean      float64    `json:"mean"`
	Std       float64    `json:"std"`
	Median    float64    `json:"median"`
	Central68 [2]float64 `json:"central_68"` // 0.16 and 0.84 quantiles
	Central95 [2]float64 `json:"central_95"` // 0.025 and 0.975 quantiles
	// PIT is the posterior probability below the truth, the probability integral transform: uniform
	// over maps where posteriors are calibrated.
	PIT float64 `json:"pit"`
	Z   float64 `json:"z"` // (truth − mean)/std
	// AbsZ is the mean of |Z| that the posterior itself expects: 0.798 for a Gaussian, 0.866 for a
	// flat density.
	AbsZ float64 `json:"abs_z"`
}

// MapScore is the posterior of one map beside the truth. HPD and TARP are uniform over maps where
// posteriors are calibrated.
type MapScore struct {
	Simulation int            `json:"simulation"`
	OmegaM     ParameterScore `json:"omega_m"`
	Sigma8     ParameterScore `json:"sigma_8"`
	// HPD is the posterior probability of the region in which the density is higher than at the truth.
	HPD float64 `json:"hpd"`
	// TARP is the posterior probability nearer to a random reference point than the truth is.
	TARP float64 `json:"tarp"`
	// LogScore is ln of the posterior density at the truth over that of the prior, in nats.
	LogScore float64 `json:"log_score"`
}

// ScoreAll scores the posteriors of many maps over the whole prior.
//
//   - Accuracy: a Gaussian posterior of any width has probabilities right to 0.002 and lengths to
//     0.002 of its width.
//   - Randomness: seed draws TARP's reference points, and the place of a truth among points of
//     equal density. Each map has random numbers of its own.
//   - Errors: a surface or a prior that cannot be used, a truth outside the prior; they name the
//     case.
//   - Source: Talts et al. (2018) for the PIT; Lemos et al. (2023) for TARP, with distances in
//     parameters scaled to [0, 1] over the prior.
func ScoreAll(cases []Case, prior cosmology.Prior, seed uint64) ([]MapScore, error) {
	out := make([]MapScore, len(cases))
	for i, c := range cases {
		var err error
		if out[i], err = score(c, prior, rand.New(rand.NewPCG(seed, uint64(i)+1))); err != nil {
			return nil, fmt.Errorf("calibration: case %d, of simulation %d: %w", i, c.Simulation, err)
		}
	}
	return out, nil
}

func score(c Case, prior cosmology.Prior, rng *rand.Rand) (MapScore, error) {
	out := MapScore{Simulation: c.Simulation}
	if err := errors.Join(checkPrior(prior), prior.Check(c.Truth)); err != nil {
		return out, err
	}
	d, err := newDensity(c.NLL, prior)
	if err != nil {
		return out, err
	}
	truth := valueAt(c.NLL, c.Truth)
	om, s8 := d.Marginals()
	out.OmegaM, out.Sigma8 = parameter(om, c.Truth.OmegaM), parameter(s8, c.Truth.Sigma8)
	out.HPD = d.denser(truth, rng.Float64())
	out.TARP = d.nearer(prior, c.Truth, cosmology.UnitParams{rng.Float64(), rng.Float64()})
	out.LogScore = -truth - d.lnZ // ln of the density over that of the prior
	return out, nil
}

// valueAt returns −ln L at a point.
func valueAt(nll likelihood.NLL, p cosmology.Params) float64 {
	return nll(likelihood.Grid{OmegaM: []float64{p.OmegaM}, Sigma8: []float64{p.Sigma8}}).NLL[0]
}

// Normal returns the score of a posterior of which only the mean and the standard deviation
// are known, as those of a moment network are. It is taken to be Gaussian.
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

// parameter scores the marginal density of one parameter.
func parameter(m likelihood.Marginal, truth float64) ParameterScore {
	out := ParameterScore{
		Truth: truth, Mean: m.Mean, Std: m.Std, Median: m.Quantile(0.5), PIT: m.CDF(truth),
		Central68: [2]float64{m.Low, m.High},
		Central95: [2]float64{m.Quantile(0.025), m.Quantile(0.975)},
		Z:         (truth - m.Mean) / m.Std,
	}
	for i, w := range likelihood.TrapezoidWeights(m.X) {
		out.AbsZ += math.Abs(m.X[i]-m.Mean) / m.Std * m.P[i] * w
	}
	return out
}

// denser returns the probability where −ln L is less than at the truth, plus a share of that where
// it is the same.
func (d density) denser(truth, share float64) float64 {
	const same = 1e-9 // nats; only a flat posterior has probability there
	sum := 0.0
	for k, v := range d.NLL {
		switch {
		case v < truth-same:
			sum += d.mass[k]
		case v <= truth+same:
			sum += share * d.mass[k]
		}
	}
	return math.Min(sum, 1)
}

// nearer returns the probability nearer to the reference than the truth is, in unit parameters.
func (d density) nearer(prior cosmology.Prior, truth cosmology.Params,
	reference cosmology.UnitParams,
) float64 {
	distance := func(p cosmology.Params) float64 {
		u := prior.Unit(p)
		return math.Hypot(u[0]-reference[0], u[1]-reference[1])
	}
	limit, sum, n := distance(truth), 0.0, len(d.Grid.Sigma8)
	for k, m := range d.mass {
		if distance(cosmology.Params{OmegaM: d.Grid.OmegaM[k/n], Sigma8: d.Grid.Sigma8[k%n]}) < limit {
			sum += m
		}
	}
	return math.Min(sum, 1)
}
