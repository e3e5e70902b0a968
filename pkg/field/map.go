package field

import (
	"fmt"
	"math"
)

// Map is one map of linear values, as in its file: a surface density in (Msun/h)/(Mpc/h)² for
// CAMELS, an overdensity for some other suites. Values are row-major: pixel (y, x) is
// Values[y*Cells+x].
type Map struct {
	Box    Box
	Values []float32
}

// LogMap is a map of log10 values. It is a type of its own so that a linear map cannot be taken
// for it.
type LogMap struct {
	Box    Box
	Values []float32
}

// ScaledMap is a log map scaled to about [−1, 1] by a Scaling: what the network sees and makes.
type ScaledMap struct {
	Box    Box
	Values []float32
}

// NewMap returns a map of zeros.
func NewMap(b Box) Map { return Map{Box: b, Values: make([]float32, b.Pixels())} }

// Mean returns the mean of the pixels, summed in float64.
func (m Map) Mean() float64 { return mean(m.Values) }

// Mean returns the mean of the log10 pixels, summed in float64.
func (m LogMap) Mean() float64 { return mean(m.Values) }

func mean(values []float32) float64 {
	sum := 0.0
	for _, v := range values {
		sum += float64(v)
	}
	return sum / float64(len(values))
}

// PixelError says which pixel of a map has no logarithm.
type PixelError struct {
	Y, X  int
	Value float32
}

func (e *PixelError) Error() string {
	return fmt.Sprintf("pixel (y=%d, x=%d) is %g, want a finite value > 0", e.Y, e.X, e.Value)
}

// CheckPositive returns a *PixelError for the first pixel that is not finite and positive.
func (m Map) CheckPositive() error {
	for i, v := range m.Values {
		if !(v > 0) || math.IsInf(float64(v), 0) {
			return &PixelError{Y: i / m.Box.Cells, X: i % m.Box.Cells, Value: v}
		}
	}
	return nil
}

// Log10 returns the log10 of each pixel, or a *PixelError.
func (m Map) Log10() (LogMap, error) {
	if err := m.CheckPositive(); err != nil {
		return LogMap{}, err
	}
	return LogMap{m.Box, each(m.Values, math.Log10)}, nil
}

// Linear is the inverse of Map.Log10.
func (m LogMap) Linear() Map {
	return Map{m.Box, each(m.Values, func(v float64) float64 { return math.Pow(10, v) })}
}

// each returns a function of all values.
func each(values []float32, f func(v float64) float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(f(float64(v)))
	}
	return out
}

// BlockAverage returns m averaged over square blocks to cells pixels a side, which keeps the mean
// and the mass. It returns an error unless cells divides the side.
func BlockAverage(m Map, cells int) (Map, error) {
	if cells < 1 || m.Box.Cells%cells != 0 {
		return Map{}, fmt.Errorf("a map of %d pixels a side cannot be block-averaged to %d: the target "+
			"must divide the side", m.Box.Cells, cells)
	}
	f := m.Box.Cells / cells
	out := NewMap(Box{Side: m.Box.Side, Cells: cells})
	for y := range cells {
		lines := rows(m, y*f, f)
		for x := range cells {
			sum := 0.0
			for _, row := range lines {
				for _, v := range row[x*f : (x+1)*f] {
					sum += float64(v)
				}
			}
			out.Values[y*cells+x] = float32(sum / float64(f*f))
		}
	}
	return out, nil
}

// rows returns n rows of m from row y on.
func rows(m Map, y, n int) [][]float32 {
	out := make([][]float32, n)
	for i := range out {
		out[i] = m.Values[(y+i)*m.Box.Cells : (y+i+1)*m.Box.Cells]
	}
	return out
}
