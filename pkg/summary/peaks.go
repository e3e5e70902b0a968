package summary

import (
	"fmt"
	"sort"

	"darkfield/pkg/field"
)

// Peaks returns the heights of the local maxima of a periodic map, row by row: of the pixels that
// are higher than all 8 neighbours.
//
//   - Shape: Cells² values, row-major. Pixels that equal a neighbour are no peaks (maps of few
//     grey levels lose some), nor are NaN and what is next to one.
//   - Normalisation: none; in white noise one pixel in 9 is a peak.
//   - Errors: panics unless there are Cells² values and Cells is at least 3.
func Peaks(values []float32, box field.Box) []float64 {
	n := box.Cells
	if len(values) != n*n || n < 3 {
		panic(fmt.Sprintf("summary: Peaks of %d values in a map of %d pixels a side", len(values), n))
	}
	var out []float64
	for y := range n {
		for x := range n {
			if highest(values, n, y, x) {
				out = append(out, float64(values[y*n+x]))
			}
		}
	}
	return out
}

// highest reports whether a pixel is above its 8 neighbours.
func highest(values []float32, n, y, x int) bool {
	v := values[y*n+x]
	for dy := n - 1; dy <= n+1; dy++ {
		row := (y + dy) % n * n
		for dx := n - 1; dx <= n+1; dx++ {
			if (dy != n || dx != n) && !(v > values[row+(x+dx)%n]) {
				return false
			}
		}
	}
	return true
}

// PeakDensity returns the number of peaks by the area of the map, in bins of their height between
// rising edges.
//
//   - Shape: one entry fewer than edges. A peak on an inner edge belongs to the bin above it, one
//     on the last edge to none.
//   - Units: (h/Mpc)², for each bin whatever its width.
//   - Errors: panics as Peaks does, and on fewer than two edges.
func PeakDensity(values []float32, box field.Box, edges []float64) []float64 {
	if len(edges) < 2 {
		panic(fmt.Sprintf("summary: PeakDensity in bins of %d edges", len(edges)))
	}
	out := make([]float64, len(edges)-1)
	for _, height := range Peaks(values, box) {
		above := sort.Search(len(edges), func(i int) bool { return edges[i] > height })
		if above > 0 && above < len(edges) {
			out[above-1]++
		}
	}
	for i := range out {
		out[i] /= box.Side * box.Side
	}
	return out
}
