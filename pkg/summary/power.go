package summary

import (
	"fmt"

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
	// Deviation subtracts the mean: for log fields whose mean is near 0, as those of overdensities
	// are.
	Deviation
	// Contrast takes the overdensity f/mean − 1: the usual spectrum of a density.
	Contrast
)

// String says what a convention does, for captions.
func (c Convention) String() string {
	return [...]string{"x = f/Σf", "x = f − mean(f)", "δ = f/mean(f) − 1"}[c]
}

// PowerOf returns the spectrum of values, the pixels of a map in box, row-major.
//
//   - Shape: Cells/2 bins; mode k (in units of the fundamental) is in bin ⌈|k|⌉; bins beyond
//     Cells/2 and k = 0 are dropped.
//   - Units: k in h/Mpc. Deviation and Contrast: P = |FT|²/Side² with FT = CellSide²·Σ x
//     exp(−ik·x), in (Mpc/h)² times the square of the values' unit; white noise of variance s²
//     gives s²·CellSide². SumNormalised: P = Side²·|Σ x exp(−ik·x)|² with x = f/Σf, in (Mpc/h)²,
//     which is the Contrast spectrum of f.
//   - Errors: panics unless there are Cells² values and Cells is at least 2. NaN or infinite
//     values give NaN, and so does, but for Deviation, a map whose sum is 0.
//   - Source: Mudur et al. (2023), whose code weighs the half plane as here: 2 but for the
//     columns k_x = 0 and Nyquist.
func (c Convention) PowerOf(values []float64, box field.Box) Spectrum {
	n := box.Cells
	if len(values) != n*n || n < 2 {
		panic(fmt.Sprintf("summary: PowerOf %d values in a map of %d pixels a side", len(values), n))
	}
	scale := box.CellSide() * box.CellSide() / box.Side
	if c == SumNormalised {
		scale = box.Side
	}
	pool := plansOf(n)
	p := pool.Get().(*plan)
	defer pool.Put(p)
	c.normalise(p.values, values)
	p.transform()
	sum := make([]float64, len(p.rings.k)+1) // the last is for modes outside all rings
	for i, a := range p.modes {
		sum[p.rings.bin[i]] += p.rings.weight[i] * (real(a)*real(a) + imag(a)*imag(a))
	}
	out := Spectrum{K: make([]float64, n/2), P: sum[:n/2]}
	for b := range out.P {
		out.K[b] = p.rings.k[b] * box.KFundamental()
		out.P[b] *= scale * scale / p.rings.modes[b]
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

// normalise writes to x what the transform is taken of.
func (c Convention) normalise(x, values []float64) {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	mean := sum / float64(len(values))
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
}
