package baseline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/faults"
	"darkfield/pkg/field"
	"darkfield/pkg/likelihood"
)

// PowerConfig says how to fit the Gaussian likelihood of power spectra.
type PowerConfig struct {
	// Bins is the largest number of bins of the power spectrum, about equal in ln k.
	Bins int `json:"bins" yaml:"bins"`
	// MeanDegrees and ShapeDegrees are the total degrees to choose from of the polynomials of the mean
	// and of the covariance; 0 is one covariance for all parameters.
	MeanDegrees  []int `json:"mean_degrees" yaml:"mean_degrees"`
	ShapeDegrees []int `json:"shape_degrees" yaml:"shape_degrees"`
	// Folds of the cross-validation by simulation that chooses the degrees.
	Folds int    `json:"folds" yaml:"folds"`
	Seed  uint64 `json:"seed" yaml:"seed"` // of the folds
}

// DefaultPower returns settings for some hundred simulations or more.
func DefaultPower() PowerConfig {
	return PowerConfig{
		Bins: 8, MeanDegrees: []int{1, 2, 3, 4}, ShapeDegrees: []int{0, 1, 2},
		Folds: 3, Seed: 1,
	}
}

// Validate returns an error that names every field that is out of range.
func (c PowerConfig) Validate() error {
	f := faults.Of("baseline.PowerConfig")
	degrees := func(d []int) bool { return len(d) > 0 && slices.Min(d) >= 0 && slices.Max(d) <= 6 }
	f.Want(c.Bins >= 1, "Bins", c.Bins, ">= 1")
	f.Want(degrees(c.MeanDegrees), "MeanDegrees", c.MeanDegrees, "at least one, each in 0 … 6")
	f.Want(degrees(c.ShapeDegrees), "ShapeDegrees", c.ShapeDegrees, "at least one, each in 0 … 6")
	f.Want(c.Folds >= 2, "Folds", c.Folds, ">= 2")
	return f.Err()
}

// PowerLikelihood is a Gaussian likelihood of a map's power spectrum and means, whose mean and
// covariance depend on the parameters. It is safe for concurrent use.
type PowerLikelihood struct {
	Chosen Choice
	Tried  []Choice

	prior    cosmology.Prior
	vector   vector
	gaussian gaussian
}

// FitPower fits the likelihood to training maps, whose parameters should fill the prior.
//
//   - Data: ln P of the log10 field in bins of k, the mean of the log10 pixels and the log10 of
//     the mean density.
//   - Degrees are chosen by the likelihood of simulations left out: first that of the mean, then
//     that of the covariance.
//   - The inverse covariance is not corrected for the factor (n − 1)/(n − p − 2) of an estimate
//     from n independent vectors of p numbers (Hartlap et al. 2007), 1.014 for n = 700 and p = 9,
//     since maps of a simulation are not independent and the regression pools all parameters.
//   - Errors: settings out of range, maps that differ in box, do not fluctuate or are not finite,
//     parameters outside the prior, too few simulations, and those of ctx.
func FitPower(ctx context.Context, c PowerConfig, prior cosmology.Prior,
	train []Labelled,
) (*PowerLikelihood, error) {
	fail := func(err error) (*PowerLikelihood, error) { return nil, fmt.Errorf("baseline: %w", err) }
	if err := c.Validate(); err != nil {
		return fail(errors.New(faults.OneLine(err)))
	}
	if prior.Min.OmegaM <= 0 || prior.Min.Sigma8 <= 0 {
		return fail(fmt.Errorf("a prior from %v, want both > 0: the polynomials are in their logarithms",
			prior.Min))
	}
	if len(train) == 0 {
		return fail(errors.New("no maps to fit the power spectrum's likelihood to"))
	}
	if train[0].Map.Box.Cells < 2 {
		return fail(fmt.Errorf("maps of %d pixels a side, want >= 2", train[0].Map.Box.Cells))
	}
	if err := check("train", train, train[0].Map.Box, prior); err != nil {
		return nil, err
	}
	l := &PowerLikelihood{prior: prior, vector: newVector(train[0].Map.Box, c.Bins)}
	var all sample
	for i, m := range train {
		d, err := l.vector.of(m.Map)
		if err != nil {
			return fail(fmt.Errorf("train[%d]: %w", i, err))
		}
		all.add(m, d)
	}
	if err := l.choose(ctx, c, all); err != nil {
		return fail(err)
	}
	var err error
	if l.gaussian, err = all.fit(prior, l.Chosen); err != nil {
		return fail(err)
	}
	return l, nil
}

// Terms returns −ln L of a map in nats, with ½ ln det and all other constants, as the only term.
// Parameters outside the prior, where the polynomials are not fitted, are an error.
func (l *PowerLikelihood) Terms(m field.LogMap) (likelihood.Terms, error) {
	d, err := l.vector.of(m)
	if err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	return func(ctx context.Context, params []cosmology.Params) ([][]float64, error) {
		out := make([][]float64, len(params))
		for i, p := range params {
			if err := errors.Join(ctx.Err(), l.prior.Check(p)); err != nil {
				return nil, fmt.Errorf("baseline: %w", err)
			}
			out[i] = []float64{l.gaussian.nll(d, p)}
		}
		return out, nil
	}, nil
}
