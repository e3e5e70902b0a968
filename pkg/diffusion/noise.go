package diffusion

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Purposes of random numbers. Each has streams of its own, so that no two uses share numbers.
const (
	samplingNoise uint64 = iota + 1
	boundNoise
	boundAugmentation
	deviceNoise
)

// source returns the generator of (seed, purpose, number): a PCG whose two words mix all three.
func source(seed, purpose, number uint64) *rand.Rand {
	return rand.New(rand.NewPCG(mix(seed^mix(purpose)), mix(number+0x9e3779b97f4a7c15)))
}

// mix is the finaliser of splitmix64, which gives nearby seeds unrelated streams.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// NoiseState returns the state of a device's generator (three words of Philox) from which the noise
// of one map of a sampling comes: it depends on the seed and the number of the map only.
func NoiseState(seed uint64, number int) [3]uint64 {
	rng := source(seed, deviceNoise, uint64(number))
	return [3]uint64{rng.Uint64(), rng.Uint64(), rng.Uint64()}
}

// FillNormal fills dst with standard normal numbers from rng.
func FillNormal(dst []float32, rng *rand.Rand) {
	for i := range dst {
		dst[i] = float32(rng.NormFloat64())
	}
}

// Bits of a seed that say how its noise is used.
const (
	antitheticBit     uint64 = 1 << 63
	fixedAmplitudeBit uint64 = 1 << 62
	augmentedBit      uint64 = 1 << 61
	optionBits               = antitheticBit | fixedAmplitudeBit | augmentedBit
)

// Antithetic returns the seed whose TermNoise is that of seed with the opposite sign. Most of the
// error that noise makes in a slope of the VLB is odd in the noise, so it cancels in a pair.
func Antithetic(seed uint64) uint64 { return seed ^ antitheticBit }

// FixedAmplitude returns the seed whose TermNoise has the phases of that of seed and, in each
// Fourier mode, the amplitude of the expected power (Angulo and Pontzen 2016: paired and fixed).
// For a Gaussian field L_i is quadratic in the noise's modes, so an antithetic pair of such noise
// gives its expectation exactly.
func FixedAmplitude(seed uint64) uint64 { return seed | fixedAmplitudeBit }

// Augmented returns the seed whose terms are evaluated on an augmented map: rotated, flipped and
// shifted together with its noise. All augmentations of a map are equally likely, but the errors of
// a network differ between them. The two seeds of an antithetic pair have different augmentations.
func Augmented(seed uint64) uint64 { return seed | augmentedBit }

// AugmentationSource returns the generator of the augmentation of one term for a seed of Augmented,
// and nil for other seeds.
func AugmentationSource(seed uint64, term Term) *rand.Rand {
	if seed&augmentedBit == 0 {
		return nil
	}
	return source(seed&^(fixedAmplitudeBit|augmentedBit), boundAugmentation, uint64(term))
}

// TermNoise returns the noise of one term L_i of the VLB. It depends on the seed and the term only,
// so that every θ of a grid sees the same noise in any order of evaluation. It panics for a seed of
// FixedAmplitude unless pixels is a square.
func TermNoise(seed uint64, term Term, pixels int) []float32 {
	out := make([]float32, pixels)
	FillNormal(out, source(seed&^optionBits, boundNoise, uint64(term)))
	if seed&fixedAmplitudeBit != 0 {
		fixAmplitudes(out)
	}
	if seed&antitheticBit != 0 {
		for i, v := range out {
			out[i] = -v
		}
	}
	return out
}

// fixAmplitudes gives each Fourier mode of a square map the amplitude whose square is the expected
// power of white noise of variance 1.
func fixAmplitudes(x []float32) {
	n := int(math.Round(math.Sqrt(float64(len(x)))))
	if n*n != len(x) {
		panic(fmt.Sprintf("diffusion: fixed-amplitude noise of %d pixels, want a square", len(x)))
	}
	modes := make([]complex128, len(x))
	for i, v := range x {
		modes[i] = complex(float64(v), 0)
	}
	fft := fourier.NewCmplxFFT(n)
	bothAxes(modes, n, fft.Coefficients)
	for i, m := range modes {
		modes[i] = m * complex(float64(n)/cmplx.Abs(m), 0)
	}
	bothAxes(modes, n, fft.Sequence)
	for i := range x {
		x[i] = float32(real(modes[i]) / float64(n*n))
	}
}

// bothAxes transforms the rows and then the columns of an n×n array.
func bothAxes(a []complex128, n int, transform func(dst, src []complex128) []complex128) {
	for i := range n {
		row := a[i*n : (i+1)*n]
		transform(row, row)
	}
	column := make([]complex128, n)
	for j := range n {
		for i := range n {
			column[i] = a[i*n+j]
		}
		transform(column, column)
		for i := range n {
			a[i*n+j] = column[i]
		}
	}
}
