package summary

import (
	"math"
	"sync"

	"gonum.org/v1/gonum/dsp/fourier"
)

// plan holds the transforms and rings of maps of one side, and memory for one map.
type plan struct {
	n       int
	real    *fourier.FFT
	complex *fourier.CmplxFFT
	rings   rings
	values  []float64    // [n, n]
	modes   []complex128 // [n, n/2 + 1], k_x along the row
	column  []complex128
}

// plans keeps idle plans by their side.
var plans sync.Map // int → *sync.Pool of *plan

func plansOf(n int) *sync.Pool {
	if pool, ok := plans.Load(n); ok {
		return pool.(*sync.Pool)
	}
	shared := newRings(n)
	pool, _ := plans.LoadOrStore(n, &sync.Pool{New: func() any {
		return &plan{
			n: n, real: fourier.NewFFT(n), complex: fourier.NewCmplxFFT(n), rings: shared,
			values: make([]float64, n*n), modes: make([]complex128, n*(n/2+1)),
			column: make([]complex128, n),
		}
	}})
	return pool.(*sync.Pool)
}

// transform writes the unnormalised transform of values to modes: along the rows first, then
// along the columns.
func (p *plan) transform() {
	n, half := p.n, p.n/2+1
	for i := range n {
		p.real.Coefficients(p.modes[i*half:(i+1)*half], p.values[i*n:(i+1)*n])
	}
	p.columns(p.complex.Coefficients)
}

// columns transforms the columns of modes, one by one.
func (p *plan) columns(transform func(dst, src []complex128) []complex128) {
	half := p.n/2 + 1
	for j := range half {
		for i := range p.column {
			p.column[i] = p.modes[i*half+j]
		}
		transform(p.column, p.column)
		for i, v := range p.column {
			p.modes[i*half+j] = v
		}
	}
}

// inverse writes the inverse transform of modes to values; it overwrites modes.
func (p *plan) inverse() {
	n, half := p.n, p.n/2+1
	p.columns(p.complex.Sequence)
	for i := range n {
		p.real.Sequence(p.values[i*n:(i+1)*n], p.modes[i*half:(i+1)*half])
	}
	for i := range p.values {
		p.values[i] /= float64(n * n)
	}
}

// rings say to which bin each mode of the half plane belongs. k is in units of the fundamental
// mode.
type rings struct {
	bin    []int     // of each mode; the number of bins for modes outside all of them
	weight []float64 // of each mode: 2 where its conjugate is not in the half plane, else 1
	k      []float64 // mean |k| of each bin
	modes  []float64 // sum of weights of each bin: the modes of the whole plane
}

func newRings(n int) rings {
	half, bins := n/2+1, n/2
	r := rings{
		bin: make([]int, n*half), weight: make([]float64, n*half), k: make([]float64, bins),
		modes: make([]float64, bins),
	}
	for i := range n {
		ky := i
		if i > n/2 {
			ky = i - n
		}
		for j := range half {
			m, k := i*half+j, math.Hypot(float64(ky), float64(j))
			if r.weight[m] = 2; j == 0 || 2*j == n {
				r.weight[m] = 1
			}
			b := int(math.Ceil(k)) - 1
			if b < 0 || b >= bins {
				r.bin[m] = bins
				continue
			}
			r.bin[m] = b
			r.k[b] += r.weight[m] * k
			r.modes[b] += r.weight[m]
		}
	}
	for b := range r.k {
		r.k[b] /= r.modes[b]
	}
	return r
}
