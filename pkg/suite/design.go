package suite

import (
	"fmt"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats/scalar"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
)

// Universe is one simulation of a set.
type Universe struct {
	Params cosmology.Params
	Seed   uint64 // of its random phases
}

const (
	valuesOf1P = 11 // of each parameter, as in CAMELS' first 1P set: DefaultSims
	cvSize     = 27 // CAMELS' number of CV simulations
)

// DefaultSims returns CAMELS' number of simulations of a set.
func DefaultSims(set camels.Set) int {
	switch set {
	case camels.OneP:
		return 2 * valuesOf1P
	case camels.CV:
		return cvSize
	default:
		return 1000
	}
}

// Design returns the universes of a set made from a seed.
//
//   - LH: n points of a Sobol sequence over the prior, shifted by the seed, each with phases of
//     its own; simulation i is the same whatever n is, so that a set can grow.
//   - 1P: n/2 values of Ω_m, then of σ_8, evenly over the prior and all with the same phases; n/2
//     must be odd, so that the fiducial model is among them, and at least 3.
//   - CV: n times the fiducial model.
func Design(set camels.Set, n int, seed uint64) ([]Universe, error) {
	if n < 1 {
		return nil, fmt.Errorf("suite: %d simulations, want >= 1", n)
	}
	switch set {
	case camels.LH:
		return sobolDesign(n, seed), nil
	case camels.OneP:
		if n < 6 || n%4 != 2 {
			return nil, fmt.Errorf("suite: %d simulations of set 1P, want twice an odd number of values "+
				"of each parameter, the fiducial in their middle: 6, 10, …; CAMELS has %d", n, 2*valuesOf1P)
		}
		return oneParameter(n/2, seed), nil
	case camels.CV:
		return universes([]cosmology.Params{cosmology.Fiducial}, n,
			func(i int) uint64 { return phases(set, seed, i) }), nil
	}
	return nil, fmt.Errorf("suite: set %q, want LH, 1P or CV", set)
}

// Control asks for independent simulations at given parameters, with which the maps of an emulator
// can be compared.
type Control struct {
	Params []cosmology.Params `yaml:"-"` // they are in the table of the set
	Each   int                `yaml:"universes_each,omitempty"`
}

// ResponseParams returns the parameters of one realisation of a set of responses: both ends of the
// prior of one parameter at a time, and the fiducial model between them, so that the nearest
// fiducial row of a 1P table is that of the same realisation.
func ResponseParams() []cosmology.Params {
	prior, centre := cosmology.CAMELSPrior(), cosmology.Fiducial
	return []cosmology.Params{
		{OmegaM: prior.Min.OmegaM, Sigma8: centre.Sigma8},
		{OmegaM: prior.Max.OmegaM, Sigma8: centre.Sigma8},
		centre,
		{OmegaM: centre.OmegaM, Sigma8: prior.Min.Sigma8},
		{OmegaM: centre.OmegaM, Sigma8: prior.Max.Sigma8},
	}
}

// design returns the universes that a configuration asks for. A control has every parameter once
// in each realisation, with phases that no other set has. So have responses, but all parameters of
// one realisation share their phases, so that they can be compared with its fiducial model.
func (c Config) design() ([]Universe, error) {
	if c.Responses {
		return c.responses()
	}
	if len(c.Control.Params) == 0 {
		return Design(c.Set, c.Sims, c.Seed)
	}
	if c.Set != camels.LH || c.Control.Each < 1 || c.Sims != c.Control.Each*len(c.Control.Params) {
		return nil, fmt.Errorf("suite: a control of %d parameters × %d universes in %d simulations of "+
			"set %s, want as many simulations, of set LH", len(c.Control.Params), c.Control.Each,
			c.Sims, c.Set)
	}
	return universes(c.Control.Params, c.Sims,
		func(i int) uint64 { return phases("control", c.Seed, i) }), nil
}

// universes returns n universes that have some parameters in turn.
func universes(params []cosmology.Params, n int, seed func(i int) uint64) []Universe {
	out := make([]Universe, n)
	for i := range out {
		out[i] = Universe{params[i%len(params)], seed(i)}
	}
	return out
}

// responses returns the realisations of ResponseParams.
func (c Config) responses() ([]Universe, error) {
	params := ResponseParams()
	if c.Set != camels.OneP || c.Sims < 1 || c.Sims%len(params) != 0 || len(c.Control.Params) > 0 {
		return nil, fmt.Errorf("suite: responses in %d simulations of set %s, want a multiple of %d, "+
			"of set 1P, and no control", c.Sims, c.Set, len(params))
	}
	return universes(params, c.Sims,
		func(i int) uint64 { return phases("responses", c.Seed, i/len(params)) }), nil
}

// phases returns the seed of simulation i, different for every set.
func phases(set camels.Set, seed uint64, i int) uint64 {
	h := seed
	for _, c := range []byte(set) {
		h = h*0x100000001b3 + uint64(c)
	}
	return rand.New(rand.NewPCG(h, uint64(i))).Uint64()
}

// sobolDesign returns the universes of an LH set: a Sobol sequence over the prior, shifted at
// random (a digital shift by seed), so that any first part of it is spread evenly.
func sobolDesign(n int, seed uint64) []Universe {
	rng := rand.New(rand.NewPCG(seed, 0x736f626f6c))
	shift := [2]uint32{rng.Uint32(), rng.Uint32()}
	out := make([]Universe, n)
	for i := range out {
		x, y := sobol(uint32(i))
		u := cosmology.UnitParams{fraction(x ^ shift[0]), fraction(y ^ shift[1])}
		out[i] = Universe{cosmology.CAMELSPrior().Params(u), phases(camels.LH, seed, i)}
	}
	return out
}

// fraction maps 32 bits to the middle of their interval in (0, 1).
func fraction(bits uint32) float64 { return (float64(bits) + 0.5) / (1 << 32) }

// sobol returns point i of the two-dimensional Sobol sequence as binary fractions: direction
// numbers of the polynomials 1 and x + 1.
func sobol(i uint32) (x, y uint32) {
	u, v := uint32(1)<<31, uint32(1)<<31
	for ; i > 0; i >>= 1 {
		if i&1 == 1 {
			x ^= u
			y ^= v
		}
		u >>= 1
		v ^= v >> 1
	}
	return x, y
}

// oneParameter returns the universes of a 1P set of so many values. Values are rounded to 1e-6, so
// that tables show 0.22 and contain the fiducial value exactly.
func oneParameter(values int, seed uint64) []Universe {
	prior, same := cosmology.CAMELSPrior(), phases(camels.OneP, seed, 0)
	value := func(low, high float64, i int) float64 {
		return scalar.Round(low+(high-low)*float64(i)/float64(values-1), 6)
	}
	out := make([]Universe, 2*values)
	for i := range values {
		omega, sigma := cosmology.Fiducial, cosmology.Fiducial
		omega.OmegaM = value(prior.Min.OmegaM, prior.Max.OmegaM, i)
		sigma.Sigma8 = value(prior.Min.Sigma8, prior.Max.Sigma8, i)
		out[i], out[values+i] = Universe{omega, same}, Universe{sigma, same}
	}
	return out
}
