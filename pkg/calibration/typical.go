package calibration

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

// Typical is what some number of a map, such as the bound at its best fit, is over the maps of a calibration: a map far outside is not of
// the kind that was calibrated on, and its error bars are not to be trusted.
type Typical struct {
	Values []float64 `json:"values"` // rising
}

// NewTypical returns an error for fewer than eight values, and for one that is not finite.
func NewTypical(values []float64) (Typical, error) {
	t := Typical{Values: slices.Sorted(slices.Values(values))}
	return t, t.Validate()
}

// Validate returns an error unless there are at least eight finite values that do not fall.
func (t Typical) Validate() error {
	if len(t.Values) < 8 {
		return fmt.Errorf("calibration.Typical.Values has %d values, want at least 8 to tell what is typical", len(t.Values))
	}
	for i, v := range t.Values {
		if math.IsNaN(v) || math.IsInf(v, 0) || i > 0 && v < t.Values[i-1] {
			return fmt.Errorf("calibration.Typical.Values[%d] = %g, want finite values that do not fall", i, v)
		}
	}
	return nil
}

// Typicality says where a value lies among those of the calibration.
type Typicality struct {
	Quantile float64 `json:"quantile"` // uniform for another map of the kind; never below 1/2(n + 1) nor above 1 less that
	Z        float64 `json:"z"`        // distance from the median over 1.4826 times the median distance: standard normal for Gaussian values
}

// Of returns where a value lies; NaN gives NaN. Where half of the values or more are equal, Z is 0 at them and infinite elsewhere.
func (t Typical) Of(value float64) Typicality {
	if math.IsNaN(value) {
		return Typicality{value, value}
	}
	below := sort.SearchFloat64s(t.Values, value)
	upTo := sort.Search(len(t.Values), func(i int) bool { return t.Values[i] > value })
	out := Typicality{Quantile: (float64(below+upTo)/2 + 0.5) / float64(len(t.Values)+1)}
	middle := median(t.Values)
	distances := make([]float64, len(t.Values))
	for i, v := range t.Values {
		distances[i] = math.Abs(v - middle)
	}
	slices.Sort(distances)
	if value != middle {
		out.Z = (value - middle) / (1.4826 * median(distances)) // 1.4826 is 1 over the normal quantile of 3/4
	}
	return out
}

func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
