package field

import (
	"math"
	"slices"
)

// SmoothestStructure returns the root mean square, in dex, of the fine structure of the smoothest
// places of a periodic map: of the second difference along both axes over 6, which turns white
// noise of standard deviation σ into such of σ (Immerkær 1996), squared and averaged over 3×3
// pixels; then the value that 2 % of the pixels are below. Haloes make fine structure in a few
// places, noise everywhere.
func SmoothestStructure(m LogMap) float64 {
	n := m.Box.Cells
	squares := make([]float64, n*n)
	at := func(x, y int) float64 { return float64(m.Values[wrap(y, n)*n+wrap(x, n)]) }
	for y := range n {
		for x := range n {
			d := 0.0
			for i, a := range [3]float64{1, -2, 1} {
				for j, b := range [3]float64{1, -2, 1} {
					d += a * b * at(x+j-1, y+i-1)
				}
			}
			squares[y*n+x] = d * d / 36
		}
	}
	means := make([]float64, n*n)
	for y := range n {
		for x := range n {
			for i := range 9 {
				means[y*n+x] += squares[wrap(y+i/3-1, n)*n+wrap(x+i%3-1, n)] / 9
			}
		}
	}
	slices.Sort(means)
	return math.Sqrt(means[n*n/50])
}
