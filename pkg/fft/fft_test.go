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

// tolerance is the rounding of float32 in about 3·log2(n) additions of numbers as large as the
// result.
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

func TestForwardAgreesWithGonum(t *testing.T) { kernels(t, testForwardAgreesWithGonum) }

func testForwardAgreesWithGonum(t *testing.T) {
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

func TestRoundTrip(t *testing.T) { kernels(t, testRoundTrip) }

func testRoundTrip(t *testing.T) {
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

func TestParseval(t *testing.T) { kernels(t, testParseval) }

func testParseval(t *testing.T) {
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
			core(b, func() { p.Forward(modes, mesh) })
		})
	}
}

// BenchmarkGonum is Forward as gonum does it: float64, line after line.
func BenchmarkGonum(b *testing.B) {
	for _, n := range []int{64, 128} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			mesh := make([]float64, n*n*n)
			for i, v := range randomMesh(n) {
				mesh[i] = float64(v)
			}
			m := n/2 + 1
			modes := make([]complex128, n*n*m)
			z, xy := fourier.NewFFT(n), fourier.NewCmplxFFT(n)
			line := make([]complex128, n)
			along := func(start, stride int) {
				for i := range n {
					line[i] = modes[start+i*stride]
				}
				xy.Coefficients(line, line)
				for i := range n {
					modes[start+i*stride] = line[i]
				}
			}
			core(b, func() {
				for row := range n * n {
					z.Coefficients(modes[row*m:(row+1)*m], mesh[row*n:(row+1)*n])
				}
				for x := range n {
					for k := range m {
						along(x*n*m+k, m)
					}
				}
				for yk := range n * m {
					along(yk, n*m)
				}
			})
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
			core(b, func() { p.Inverse(mesh, modes, copyFilter) })
		})
	}
}

// gradientCase is a mesh with a filter and wavenumbers for Gradient.
func gradientCase(n int) (mesh []float32, potential Potential, k []float32) {
	m := n/2 + 1
	k = make([]float32, n)
	for i := range k {
		k[i] = float32((i+n/2)%n - n/2)
	}
	k[n/2] = 0
	potential = make(Potential, m*m*m)
	for i := range potential {
		x, y, z := i/(m*m), i/m%m, i%m
		potential[i] = 1 / float32(1+x*x+y*y+z*z)
	}
	return randomMesh(n), potential, k
}

// TestGradientIsThreeInverses compares with one filtered transform for each component.
func TestGradientIsThreeInverses(t *testing.T) { kernels(t, testGradientIsThreeInverses) }

func testGradientIsThreeInverses(t *testing.T) {
	for _, n := range []int{8, 16, 32, 64} {
		mesh, potential, k := gradientCase(n)
		p := NewPlan(n)
		m := p.Modes()
		modes := make([]complex64, n*n*m)
		p.Forward(modes, mesh)
		var want [3][]float32
		for axis := range want {
			want[axis] = make([]float32, n*n*n)
			p.Inverse(want[axis], modes, func(x, y int, dst, src []complex64) {
				for z, v := range src {
					f := potential[(min(y, n-y)*m+min(x, n-x))*m+z] * [3]float32{k[x], k[y], k[z]}[axis]
					dst[z] = complex(-f*imag(v), f*real(v))
				}
			})
		}
		planes := 0
		for x, got := range p.Gradient(func(x int) []float32 { return mesh[x*n*n : (x+1)*n*n] },
			potential, k) {
			planes++
			for axis := range got {
				for i, v := range got[axis] {
					// Modes of rms n^1.5 times at most 1/2; their sum is as large as √(n³) of them.
					if d := math.Abs(float64(v - want[axis][x*n*n+i])); d > 5*tolerance(n)*math.Pow(
						float64(n), 3) {
						t.Fatalf("n = %d: component %d at x = %d, %d: %g, want %g", n, axis, x, i, v,
							want[axis][x*n*n+i])
					}
				}
			}
		}
		if planes != n {
			t.Errorf("%d planes, want %d", planes, n)
		}
	}
}

func BenchmarkGradient(b *testing.B) {
	for _, n := range []int{64, 128} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			mesh, potential, k := gradientCase(n)
			p := NewPlan(n)
			core(b, func() {
				for range p.Gradient(func(x int) []float32 { return mesh[x*n*n : (x+1)*n*n] }, potential, k) {
				}
			})
		})
	}
}
