package evaluate

import (
	"darkfield/pkg/emulator"
	"darkfield/pkg/faults"
)

// Config says how much is generated and compared. It is plain data, never changed after Validate.
type Config struct {
	Seed uint64 `json:"seed" yaml:"seed"` // of the samples
	// parameters that chi² is taken over
	ValidationParams int `json:"validation_params" yaml:"validation_params"`
	// maps generated at each
	MapsPerParam int `json:"maps_per_param" yaml:"maps_per_param"`
	// parameters shown in figures 1 and 4
	SpectraPanels int `json:"spectra_panels" yaml:"spectra_panels"`
	// maps generated at each value of the 1P set
	OnePSeeds     int                   `json:"one_p_seeds" yaml:"one_p_seeds"`
	HistogramBins int                   `json:"histogram_bins" yaml:"histogram_bins"`
	Sampling      emulator.SampleConfig `json:"sampling" yaml:"sampling"`
}

// Default returns the paper's choice: 10 validation parameters with 50 maps each, three of them
// shown, and 15 seeds for 1P.
func Default() Config {
	return Config{
		Seed: 1, ValidationParams: 10, MapsPerParam: 50, SpectraPanels: 3, OnePSeeds: 15,
		HistogramBins: 60, Sampling: emulator.DefaultSampling(),
	}
}

// Validate returns all faults at once.
func (c Config) Validate() error {
	f := faults.Of("evaluate.Config")
	f.Want(c.ValidationParams >= 1, "ValidationParams", c.ValidationParams, ">= 1")
	f.Want(c.MapsPerParam >= 2, "MapsPerParam", c.MapsPerParam, ">= 2: a standard deviation needs "+
		"two maps")
	f.Want(c.SpectraPanels >= 1 && c.SpectraPanels <= 5, "SpectraPanels", c.SpectraPanels,
		"1 to 5 panels side by side")
	f.Want(c.OnePSeeds >= 2, "OnePSeeds", c.OnePSeeds, ">= 2: a standard deviation needs two maps")
	f.Want(c.HistogramBins >= 2, "HistogramBins", c.HistogramBins, ">= 2")
	f.Add(c.Sampling.Validate())
	return f.Err()
}
