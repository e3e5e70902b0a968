package fft

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"
)

func copyFilter(_, _ int, dst, src []complex64) { copy(dst, src) }

func randomMesh(n int) []float32 {
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	mesh := make([]float32, n*n*n)
	for i := range mesh {
		mesh[i] = float32(rng.NormFloat64())
	}
	return mesh
}

// tolerance is the rounding of float32 in about 3·log2(n) additions of numbers as large as the result.
func tolerance(n int) float64 { return 6e-8 * 3 * math.Log2(float64(n)) }

// reference transforms with gonum, in float64.
func reference(mesh []float32, n int) []complex128 {
	f := fourier.NewCmplxFFT(n)
	out := make([]complex128, n*n*n)
	for i, v := range mesh {
		out[i] = complex(float64(v), 0)
	}
	line := make([]complex128, n)
	for _, stride := range []int{1, n, n * n} {
		for start := range out {
			if start/stride%n != 0 {
				continue
			}
			for i := range n {
				line[i] = out[start+i*stride]
			}
			f.Coefficients(line, line)
			for i := range n {
				out[start+i*stride] = line[i]
			}
		}
	}
	return out
}

func TestForwardAgreesWithGonum(t *testing.T) {
	for _, n := range []int{8, 16, 32} {
		mesh := randomMesh(n)
		p := NewPlan(n)
		got := make([]complex64, n*n*p.Modes())
		p.Forward(got, mesh)
		want := reference(mesh, n)
		scale := math.Pow(float64(n), 1.5) // rms of a mode
		for i, v := range got {
			row, kz := i/p.Modes(), i%p.Modes()
			if d := cmplx.Abs(complex128(v) - want[row*n+kz]); d > 5*tolerance(n)*scale {
				t.Fatalf("n = %d, mode %d: %v, want %v", n, i, v, want[row*n+kz])
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for _, n := range []int{8, 16, 32, 64} {
		mesh := randomMesh(n)
		p := NewPlan(n)
		modes, back := make([]complex64, n*n*p.Modes()), make([]float32, len(mesh))
		p.Forward(modes, mesh)
		p.Inverse(back, modes, copyFilter)
		volume := float64(n * n * n)
		for i := range mesh {
			if d := math.Abs(float64(back[i])/volume - float64(mesh[i])); d > 10*tolerance(n) {
				t.Fatalf("n = %d: %g came back as %g", n, mesh[i], float64(back[i])/volume)
			}
		}
	}
}

func TestParseval(t *testing.T) {
	const n = 32
	mesh := randomMesh(n)
	p := NewPlan(n)
	modes := make([]complex64, n*n*p.Modes())
	p.Forward(modes, mesh)
	var inMesh, inModes float64
	for _, v := range mesh {
		inMesh += float64(v) * float64(v)
	}
	for i, v := range modes {
		w := 2.0
		if kz := i % p.Modes(); kz == 0 || kz == n/2 {
			w = 1
		}
		inModes += w * real(complex128(v)*cmplx.Conj(complex128(v)))
	}
	if got := inModes / (n * n * n); math.Abs(got/inMesh-1) > 1e-6 {
		t.Errorf("power in modes %g, in the mesh %g", got, inMesh)
	}
}

func BenchmarkForward(b *testing.B) {
	for _, n := range []int{64, 128} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			mesh := randomMesh(n)
			p := NewPlan(n)
			modes := make([]complex64, n*n*p.Modes())
			for b.Loop() {
				p.Forward(modes, mesh)
			}
		})
	}
}

func BenchmarkInverse(b *testing.B) {
	for _, n := range []int{64, 128} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			mesh := randomMesh(n)
			p := NewPlan(n)
			modes := make([]complex64, n*n*p.Modes())
			p.Forward(modes, mesh)
			for b.Loop() {
				p.Inverse(mesh, modes, copyFilter)
			}
		})
	}
}
