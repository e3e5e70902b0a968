package field

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Mask says which pixels of a map are hidden. Hidden is row-major, as the values of a Map.
type Mask struct {
	Box    Box
	Hidden []bool
}

// Disc hides the pixels whose centres lie within radius of centre (y, x), in Mpc/h; pixel (0, 0)
// lies at half a CellSide. A disc does not wrap around: what lies outside the map is cut off.
func Disc(b Box, centre [2]float64, radius float64) Mask {
	return hide(b, func(y, x float64) bool { return math.Hypot(y-centre[0], x-centre[1]) <= radius })
}

// Rectangle hides the pixels whose centres lie from low (y, x), inclusive, to high (y, x),
// exclusive, in Mpc/h.
func Rectangle(b Box, low, high [2]float64) Mask {
	return hide(b, func(y, x float64) bool {
		return low[0] <= y && y < high[0] && low[1] <= x &&
			x < high[1]
	})
}

// RandomPixels hides a share of all pixels, rounded to whole pixels, at random. It panics unless
// fraction lies in [0, 1].
func RandomPixels(b Box, fraction float64, rng *rand.Rand) Mask {
	if !(fraction >= 0 && fraction <= 1) {
		panic(fmt.Sprintf("field: RandomPixels of a share of %g, want it in [0, 1]", fraction))
	}
	m := Mask{Box: b, Hidden: make([]bool, b.Pixels())}
	for _, i := range rng.Perm(b.Pixels())[:int(math.Round(fraction*float64(b.Pixels())))] {
		m.Hidden[i] = true
	}
	return m
}

// hide returns the mask of the pixels whose centres, in Mpc/h, are inside.
func hide(b Box, inside func(y, x float64) bool) Mask {
	m := Mask{Box: b, Hidden: make([]bool, b.Pixels())}
	at := func(i int) float64 { return (float64(i) + 0.5) * b.CellSide() }
	for i := range m.Hidden {
		m.Hidden[i] = inside(at(i/b.Cells), at(i%b.Cells))
	}
	return m
}

// Fraction returns the share of hidden pixels.
func (m Mask) Fraction() float64 {
	n := 0
	for _, h := range m.Hidden {
		if h {
			n++
		}
	}
	return float64(n) / float64(len(m.Hidden))
}

// Fill returns a copy of a log map whose hidden pixels are value, for example float32(l.Mean()).
// It panics on a map of another box.
func (m Mask) Fill(l LogMap, value float32) LogMap {
	if l.Box != m.Box {
		panic(fmt.Sprintf("field: a mask of box %+v on a map of %+v", m.Box, l.Box))
	}
	out := LogMap{Box: l.Box, Values: make([]float32, len(l.Values))}
	for i, v := range l.Values {
		if out.Values[i] = v; m.Hidden[i] {
			out.Values[i] = value
		}
	}
	return out
}
