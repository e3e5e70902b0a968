package diffusion

import (
	"math/rand/v2"
)

// Purposes of noise: each draws from streams of its own, so that no two uses share numbers.
const (
	samplingNoise uint64 = iota + 1
	boundNoise
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

// mirrored marks the seeds of mirror images.
const mirrored uint64 = 1 << 63

// Mirror returns the seed whose TermNoise is that of seed with the other sign. The error that noise makes in a slope of the bound is mostly odd
// in the noise, so that a pair cancels it.
func Mirror(seed uint64) uint64 { return seed ^ mirrored }

// TermNoise returns the noise of one term of the bound. It depends on the seed and the term alone, so that every θ of a grid,
// and every order of evaluation, sees the same.
func TermNoise(seed uint64, term Term, pixels int) []float32 {
	out := make([]float32, pixels)
	FillNormal(out, source(seed&^mirrored, boundNoise, uint64(term)))
	if seed&mirrored != 0 {
		for i, v := range out {
			out[i] = -v
		}
	}
	return out
}
