package diffusion

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Purposes of noise: each draws from streams of its own, so that no two uses share numbers.
const (
	samplingNoise uint64 = iota + 1
	boundNoise
	boundAugmentation
)

// source returns the generator of (seed, purpose, number): a PCG whose two words mix all three.
func source(seed, purpose, number uint64) *rand.Rand {
	return rand.New(rand.NewPCG(mix(seed^mix(purpose)), mix(number+0x9e3779b97f4a7c15)))
}

// mix is the finaliser of splitmix64: nearby seeds give unrelated streams.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// FillNormal fills dst with standard normal numbers from rng.
func FillNormal(dst []float32, rng *rand.Rand) {
	for i := range dst {
		dst[i] = float32(rng.NormFloat64())
	}
}

// Bits of a seed that say what is done with its noise.
const (
	antitheticBit     uint64 = 1 << 63
	fixedAmplitudeBit uint64 = 1 << 62
	augmentedBit      uint64 = 1 << 61
	optionBits               = antitheticBit | fixedAmplitudeBit | augmentedBit
)

// Antithetic returns the seed whose TermNoise is that of seed with the other sign. The error that
// noise makes in a slope of the bound is mostly odd in the noise, so that a pair cancels it.
func Antithetic(seed uint64) uint64 { return seed ^ antitheticBit }

// FixedAmplitude returns the seed whose TermNoise has the phases of that of seed, and in each Fourier mode
// exactly the power that is expected. In a Gaussian field a term is quadratic in the noise's
// modes, so that such noise and its mirror image together give the expectation itself: what a
// pair leaves of the error of a Gaussian field is none, and of the error of a map little.
func FixedAmplitude(seed uint64) uint64 { return seed | fixedAmplitudeBit }

// Augmented returns the seed that has terms evaluated in poses of the map, turned, flipped and shifted
// with its noise: a map is as likely in all of them, but what a network gets wrong differs.
// Mirror images have poses of their own.
func Augmented(seed uint64) uint64 { return seed | augmentedBit }

// AugmentationSource returns the generator of the pose of one term for a seed of Turn, and nil for others.
func AugmentationSource(seed uint64, term Term) *rand.Rand {
	if seed&augmentedBit == 0 {
		return nil
	}
	return source(seed&^(fixedAmplitudeBit|augmentedBit), boundAugmentation, uint64(term))
}

// TermNoise returns the noise of one term of the bound. It depends on the seed and the term
// alone, so that every θ of a grid, and every order of evaluation, sees the same. It panics for a
// levelled seed unless pixels is a square.
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

// fixAmplitudes gives each mode of a square map the modulus that white noise of variance 1 has on
// average.
func fixAmplitudes(x []float32) {
	n := int(math.Round(math.Sqrt(float64(len(x)))))
	if n*n != len(x) {
		panic(fmt.Sprintf("diffusion: levelled noise of %d pixels, want a square", len(x)))
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
