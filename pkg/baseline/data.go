package baseline

import (
	"fmt"
	"math"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/likelihood"
)

// Labelled is a map with the parameters of its simulation.
type Labelled struct {
	Map   field.LogMap
	Theta cosmology.Params
	// Simulation is the number of the simulation. Maps of one are never on both sides of a
	// cross-validation.
	Simulation int
}

// Data are the maps to learn from, all of one box.
type Data struct {
	Train []Labelled
	// Validation decides which epoch of the network is kept; the Gaussian likelihood cross-validates
	// within Train instead.
	Validation []Labelled
}

// Moments are the mean and the standard deviation of a posterior, parameter by parameter, in the
// parameters' own units.
type Moments struct {
	Mean, Std cosmology.Params
}

// NLL is −ln L of the Gaussian with these moments, without correlation, where the prior does not
// cut it.
func (m Moments) NLL(g likelihood.Grid) likelihood.Surface {
	out := likelihood.Surface{Grid: g}
	for _, p := range g.Points() {
		z := m.Z(p)
		out.NLL = append(out.NLL, (z.OmegaM*z.OmegaM+z.Sigma8*z.Sigma8)/2)
	}
	return out
}

// Z returns how many standard deviations the mean lies above the truth, parameter by parameter.
func (m Moments) Z(truth cosmology.Params) cosmology.Params {
	return cosmology.Params{
		OmegaM: (m.Mean.OmegaM - truth.OmegaM) / m.Std.OmegaM,
		Sigma8: (m.Mean.Sigma8 - truth.Sigma8) / m.Std.Sigma8,
	}
}

// check returns an error unless the maps fit box and hold numbers, and their parameters lie in
// the prior.
func check(name string, maps []Labelled, box field.Box, prior cosmology.Prior) error {
	for i, m := range maps {
		if err := checkMap(m.Map, box); err != nil {
			return fmt.Errorf("baseline: %s[%d]: %w", name, i, err)
		}
		if err := prior.Check(m.Theta); err != nil {
			return fmt.Errorf("baseline: %s[%d]: %w", name, i, err)
		}
	}
	return nil
}

// checkMap returns an error unless m lies in box and all its pixels are finite.
func checkMap(m field.LogMap, box field.Box) error {
	if m.Box != box {
		return fmt.Errorf("a map of %d pixels and %g Mpc/h a side, want %d and %g as in training: "+
			"average it down first, or train on such maps", m.Box.Cells, m.Box.Side, box.Cells, box.Side)
	}
	if len(m.Values) != box.Pixels() {
		return fmt.Errorf("a map of %d values, want %d", len(m.Values), box.Pixels())
	}
	for i, v := range m.Values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("log10 of pixel (y=%d, x=%d) is %g, want a finite number", i/box.Cells,
				i%box.Cells, v)
		}
	}
	return nil
}
