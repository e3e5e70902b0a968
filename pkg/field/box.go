package field

import (
	"fmt"
	"math"
)

// Box is the geometry of a square map.
type Box struct {
	Side  float64 // side length in Mpc/h
	Cells int     // pixels a side
}

// CellSide returns the side of a pixel in Mpc/h.
func (b Box) CellSide() float64 { return b.Side / float64(b.Cells) }

// KFundamental returns the smallest wavenumber 2π/Side in h/Mpc.
func (b Box) KFundamental() float64 { return 2 * math.Pi / b.Side }

// KNyquist returns the largest wavenumber π·Cells/Side along an axis in h/Mpc.
func (b Box) KNyquist() float64 { return math.Pi * float64(b.Cells) / b.Side }

// Pixels returns the number of pixels of a map.
func (b Box) Pixels() int { return b.Cells * b.Cells }

// Validate returns an error unless the side is positive and finite and there is at least one pixel.
func (b Box) Validate() error {
	if !(b.Side > 0) || math.IsInf(b.Side, 0) {
		return fmt.Errorf("field.Box.Side = %g, want a finite length > 0 Mpc/h", b.Side)
	}
	if b.Cells < 1 {
		return fmt.Errorf("field.Box.Cells = %d, want >= 1", b.Cells)
	}
	return nil
}
