package validation

import (
	"math"

	"darkfield/pkg/fft"
)

// shells is the power of a periodic cube averaged over shells one fundamental mode thick; shell i
// holds the modes with i + ½ <= |n| < i + 3/2, so that its modes lie around |n| = i + 1.
type shells struct {
	K     []float64 // mean |k| of the modes
	P     []float64 // mean power
	Modes []float64 // modes of the whole space
}

// newShells averages power(x, y, z), given for the half space z = 0…cells/2 of a real field's
// modes at indices in −cells/2…cells/2, over the shells up to |n| = last.
func newShells(cells int, side float64, last int, power func(x, y, z int) float64) shells {
	out := shells{K: make([]float64, last), P: make([]float64, last), Modes: make([]float64, last)}
	for x := -cells / 2; x < cells/2; x++ {
		for y := -cells / 2; y < cells/2; y++ {
			for z := 0; z <= cells/2; z++ {
				n := math.Sqrt(float64(x*x + y*y + z*z))
				i := int(n+0.5) - 1
				if i < 0 || i >= last {
					continue
				}
				weight := 2.0 // its conjugate stands for the other half
				if z == 0 || z == cells/2 {
					weight = 1
				}
				out.K[i] += weight * n
				out.P[i] += weight * power(x, y, z)
				out.Modes[i] += weight
			}
		}
	}
	for i := range last {
		out.K[i] *= 2 * math.Pi / side / out.Modes[i]
		out.P[i] /= out.Modes[i]
	}
	return out
}

// powerOfCounts returns the power of the overdensity of particles that were shared among cells³
// cells, with the smoothing of their clouds taken out.
//
//   - Shape: counts is [x][y][z]; shells up to half the Nyquist wavenumber, where aliases of
//     clouds in cells are below 1 %.
//   - Normalisation: P = Side³·|δ_k|², δ_k = Σ δ(x) exp(−ik·x)/cells³, divided by (Π
//     sin(k_iΔ/2)/(k_iΔ/2))⁴ with Δ the cells' side.
//   - Shot noise is left in: particles that started from a lattice have less of it than Side³/N.
//   - Source: Jing (2005) for the smoothing.
func powerOfCounts(counts []float32, cells int, side float64) shells {
	plan := fft.NewPlan(cells)
	modes := make([]complex64, cells*cells*plan.Modes())
	plan.Forward(modes, counts)
	total := float64(real(modes[0]))
	window := make([]float64, cells/2+1)
	for i := range window {
		window[i] = 1
		if x := math.Pi * float64(i) / float64(cells); x > 0 {
			window[i] = math.Pow(math.Sin(x)/x, 4)
		}
	}
	volume := side * side * side
	return newShells(cells, side, cells/4, func(x, y, z int) float64 {
		w := window[max(x, -x)] * window[max(y, -y)] * window[z]
		return volume * squared(at(modes, cells, x, y, z)) / (total * total * w)
	})
}

// powerOfModes returns the power of modes δ_k of a cube of cells³.
func powerOfModes(modes []complex64, cells int, side float64) shells {
	volume := side * side * side
	return newShells(cells, side, cells/2-1,
		func(x, y, z int) float64 { return volume * squared(at(modes, cells, x, y, z)) })
}

// at returns the mode with signed indices x and y, and z >= 0.
func at(modes []complex64, cells, x, y, z int) complex64 { return *modeAt(modes, cells, x, y, z) }

// modeAt returns a pointer to the mode with signed indices x and y, and z >= 0.
func modeAt(modes []complex64, cells, x, y, z int) *complex64 {
	return &modes[((x+cells)%cells*cells+(y+cells)%cells)*(cells/2+1)+z]
}

func squared(a complex64) float64 {
	re, im := float64(real(a)), float64(imag(a))
	return re*re + im*im
}
