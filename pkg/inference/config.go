package inference

import (
	"slices"

	"darkfield/pkg/faults"
	"darkfield/pkg/likelihood"
)

// Config says how the paper's figure 3 is made. It is plain data, never changed after Validate.
type Config struct {
	Seed uint64 `json:"seed" yaml:"seed"` // of the noise in the bound
	// a side, of the paper's grids of parameters
	GridPoints int `json:"grid_points" yaml:"grid_points"`
	// between the parameters that the network is evaluated at
	Interpolation likelihood.Interpolation `json:"interpolation" yaml:"interpolation"`
	// terms L_i of the bound whose contours are shown
	Contours []int `json:"contours" yaml:"contours"`
	// terms that are summed for the predicted parameters
	Terms []int `json:"terms" yaml:"terms"`
	// validation parameters inferred, one map each
	Maps int `json:"maps" yaml:"maps"`
}

// Default returns the paper's choice: contours of seven terms, and predictions from term 0 for
// 14 maps, on 50×50 grids.
func Default() Config {
	return Config{
		Seed: 1, GridPoints: 50, Interpolation: likelihood.DefaultInterpolation(),
		Contours: []int{0, 2, 5, 8, 10, 15, 20}, Terms: []int{0}, Maps: 14,
	}
}

// Validate returns all faults at once.
func (c Config) Validate() error {
	f := faults.Of("inference.Config")
	f.Want(c.GridPoints >= 2, "GridPoints", c.GridPoints, ">= 2")
	f.Want(len(c.Contours) > 0 && slices.Min(c.Contours) >= 0, "Contours", c.Contours,
		"at least one term, none below 0")
	f.Want(len(c.Terms) > 0 && slices.Min(c.Terms) >= 0, "Terms", c.Terms,
		"at least one term, none below 0")
	f.Want(c.Maps >= 1, "Maps", c.Maps, ">= 1")
	f.Add(c.Interpolation.Validate())
	return f.Err()
}
