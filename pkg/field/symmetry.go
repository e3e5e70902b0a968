package field

import "fmt"

// Symmetry is one of the 8 rotations and flips of a square: bits 0 and 1 count quarter turns, bit 2 flips first.
type Symmetry uint8

// Symmetries is the number of rotations and flips of a square.
const Symmetries = 8

// Apply writes the turned or flipped n×n values of src to dst, which must not overlap. It panics on wrong lengths.
func (s Symmetry) Apply(dst, src []float32, n int) {
	if s >= Symmetries || len(dst) != n*n || len(src) != n*n {
		panic(fmt.Sprintf("field: Symmetry(%d).Apply on %d → %d values of a side of %d", s, len(src), len(dst), n))
	}
	for y := range n {
		for x := range n {
			u, v := s.source(y, x, n)
			dst[y*n+x] = src[u*n+v]
		}
	}
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
