package field

import (
	"fmt"
	"math/rand/v2"
)

// Symmetry is one of the 8 rotations and flips of a square: bit 2 flips along x, then bits 0 and 1
// count rotations by 90°.
type Symmetry uint8

// Symmetries is the number of rotations and flips of a square.
const Symmetries = 8

// ApplyTo writes the flipped and rotated n×n values of src to dst, which must not overlap. It
// panics on wrong lengths.
func (s Symmetry) ApplyTo(dst, src []float32, n int) {
	Augmentation{Symmetry: s}.ApplyTo(dst, src, n)
}

// source returns the pixel of the original that lands at (y, x).
func (s Symmetry) source(y, x, n int) (int, int) {
	for range s & 3 {
		y, x = x, n-1-y
	}
	if s&4 != 0 {
		x = n - 1 - x
	}
	return y, x
}

// Augmentation is a rotation or flip of a map followed by a periodic shift. A statistically
// isotropic and homogeneous field is as likely after it as before; maps that do not wrap around
// may only be rotated and flipped.
type Augmentation struct {
	Symmetry Symmetry
	// ShiftY and ShiftX, in pixels, move the content up and to the left; what leaves the map comes in
	// on the other side.
	ShiftY, ShiftX int
}

// RandomAugmentation draws one of the 8·n² augmentations of an n×n map, all equally likely.
func RandomAugmentation(rng *rand.Rand, n int) Augmentation {
	return Augmentation{Symmetry(rng.IntN(Symmetries)), rng.IntN(n), rng.IntN(n)}
}

// ApplyTo writes the augmented n×n values of src to dst, which must not overlap. It panics on
// wrong lengths.
func (a Augmentation) ApplyTo(dst, src []float32, n int) {
	if a.Symmetry >= Symmetries || len(dst) != n*n || len(src) != n*n {
		panic(fmt.Sprintf("field: %+v of %d to %d values for a side of %d", a, len(src), len(dst), n))
	}
	for y := range n {
		for x := range n {
			u, v := a.Symmetry.source(wrap(y+a.ShiftY, n), wrap(x+a.ShiftX, n), n)
			dst[y*n+x] = src[u*n+v]
		}
	}
}

// Apply returns the augmented n×n values of src.
func (a Augmentation) Apply(src []float32, n int) []float32 {
	out := make([]float32, len(src))
	a.ApplyTo(out, src, n)
	return out
}
