package field

import (
	"fmt"
	"math"
	"slices"
)

// Scaling maps log10 values linearly so that Min becomes −1 and Max becomes 1. The range belongs
// to a suite, is stored in the checkpoint and stays the same when the resolution changes.
type Scaling struct {
	Min float64 `json:"min" yaml:"min"`
	Max float64 `json:"max" yaml:"max"`
}

// Validate returns an error unless Min < Max and both are finite.
func (s Scaling) Validate() error {
	if !(s.Min < s.Max) || math.IsInf(s.Min, 0) || math.IsInf(s.Max, 0) {
		return fmt.Errorf("field.Scaling = [%g, %g], want finite limits with Min < Max", s.Min, s.Max)
	}
	return nil
}

// margin is what share of the range values may lie beyond its ends before they are far outside:
// true maps that training has not seen go beyond the range of those that it has, but by little.
const margin = 0.1

// Warning says that the log10 of pixels, from low to high, lie far outside the range; it is empty
// where they do not. what names the maps.
func (s Scaling) Warning(what string, low, high float64) string {
	if m := margin * (s.Max - s.Min); !(low < s.Min-m || high > s.Max+m) {
		return ""
	}
	return fmt.Sprintf("log10 of %s lies between %.3f and %.3f, far outside the range from %.3f to "+
		"%.3f that the network is trained on: they may be in another unit or of another kind, do not "+
		"trust what comes of them", what, low, high, s.Min, s.Max)
}

// Range returns the least and the largest pixel.
func (m LogMap) Range() (low, high float64) {
	return float64(slices.Min(m.Values)), float64(slices.Max(m.Values))
}

// Scale returns m scaled to [−1, 1]; values outside the range fall outside, they are not clipped.
func (s Scaling) Scale(m LogMap) ScaledMap {
	return ScaledMap{m.Box, each(m.Values, func(v float64) float64 {
		return 2*(v-s.Min)/(s.Max-s.Min) - 1
	})}
}

// Unscale is the inverse of Scale.
func (s Scaling) Unscale(m ScaledMap) LogMap {
	return LogMap{m.Box, each(m.Values, func(v float64) float64 {
		return s.Min + (v+1)/2*(s.Max-s.Min)
	})}
}
