package cosmology

import (
	"math"

	"gonum.org/v1/gonum/integrate/quad"
)

// LinearPower is the linear matter power spectrum today, P(k) ∝ k^n_s T(k)², normalised to σ_8.
type LinearPower struct {
	transfer  interface{ At(k float64) float64 }
	slope     float64
	amplitude float64
}

// NewLinearPower returns the spectrum with CAMB's transfer function, see Transfer. It panics where
// NewTransfer returns an error, which it never does for what New returns and Validate accepts.
func NewLinearPower(c Cosmology) LinearPower {
	t, err := NewTransfer(c)
	if err != nil {
		panic(err)
	}
	return normalised(c, t)
}

// NewEisensteinHuPower returns the spectrum with the fitted transfer function, see EisensteinHu.
func NewEisensteinHuPower(c Cosmology) LinearPower { return normalised(c, NewEisensteinHu(c)) }

func normalised(c Cosmology, transfer interface{ At(k float64) float64 }) LinearPower {
	p := LinearPower{transfer: transfer, slope: c.NS, amplitude: 1}
	s := p.Sigma(8)
	p.amplitude = c.Sigma8 * c.Sigma8 / (s * s)
	return p
}

// At returns P(k) in (Mpc/h)³, k in h/Mpc.
func (p LinearPower) At(k float64) float64 {
	if k <= 0 {
		return 0
	}
	t := p.transfer.At(k)
	return p.amplitude * math.Pow(k, p.slope) * t * t
}

// Sigma returns the rms linear overdensity in spheres of radius Mpc/h.
func (p LinearPower) Sigma(radius float64) float64 {
	integrand := func(lnk float64) float64 {
		k := math.Exp(lnk)
		w := tophat(k * radius)
		return k * k * k * p.At(k) * w * w / (2 * math.Pi * math.Pi)
	}
	sum := 0.0
	const pieces = 40 // of the range of ln k, because the window oscillates
	low, high := math.Log(1e-5), math.Log(1e3/radius)
	for i := range pieces {
		a := low + (high-low)*float64(i)/pieces
		sum += quad.Fixed(integrand, a, a+(high-low)/pieces, 48, quad.Legendre{}, 0)
	}
	return math.Sqrt(sum)
}

// tophat is the Fourier transform of a unit ball, 1 at 0.
func tophat(x float64) float64 {
	if x < 1e-3 {
		return 1 - x*x/10
	}
	return 3 * (math.Sin(x) - x*math.Cos(x)) / (x * x * x)
}
