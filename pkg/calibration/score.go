package calibration

import (
	"fmt"
	"math"
	"math/rand/v2"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// Case is one simulated map: what was inferred from it and what is true.
type Case struct {
	Surface    likelihood.Surface // −ln L in nats, on any grid
	Truth      cosmology.Params
	Simulation int // maps with the same number are not independent
}

// ParameterScore is the posterior of one parameter beside its truth.
type ParameterScore struct {
	Truth     float64    `json:"truth"`
	Mean      float64    `json:"mean"`
	Std       float64    `json:"std"`
	Median    float64    `json:"median"`
	Central68 [2]float64 `json:"central_68"` // 0.16 and 0.84 quantile
	Central95 [2]float64 `json:"central_95"` // 0.025 and 0.975 quantile
	// probability below the truth: uniform over maps where posteriors are honest
	PIT float64 `json:"pit"`
	Z   float64 `json:"z"` // (truth − mean)/std
	// |Z| that the posterior itself expects: 0.798 for a Gaussian, 0.866 for a flat density
	AbsZ float64 `json:"abs_z"`
}

// MapScore is the posterior of one map beside the truth.
type MapScore struct {
	Simulation int            `json:"simulation"`
	OmegaM     ParameterScore `json:"omega_m"`
	Sigma8     ParameterScore `json:"sigma_8"`
	// probability where the density is higher than at the truth: uniform where honest
	HPD float64 `json:"hpd"`
	// probability nearer to a random reference point than the truth: uniform where honest
	TARP float64 `json:"tarp"`
	// ln of the density at the truth over that of the prior, in nats
	LogScore float64 `json:"log_score"`
}

// Score scores the posterior of one map over the whole prior.
//
//   - Accuracy: a Gaussian posterior of any width down to a third of a cell has probabilities
//     right to 0.002 and lengths to 0.002 of its width.
//   - Randomness: seed draws TARP's reference point, and the place of the truth among points of
//     equal density.
//   - Errors: a surface or a prior that cannot be used, a truth outside the prior.
//   - Source: Talts et al. (2018) for the PIT; Lemos et al. (2023) for TARP, with distances in
//     parameters scaled to [0, 1] over the prior.
func Score(c Case, prior cosmology.Prior, seed uint64) (MapScore, error) {
	return score(c, prior, rand.New(rand.NewPCG(seed, 0)))
}

// ScoreAll scores many maps; each has random numbers of its own. Errors name the case.
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
	units, err := newLogUnits(prior)
	if err != nil {
		return out, err
	}
	if err := prior.Check(c.Truth); err != nil {
		return out, err
	}
	l, err := newLandscape(c.Surface, units)
	if err != nil {
		return out, err
	}
	d := newDensity(l)
	truth := l.at(units.point(c.Truth))
	out.OmegaM, out.Sigma8 = d.parameter(0, c.Truth.OmegaM), d.parameter(1, c.Truth.Sigma8)
	out.HPD = d.denser(truth, rng.Float64())
	out.TARP = d.nearer(prior, c.Truth, cosmology.UnitParams{rng.Float64(), rng.Float64()})
	out.LogScore = -truth - d.lnZ
	return out, nil
}

func (d density) parameter(axis int, truth float64) ParameterScore {
	x, p := d.x[axis], d.marginal(axis)
	cdf := make([]float64, len(x))
	for i := 1; i < len(x); i++ {
		cdf[i] = cdf[i-1] + (p[i]+p[i-1])/2*(x[i]-x[i-1])
	}
	out := ParameterScore{Truth: truth, Median: invert(x, cdf, 0.5), PIT: interpolate(x, cdf, truth)}
	out.Central68 = [2]float64{invert(x, cdf, 0.16), invert(x, cdf, 0.84)}
	out.Central95 = [2]float64{invert(x, cdf, 0.025), invert(x, cdf, 0.975)}
	for i, v := range x {
		out.Mean += v * p[i] * spacing(x, i)
	}
	for i, v := range x {
		out.Std += (v - out.Mean) * (v - out.Mean) * p[i] * spacing(x, i)
		out.AbsZ += math.Abs(v-out.Mean) * p[i] * spacing(x, i)
	}
	out.Std = math.Sqrt(out.Std)
	out.AbsZ /= out.Std
	out.Z = (truth - out.Mean) / out.Std
	return out
}

// denser returns the probability where −ln L is less than at the truth, and a share of that where
// it is the same.
func (d density) denser(truth, share float64) float64 {
	const same = 1e-9 // nats; only a flat posterior has a probability there
	sum := 0.0
	for k, v := range d.nll {
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
	limit, sum, n := distance(truth), 0.0, len(d.x[1])
	for k, m := range d.mass {
		if distance(cosmology.Params{OmegaM: d.x[0][k/n], Sigma8: d.x[1][k%n]}) < limit {
			sum += m
		}
	}
	return math.Min(sum, 1)
}

// invert returns where the rising cdf reaches q.
func invert(x, cdf []float64, q float64) float64 { return interpolate(cdf, x, q) }

// interpolate returns y at a value of the rising x, linearly between the nodes and as at the ends
// beyond them.
func interpolate(x, y []float64, at float64) float64 {
	if at <= x[0] {
		return y[0]
	}
	for i := 1; i < len(x); i++ {
		if x[i] >= at {
			return y[i-1] + (y[i]-y[i-1])*(at-x[i-1])/(x[i]-x[i-1])
		}
	}
	return y[len(y)-1]
}
