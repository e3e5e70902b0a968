package summary

import (
	"fmt"
	"math"

	"darkfield/pkg/field"
)

// Minkowski holds the Minkowski functionals of excursion sets {x: f(x) ≥ level}, one entry for
// each level.
type Minkowski struct {
	Area   []float64 // V0: share of the map in the set
	Length []float64 // V1: length of the set's boundary by area, h/Mpc
	Euler  []float64 // V2: Euler characteristic by area, (h/Mpc)²: parts of the set less holes in them
}

// MinkowskiOf returns the Minkowski functionals of a periodic map at some levels.
//
//   - Shape: Cells² values, row-major.
//   - Normalisation: by the area of the map. Some authors call a quarter of the length, or a
//     half, V1.
//   - Estimator: the area counts pixels. Length and Euler characteristic are those of contours
//     between pixel centres, linear along each side of a square of four; a square with two
//     opposite corners in the set joins them where the mean of its corners is in it, too.
//   - Edge cases: NaN is outside the set, and takes the length with it where it is next to the set.
//   - Errors: panics unless there are Cells² values and Cells is at least 3.
//   - Source: Schmalzing and Buchert (1997); the Gaussian expectation that the test compares with
//     is Tomita's (1986).
func MinkowskiOf(values []float32, box field.Box, levels []float64) Minkowski {
	n := box.Cells
	if len(values) != n*n || n < 3 {
		panic(fmt.Sprintf("summary: MinkowskiOf %d values in a map of %d pixels a side", len(values), n))
	}
	m := Minkowski{
		Area: make([]float64, len(levels)), Length: make([]float64, len(levels)),
		Euler: make([]float64, len(levels)),
	}
	area := box.Side * box.Side
	for i, level := range levels {
		for y := range n {
			row, next := y*n, (y+1)%n*n
			for x := range n {
				right := (x + 1) % n
				q := square{
					float64(values[row+x]) - level, float64(values[row+right]) - level,
					float64(values[next+right]) - level, float64(values[next+x]) - level,
				}
				if q[0] >= 0 {
					m.Area[i]++
				}
				m.Length[i] += q.length()
				m.Euler[i] += q.euler()
			}
		}
		m.Area[i] /= float64(n * n)
		m.Length[i] *= box.CellSide() / area
		m.Euler[i] /= area
	}
	return m
}

// square holds values less a level at the corners of a square of side 1, in the order (0, 0), (1,
// 0), (1, 1), (0, 1).
type square [4]float64

// joined reports whether the level at the middle of the square is exceeded: the mean of the
// corners.
func (q square) joined() bool { return q[0]+q[1]+q[2]+q[3] >= 0 }

// euler returns the square's part of (corners − sides − diagonals + squares) that are in the set.
// Corner 0 and the two sides that meet there stand for all: the others are counted by the
// neighbours.
func (q square) euler() float64 {
	a, b, c, d := q[0] >= 0, q[1] >= 0, q[2] >= 0, q[3] >= 0
	chi := 0.0
	if a {
		chi++
	}
	if a && b {
		chi--
	}
	if a && d {
		chi--
	}
	if a && b && c && d {
		chi++
	}
	if a == c && b == d && a != b && q.joined() {
		chi--
	}
	return chi
}

// length returns the length of the contour in the square.
func (q square) length() float64 {
	var inside [4]bool
	count := 0
	for i, v := range q {
		if inside[i] = v >= 0; inside[i] {
			count++
		}
	}
	switch {
	case count == 0 || count == 4:
		return 0
	case count == 2 && inside[0] == inside[2]:
		// a saddle: two corners are cut off, those of the side that is not joined
		first := 0
		if inside[0] == q.joined() {
			first = 1
		}
		return q.cut(first) + q.cut(first+2)
	case count == 2:
		first := 0 // of the two sides across which the contour runs
		if inside[0] == inside[1] {
			first = 1
		}
		return math.Hypot(1, q.crossing(first, first+1)-q.crossing((first+3)%4, (first+2)%4))
	}
	for i := range q {
		if inside[i] == (count == 1) {
			return q.cut(i)
		}
	}
	return 0
}

// cut returns the length of the line that cuts off a corner.
func (q square) cut(i int) float64 {
	return math.Hypot(q.crossing(i, (i+1)%4), q.crossing(i, (i+3)%4))
}

// crossing returns how far from corner i the line to corner j crosses the level.
func (q square) crossing(i, j int) float64 { return q[i] / (q[i] - q[j]) }
