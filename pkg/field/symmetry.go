package field

import (
	"fmt"
	"math/rand/v2"
)

// Symmetry is one of the 8 rotations and flips of a square: bits 0 and 1 count quarter turns, bit
// 2 flips first.
type Symmetry uint8

// Symmetries is the number of rotations and flips of a square.
const Symmetries = 8

// Apply writes the turned or flipped n×n values of src to dst, which must not overlap. It panics
// on wrong lengths.
func (s Symmetry) Apply(dst, src []float32, n int) {
	Pose{Symmetry: s}.Apply(dst, src, n)
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

// Pose is how a map is turned or flipped and then shifted: all poses of a periodic map are
// equally likely under any parameters.
type Pose struct {
	Symmetry Symmetry
	// pixels, by which what is shown moves up and to the left; what leaves comes in on the other side
	ShiftY, ShiftX int
}

// RandomPose returns any of the poses of an n×n map.
func RandomPose(rng *rand.Rand, n int) Pose {
	return Pose{Symmetry(rng.IntN(Symmetries)), rng.IntN(n), rng.IntN(n)}
}

// Apply writes the n×n values of src in the pose to dst, which must not overlap. It panics on
// wrong lengths.
func (p Pose) Apply(dst, src []float32, n int) {
	if p.Symmetry >= Symmetries || len(dst) != n*n || len(src) != n*n {
		panic(fmt.Sprintf("field: Pose %+v on %d → %d values of a side of %d", p, len(src), len(dst), n))
	}
	for y := range n {
		for x := range n {
			u, v := p.Symmetry.source(Periodic(y+p.ShiftY, n), Periodic(x+p.ShiftX, n), n)
			dst[y*n+x] = src[u*n+v]
		}
	}
}

// Of returns n×n values in the pose.
func (p Pose) Of(src []float32, n int) []float32 {
	out := make([]float32, len(src))
	p.Apply(out, src, n)
	return out
}
