package field

import (
	"fmt"
	"math"
)

// Scaling maps log10 values linearly so that Min becomes −1 and Max becomes 1. The range belongs to a suite, is stored
// in the checkpoint and stays the same when the resolution changes.
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

// Scale returns m scaled to [−1, 1]; values outside the range fall outside, they are not clipped.
func (s Scaling) Scale(m LogMap) ScaledMap {
	out := ScaledMap{Box: m.Box, Values: make([]float32, len(m.Values))}
	for i, v := range m.Values {
		out.Values[i] = float32(2*(float64(v)-s.Min)/(s.Max-s.Min) - 1)
	}
	return out
}

// Unscale is the inverse of Scale.
func (s Scaling) Unscale(m ScaledMap) LogMap {
	out := LogMap{Box: m.Box, Values: make([]float32, len(m.Values))}
	for i, v := range m.Values {
		out.Values[i] = float32(s.Min + (float64(v)+1)/2*(s.Max-s.Min))
	}
	return out
}
