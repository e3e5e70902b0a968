package field

import (
	"fmt"
	"math"
)

// wrap returns the index in 0…n−1 that stands for i on a periodic row of n pixels.
func wrap(i, n int) int { return ((i % n) + n) % n }

// Smooth returns the periodic map m convolved with a Gaussian.
//
//   - Units: sigma, the standard deviation along each axis, in Mpc/h; 0 changes nothing.
//   - Mass is conserved; every pixel is a mean of pixels with positive weights, so positive maps
//     stay positive.
//   - A Fourier mode k of a periodic map shrinks by exp(−k²σ²/2), aliased: along each axis by Σ_m
//     exp(−(k + 2m·KNyquist)²σ²/2), divided by its value at k = 0. For σ of a pixel or more the
//     other terms are below 6e-5 of the first up to KNyquist/2, for σ of two pixels below 1e-17.
//     For σ below half a pixel it smooths less than exp(−k²σ²/2).
//   - Errors: panics unless 0 <= sigma <= Side.
//   - Multiplying the transform by exp(−k²σ²/2) alone would ring: near bright peaks pixels would
//     become negative and have no logarithm. So the Gaussian is sampled at pixels instead.
func Smooth(m Map, sigma float64) Map {
	if !(sigma >= 0 && sigma <= m.Box.Side) {
		panic(fmt.Sprintf("field: Smooth by %g Mpc/h in a box of %g, want from 0 to the side",
			sigma, m.Box.Side))
	}
	values := make([]float64, len(m.Values))
	for i, v := range m.Values {
		values[i] = float64(v)
	}
	weights := gaussian(sigma / m.Box.CellSide())
	for range 2 { // along x; the result is transposed, so that the second pass goes along y
		values = convolve(values, m.Box.Cells, weights)
	}
	out := NewMap(m.Box)
	for i, v := range values {
		out.Values[i] = float32(v)
	}
	return out
}

// gaussian returns the weights of pixels at the distances 0, 1, 2, … for a standard deviation of
// sigma pixels. Those of both sides sum to 1.
func gaussian(sigma float64) []float64 {
	reach := int(math.Ceil(9 * sigma)) // beyond it a weight is below 3e-18
	w := make([]float64, reach+1)
	w[0] = 1
	sum := 1.0
	for d := 1; d <= reach; d++ {
		w[d] = math.Exp(-0.5 * math.Pow(float64(d)/sigma, 2))
		sum += 2 * w[d]
	}
	for d := range w {
		w[d] /= sum
	}
	return w
}

// convolve returns the transpose of the n rows of n values, each row convolved periodically with
// symmetric weights.
func convolve(values []float64, n int, weights []float64) []float64 {
	reach := len(weights) - 1
	from := make([]int, n+2*reach) // which pixel of a row stands for pixel i − reach
	for i := range from {
		from[i] = wrap(i-reach, n)
	}
	padded, out := make([]float64, len(from)), make([]float64, n*n)
	for y := range n {
		row := values[y*n : (y+1)*n]
		for i, j := range from {
			padded[i] = row[j]
		}
		for x := range n {
			left, right := padded[x:x+reach], padded[x+reach+1:x+2*reach+1]
			sum := weights[0] * row[x]
			for d, w := range weights[1:] {
				sum += w * (left[reach-1-d] + right[d])
			}
			out[x*n+y] = sum
		}
	}
	return out
}
