package summary

import (
	"fmt"
	"math"
	"math/cmplx"
	"sync"

	"gonum.org/v1/gonum/dsp/fourier"

	"darkfield/pkg/field"
)

// Spectrum is the power of one map, averaged over rings in k.
type Spectrum struct {
	K []float64 // mean |k| of the modes of each bin, h/Mpc
	P []float64 // mean power of each bin
}

// Convention is how the values of a map are normalised before their power is taken.
type Convention int

const (
	// SumNormalised divides by the sum of the pixels: the paper's spectra of log fields.
	SumNormalised Convention = iota
	// Deviation subtracts the mean: for log fields whose mean is near 0, as those of overdensities are.
	Deviation
	// Contrast takes the overdensity f/mean − 1: the usual spectrum of a density.
	Contrast
)

// String says what a convention does, for captions.
func (c Convention) String() string {
	return [...]string{"x = f/Σf", "x = f − ⟨f⟩", "δ = f/⟨f⟩ − 1"}[c]
}

// PowerOf returns the spectrum of values, the pixels of a map in box, row-major.
//
//   - Shape: Cells/2 bins; mode k (in units of the fundamental) is in bin ⌈|k|⌉; bins beyond Cells/2 and k = 0 are dropped.
//   - Units: k in h/Mpc. Deviation and Contrast: P = |FT|²/Side² with FT = CellSide²·Σ x exp(−ik·x), in (Mpc/h)² times the
//     square of the values' unit; white noise of variance s² gives s²·CellSide². SumNormalised: P = Side²·|Σ x exp(−ik·x)|²
//     with x = f/Σf, in (Mpc/h)², which is the Contrast spectrum of f.
//   - Errors: panics unless there are Cells² values and Cells is at least 2.
//   - Source: Mudur et al. (2023), whose code weighs the half plane as here: 2 but for the columns k_x = 0 and Nyquist.
func (c Convention) PowerOf(values []float64, box field.Box) Spectrum {
	n := box.Cells
	if len(values) != n*n || n < 2 {
		panic(fmt.Sprintf("summary: PowerOf %d values in a map of %d pixels a side", len(values), n))
	}
	x := c.normalise(values)
	scale := box.CellSide() * box.CellSide() / box.Side
	if c == SumNormalised {
		scale = box.Side
	}
	half := n/2 + 1
	modes := transform(x, n)
	bins := n / 2
	sumK, sumP, weight := make([]float64, bins+1), make([]float64, bins+1), make([]float64, bins+1)
	for i := range n {
		ky := i
		if i > n/2 {
			ky = i - n
		}
		for j := range half {
			k := math.Hypot(float64(ky), float64(j))
			bin := int(math.Ceil(k))
			if bin < 1 || bin > bins {
				continue
			}
			w := 2.0
			if j == 0 || 2*j == n {
				w = 1
			}
			a := cmplx.Abs(modes[i*half+j])
			weight[bin] += w
			sumK[bin] += w * k
			sumP[bin] += w * a * a
		}
	}
	out := Spectrum{K: make([]float64, bins), P: make([]float64, bins)}
	for b := range bins {
		out.K[b] = sumK[b+1] / weight[b+1] * box.KFundamental()
		out.P[b] = sumP[b+1] / weight[b+1] * scale * scale
	}
	return out
}

// Power returns the spectrum of a log map.
func (c Convention) Power(m field.LogMap) Spectrum { return c.PowerOf(widen(m.Values), m.Box) }

// Overdensity returns the spectrum of the density contrast of a map, in (Mpc/h)².
func Overdensity(m field.Map) Spectrum { return Contrast.PowerOf(widen(m.Values), m.Box) }

func widen(values []float32) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}

func (c Convention) normalise(values []float64) []float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	mean := sum / float64(len(values))
	x := make([]float64, len(values))
	for i, v := range values {
		switch c {
		case SumNormalised:
			x[i] = v / sum
		case Deviation:
			x[i] = v - mean
		case Contrast:
			x[i] = v/mean - 1
		default:
			panic(fmt.Sprintf("summary: unknown convention %d", int(c)))
		}
	}
	return x
}

// plans keeps the transforms of each length: building one costs more than using it.
var plans sync.Map // int → *sync.Pool of *plan

type plan struct {
	real    *fourier.FFT
	complex *fourier.CmplxFFT
	column  []complex128
}

// transform returns the unnormalised half-plane transform of n×n values: n rows of n/2 + 1.
func transform(x []float64, n int) []complex128 {
	pool, _ := plans.LoadOrStore(n, &sync.Pool{New: func() any {
		return &plan{fourier.NewFFT(n), fourier.NewCmplxFFT(n), make([]complex128, n)}
	}})
	p := pool.(*sync.Pool).Get().(*plan)
	defer pool.(*sync.Pool).Put(p)
	half := n/2 + 1
	out := make([]complex128, n*half)
	for i := range n {
		p.real.Coefficients(out[i*half:(i+1)*half], x[i*n:(i+1)*n])
	}
	for j := range half {
		for i := range n {
			p.column[i] = out[i*half+j]
		}
		p.complex.Coefficients(p.column, p.column)
		for i := range n {
			out[i*half+j] = p.column[i]
		}
	}
	return out
}
