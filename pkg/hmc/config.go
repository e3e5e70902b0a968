package hmc

import (
	"errors"
	"fmt"
	"math"
)

// Config says how to sample. It is plain data, never changed after Validate.
type Config struct {
	Chains int `json:"chains" yaml:"chains"`
	// Warmup is the number of iterations that find the bulk, the step and the mass; they are not among
	// the draws.
	Warmup     int     `json:"warmup" yaml:"warmup"`
	Draws      int     `json:"draws" yaml:"draws"`           // per chain
	Acceptance float64 `json:"acceptance" yaml:"acceptance"` // target of the adaptation of the step
	// Path is the mean length of a trajectory in standard deviations of the posterior.
	Path     float64 `json:"path" yaml:"path"`
	MaxSteps int     `json:"max_steps" yaml:"max_steps"` // largest number of steps of a trajectory
	Seed     uint64  `json:"seed" yaml:"seed"`
}

// Default returns 4 chains of 300 + 500 iterations. On a Gaussian a path of π/2 ends at a point
// independent of its start.
func Default() Config {
	return Config{
		Chains: 4, Warmup: 300, Draws: 500, Acceptance: 0.8, Path: math.Pi / 2,
		MaxSteps: 12, Seed: 1,
	}
}

// FieldError is a field of a Config that has a value it must not have.
type FieldError struct {
	Field string
	Value any
	Want  string
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("hmc.Config.%s = %v, want %s", e.Field, e.Value, e.Want)
}

// Validate returns all faults at once, each a *FieldError.
func (c Config) Validate() error {
	var errs []error
	need := func(ok bool, field string, value any, want string) {
		if !ok {
			errs = append(errs, &FieldError{field, value, want})
		}
	}
	need(c.Chains >= 1, "Chains", c.Chains, ">= 1; R-hat is worth most with four")
	need(c.Warmup >= 50, "Warmup", c.Warmup, ">= 50: fewer iterations do not tell a mass")
	need(c.Draws >= 1, "Draws", c.Draws, ">= 1")
	need(c.Acceptance > 0 && c.Acceptance < 1, "Acceptance", c.Acceptance, "in (0, 1); 0.8 is usual")
	need(c.Path > 0 && !math.IsInf(c.Path, 0), "Path", c.Path, "> 0; π/2 is usual")
	need(c.MaxSteps >= 1, "MaxSteps", c.MaxSteps, ">= 1")
	return errors.Join(errs...)
}
