package inference

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/calibration"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/faults"
	"darkfield/pkg/field"
	"darkfield/pkg/likelihood"
)

// BoundConfig says from what of the bound the parameters of a map are inferred.
type BoundConfig struct {
	// terms, and how many each one stands for
	Quadrature diffusion.Quadrature `json:"quadrature"`
	// of noise, averaged over; see Quadrature.Draws
	Seeds         int                      `json:"seeds"`
	Interpolation likelihood.Interpolation `json:"interpolation"` // over the prior
}

// DefaultBound returns nine terms that stand for the whole bound, each with one antithetic pair of
// fixed-amplitude noise in an orientation of its own, and 28 parameters: 504 evaluations of the
// network. Of 64² maps the mean of a posterior is then within a twentieth of its width of that of
// polynomials through 91 parameters.
func DefaultBound() BoundConfig {
	return BoundConfig{
		Quadrature: diffusion.Paper().Quadrature(0, 9), Seeds: 1,
		Interpolation: likelihood.Interpolation{
			Tolerance:   likelihood.DefaultInterpolation().Tolerance,
			Evaluations: 28,
		},
	}
}

// Chunk is how many pairs of parameters and noise go through the network at a time: a sixth of
// those of DefaultBound.
const Chunk = 84

// Validate returns all faults at once.
func (c BoundConfig) Validate() error {
	f := faults.Of("inference.BoundConfig")
	n := len(c.Quadrature.Terms)
	f.Want(n > 0 && n == len(c.Quadrature.Weights), "Quadrature", c.Quadrature,
		"at least one term, and a weight for each")
	f.Want(c.Seeds >= 1, "Seeds", c.Seeds, ">= 1")
	f.Add(c.Interpolation.Validate())
	return f.Err()
}

// Bound is the variational bound of one map over the prior, term by term.
type Bound struct {
	Simulation int                    `json:"simulation"`
	Map        int                    `json:"map"` // of the simulation's
	Truth      cosmology.Params       `json:"truth"`
	Terms      likelihood.Interpolant `json:"terms"` // each multiplied by how many it stands for
	Pixels     int                    `json:"pixels"`
	Moments    []float64              `json:"moments"` // of the map: see moments
	Content    string                 `json:"content"` // hash of the map's pixels
}

// BoundOf evaluates the bound of a map over the prior. progress may be nil.
func (l Likelihood) BoundOf(ctx context.Context, c BoundConfig, m field.LogMap,
	progress func(done, total int),
) (Bound, error) {
	if err := cmp.Or(c.Validate(), l.covers(c.Quadrature), l.Prior.OnlyTwo("a grid")); err != nil {
		return Bound{}, err
	}
	terms := l.overSeeds(m, c)
	in, err := likelihood.Interpolate(ctx, likelihood.Weighted(terms, c.Quadrature.Weights),
		likelihood.WholePrior(l.Prior, 2), c.Interpolation, progress)
	return Bound{Terms: in, Pixels: len(m.Values), Moments: moments(m), Content: content(m)}, err
}

// covers returns an error unless the terms of q stand for all from the first of them to the last of
// the checkpoint's variance schedule: those of a schedule of another length are other noise levels.
// Terms that each stand for themselves alone are what they are.
func (l Likelihood) covers(q diffusion.Quadrature) error {
	n := int(q.Terms[0]) + int(math.Round(floats.Sum(q.Weights)))
	if l.Steps > 0 && n != l.Steps && !slices.Equal(q.Weights, ones(len(q.Weights))) {
		return fmt.Errorf("inference: the terms of the bound stand for %d, the checkpoint's variance "+
			"schedule has %d steps: use terms of its own schedule, as `darkfield calibrate` does", n,
			l.Steps)
	}
	return nil
}

// moments returns mean and standard deviation of a map's values, which are log10, log10 of the mean
// density, and log10 of the fine structure of the map's smoothest places, which noise fills first.
func moments(m field.LogMap) []float64 {
	values := make([]float64, len(m.Values))
	for i, v := range m.Values {
		values[i] = float64(v)
	}
	mean, deviation := stat.PopMeanStdDev(values, nil)
	largest, density := floats.Max(values), 0.0
	for _, v := range values { // over the largest, for maps of a poor network overflow
		density += math.Pow(10, v-largest) / float64(len(values))
	}
	const rounding = 1e-6 // of float32 values of about 10; a constant map has no structure
	return []float64{
		mean, deviation, largest + math.Log10(density),
		math.Log10(max(field.SmoothestStructure(m), rounding)),
	}
}

// momentNames are theirs.
var momentNames = []string{
	"the mean of log10 of the pixels", "the standard deviation of log10 of the pixels",
	"log10 of the mean density", structureName,
}

// structureName is that of the moment that noise raises most.
const structureName = "log10 of the fine structure (dex) of the smoothest places"

// overSeeds returns the terms of a map, averaged over noise seeds and antithetic pairs.
func (l Likelihood) overSeeds(m field.LogMap, c BoundConfig) likelihood.Terms {
	draws := c.Quadrature.Draws(c.Seeds)
	return func(ctx context.Context, thetas []cosmology.Params) ([][]float64, error) {
		out := make([][]float64, len(thetas))
		for i := range out {
			out[i] = make([]float64, len(c.Quadrature.Terms))
		}
		for _, seed := range draws {
			values, err := l.Terms(m, c.Quadrature.Terms, seed)(ctx, thetas)
			if err != nil {
				return nil, err
			}
			for i, row := range values {
				floats.AddScaled(out[i], 1/float64(len(draws)), row)
			}
		}
		return out, nil
	}
}

// NLL returns Σ weights[k] term_k.
func (b Bound) NLL(weights []float64) likelihood.NLL {
	return likelihood.WeightedSum(b.Terms.On, weights)
}

// scored is the map with a likelihood, to be held against its truth.
func (b Bound) scored(nll likelihood.NLL) calibration.Case {
	return calibration.Case{NLL: nll, Truth: b.Truth, Simulation: b.Simulation}
}

// numbersAt returns numbers that are odd, at the best fit, where a map is not of the kind that the
// network knows: the terms, in nats a pixel, and the map's moments.
func (b Bound) numbersAt(p cosmology.Params) []float64 {
	var out []float64
	for _, t := range b.Terms.On(likelihood.Grid{
		OmegaM: []float64{p.OmegaM},
		Sigma8: []float64{p.Sigma8},
	}) {
		out = append(out, t.NLL[0]/float64(b.Pixels))
	}
	return append(out, b.Moments...)
}

// atBestNames are those of numbersAt.
func (c BoundConfig) atBestNames() []string {
	var out []string
	for _, t := range c.Quadrature.Terms {
		out = append(out, fmt.Sprintf("term %d of the bound (nats a pixel)", t))
	}
	return append(out, momentNames...)
}

// check returns an error for a bound that has not as many terms.
func (b Bound) check(terms int) error {
	point := likelihood.Grid{OmegaM: []float64{b.Truth.OmegaM}, Sigma8: []float64{b.Truth.Sigma8}}
	if n := len(b.Terms.On(point)); n != terms {
		return fmt.Errorf("inference: simulation %d, map %d: %d terms, want %d", b.Simulation,
			b.Map, n, terms)
	}
	return nil
}
