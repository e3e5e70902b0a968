package calibration

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// Kind names a family of recalibrations.
type Kind string

// The kinds that Choose compares, the simplest first.
const (
	Identity    Kind = "identity"    // nothing is changed
	Temperature Kind = "temperature" // −ln L is divided by one number
)

// Kinds returns all kinds, the simplest first.
func Kinds() []Kind { return []Kind{Identity, Temperature} }

// parameters returns how many numbers of a kind are fitted.
func (k Kind) parameters() int {
	if k == Temperature {
		return 1
	}
	return 0
}

// Recalibration divides −ln L by a temperature: L'(θ) = L(θ)^(1/Temperature). The posterior is
// normalised over the prior afterwards. It is plain data.
type Recalibration struct {
	Kind        Kind            `json:"kind"`
	Prior       cosmology.Prior `json:"prior"`
	Temperature float64         `json:"temperature"` // above 1 where posteriors were too narrow
	Maps        int             `json:"maps"`        // number of maps that it was fitted on
	Simulations int             `json:"simulations"` // number of simulations that these are from
}

// NewIdentity returns the recalibration that changes nothing.
func NewIdentity(prior cosmology.Prior) Recalibration {
	return Recalibration{Kind: Identity, Prior: prior, Temperature: 1}
}

// Validate returns all faults at once.
func (r Recalibration) Validate() error {
	var errs []error
	if !slices.Contains(Kinds(), r.Kind) {
		errs = append(errs, fmt.Errorf("calibration.Recalibration.Kind = %q, want one of %v", r.Kind,
			Kinds()))
	}
	if _, err := newLogUnits(r.Prior); err != nil {
		errs = append(errs, err)
	}
	if !(r.Temperature > 0) || math.IsInf(r.Temperature, 0) {
		errs = append(errs, fmt.Errorf("calibration.Recalibration.Temperature = %g, want finite and > 0",
			r.Temperature))
	}
	return errors.Join(errs...)
}

// Apply returns the recalibrated surface on the grid of s. It returns an error for a recalibration
// or a surface that cannot be used.
func (r Recalibration) Apply(s likelihood.Surface) (likelihood.Surface, error) {
	if err := errors.Join(r.Validate(), checkSurface(s)); err != nil {
		return likelihood.Surface{}, err
	}
	out := likelihood.Surface{Grid: s.Grid, NLL: slices.Clone(s.NLL)}
	for i := range out.NLL {
		out.NLL[i] /= r.Temperature
	}
	return out, nil
}

// ApplyAll recalibrates the surfaces of many cases. Errors name the case.
func (r Recalibration) ApplyAll(cases []Case) ([]Case, error) {
	out := make([]Case, len(cases))
	for i, c := range cases {
		s, err := r.Apply(c.Surface)
		if err != nil {
			return nil, fmt.Errorf("calibration: case %d, of simulation %d: %w", i, c.Simulation, err)
		}
		out[i] = Case{Surface: s, Truth: c.Truth, Simulation: c.Simulation}
	}
	return out, nil
}
