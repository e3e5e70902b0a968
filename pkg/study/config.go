package study

import (
	"errors"
	"fmt"
	"slices"

	"darkfield/pkg/emulator"
	"darkfield/pkg/likelihood"
)

// Config says how much of everything a study does. It is plain data, never changed after Validate.
type Config struct {
	// of the samples and of the noise in the bound
	Seed uint64 `json:"seed" yaml:"seed"`
	// parameters that chi² is taken over
	ValidationParams int `json:"validation_params" yaml:"validation_params"`
	// maps generated at each
	MapsPerParam int `json:"maps_per_param" yaml:"maps_per_param"`
	// parameters shown in figures 1 and 4
	SpectraPanels int `json:"spectra_panels" yaml:"spectra_panels"`
	// maps generated at each value of the 1P set
	OnePSeeds     int `json:"one_p_seeds" yaml:"one_p_seeds"`
	HistogramBins int `json:"histogram_bins" yaml:"histogram_bins"`
	// a side, of the paper's grids of parameters
	GridPoints int `json:"grid_points" yaml:"grid_points"`
	// between the parameters that the network is evaluated at
	Interpolation likelihood.Interpolation `json:"interpolation" yaml:"interpolation"`
	// terms of the bound whose contours are shown
	Terms []int `json:"terms" yaml:"terms"`
	// terms that are summed for inference
	InferenceTerms []int `json:"inference_terms" yaml:"inference_terms"`
	// validation parameters inferred, one map each
	InferenceMaps int                   `json:"inference_maps" yaml:"inference_maps"`
	Sampling      emulator.SampleConfig `json:"sampling" yaml:"sampling"`
}

// Default returns the paper's study: 10 validation parameters with 50 maps each, three of them
// shown, 15 seeds for 1P, contours of seven terms, and inference from term 0 for 14 maps, on
// 50×50 grids.
func Default() Config {
	return Config{
		Seed: 1, ValidationParams: 10, MapsPerParam: 50, SpectraPanels: 3, OnePSeeds: 15,
		HistogramBins: 60,
		GridPoints:    50, Interpolation: likelihood.DefaultInterpolation(),
		Terms: []int{0, 2, 5, 8, 10, 15, 20}, InferenceTerms: []int{0}, InferenceMaps: 14,
		Sampling: emulator.DefaultSampling(),
	}
}

// FieldError is a field of a Config that has a value it must not have.
type FieldError struct {
	Field string
	Value any
	Want  string
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("study.Config.%s = %v, want %s", e.Field, e.Value, e.Want)
}

// Validate returns all faults at once: each a *FieldError, but those of Sampling and Interpolation.
func (c Config) Validate() error {
	var errs []error
	need := func(ok bool, field string, value any, want string) {
		if !ok {
			errs = append(errs, &FieldError{field, value, want})
		}
	}
	need(c.ValidationParams >= 1, "ValidationParams", c.ValidationParams, ">= 1")
	need(c.MapsPerParam >= 2, "MapsPerParam", c.MapsPerParam, ">= 2: a standard deviation needs "+
		"two maps")
	need(c.SpectraPanels >= 1 && c.SpectraPanels <= 5, "SpectraPanels", c.SpectraPanels,
		"1 to 5 panels side by side")
	need(c.OnePSeeds >= 2, "OnePSeeds", c.OnePSeeds, ">= 2: a standard deviation needs two maps")
	need(c.HistogramBins >= 2, "HistogramBins", c.HistogramBins, ">= 2")
	need(c.GridPoints >= 2, "GridPoints", c.GridPoints, ">= 2")
	need(len(c.Terms) > 0 && slices.Min(c.Terms) >= 0, "Terms", c.Terms,
		"at least one term, none below 0")
	need(len(c.InferenceTerms) > 0 && slices.Min(c.InferenceTerms) >= 0, "InferenceTerms",
		c.InferenceTerms, "at least one term, none below 0")
	need(c.InferenceMaps >= 1, "InferenceMaps", c.InferenceMaps, ">= 1")
	errs = append(errs, c.Sampling.Validate(), c.Interpolation.Validate())
	return errors.Join(errs...)
}
