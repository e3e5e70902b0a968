package summary

import (
	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/field"
)

// SmoothedSkewness returns the skewness ⟨x³⟩/⟨x²⟩^(3/2) of the pixels of a periodic map, x the
// difference from their mean, after the map has been smoothed by field.Smooth at each scale.
//
//   - values: one for each pixel of box, in any unit, in the order of field.Map.
//   - scales: standard deviations of the Gaussian in Mpc/h, from 0 to the side of the box.
//   - A Gaussian field has 0 at every scale, whatever its power spectrum. Gravity makes it
//     positive, and more so at small scales: haloes are denser than voids are empty.
//   - It is stat.Skew's estimate for a sample; NaN for fewer than three pixels.
//   - Errors: panics where field.Smooth does.
//
// Source: Bernardeau et al. (2002), Phys. Rep. 367, 1, on cumulants of the smoothed density.
func SmoothedSkewness(values []float32, box field.Box, scales []float64) []float64 {
	m := field.Map{Box: box, Values: values}
	out := make([]float64, len(scales))
	for i, scale := range scales {
		out[i] = stat.Skew(widen(field.Smooth(m, scale).Values), nil)
	}
	return out
}
