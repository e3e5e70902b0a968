package baseline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/responsefit"
)

// Choice is a pair of polynomial degrees with its cross-validated score.
type Choice struct {
	Mean, Shape int
	NLL         float64 // mean −ln L of a held-out map, in nats
}

// sample are data vectors with their parameters and simulations.
type sample struct {
	params      []cosmology.Params
	vectors     [][]float64
	simulations []int
}

func (s *sample) add(m Labelled, d []float64) {
	s.params = append(s.params, m.Theta)
	s.vectors = append(s.vectors, d)
	s.simulations = append(s.simulations, m.Simulation)
}

func (s *sample) fit(prior cosmology.Prior, c Choice) (gaussian, error) {
	g, err := fitGaussian(responsefit.Basis{Prior: prior, Degree: c.Mean},
		responsefit.Basis{Prior: prior, Degree: c.Shape}, s.params, s.vectors)
	if err != nil {
		err = fmt.Errorf("polynomials of degree %d for the mean and %d for the covariance: %w", c.Mean,
			c.Shape, err)
	}
	return g, err
}

// choose finds the degrees: first that of the mean, with a covariance of the middle degree, then
// that of the covariance. Degrees that cannot be fitted are skipped; if none can, that is the
// error.
func (l *PowerLikelihood) choose(ctx context.Context, c PowerConfig, all sample) error {
	folds, err := all.folds(c.Folds, c.Seed)
	if err != nil {
		return err
	}
	l.Chosen = Choice{Mean: slices.Min(c.MeanDegrees), NLL: math.Inf(1)}
	var failure error
	try := func(mean, shape int) error {
		err := l.try(ctx, Choice{Mean: mean, Shape: shape}, folds)
		if errors.Is(err, responsefit.ErrSingular) {
			failure, err = err, nil
		}
		return err
	}
	for _, mean := range c.MeanDegrees {
		if err := try(mean, c.ShapeDegrees[len(c.ShapeDegrees)/2]); err != nil {
			return err
		}
	}
	best := l.Chosen.Mean
	for _, shape := range c.ShapeDegrees {
		if err := try(best, shape); err != nil {
			return err
		}
	}
	if len(l.Tried) == 0 {
		return failure
	}
	return nil
}

// try cross-validates a choice that was not tried before, and keeps it if it is the best so far.
func (l *PowerLikelihood) try(ctx context.Context, c Choice, folds [][2]sample) error {
	if slices.ContainsFunc(l.Tried, func(t Choice) bool {
		return t.Mean == c.Mean && t.Shape == c.Shape
	}) {
		return nil
	}
	var err error
	if c.NLL, err = l.crossValidate(ctx, c, folds); err != nil {
		return err
	}
	l.Tried = append(l.Tried, c)
	if c.NLL < l.Chosen.NLL {
		l.Chosen = c
	}
	return nil
}

// folds divides a sample by simulation: for each fold the part to fit and the part held out.
func (s *sample) folds(n int, seed uint64) ([][2]sample, error) {
	sims := slices.Clone(s.simulations)
	slices.Sort(sims)
	sims = slices.Compact(sims)
	if len(sims) < n {
		return nil, fmt.Errorf("maps of %d simulations, want at least one for each of %d folds",
			len(sims), n)
	}
	fold := map[int]int{}
	for i, k := range rand.New(rand.NewPCG(seed, 0)).Perm(len(sims)) {
		fold[sims[k]] = i % n
	}
	out := make([][2]sample, n)
	for i, sim := range s.simulations {
		for f := range out {
			part := 0
			if fold[sim] == f {
				part = 1
			}
			out[f][part].add(Labelled{Theta: s.params[i], Simulation: sim}, s.vectors[i])
		}
	}
	return out, nil
}

// crossValidate returns the mean −ln L of the maps, each under the fit to the other folds.
func (l *PowerLikelihood) crossValidate(ctx context.Context, c Choice,
	folds [][2]sample,
) (float64, error) {
	sum, maps := 0.0, 0
	for _, f := range folds {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		g, err := f[0].fit(l.prior, c)
		if err != nil {
			return 0, err
		}
		for i, d := range f[1].vectors {
			sum += g.nll(d, f[1].params[i])
		}
		maps += len(f[1].vectors)
	}
	return sum / float64(maps), nil
}
