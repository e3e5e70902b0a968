package cosmology

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/integrate/quad"
)

// ScaleFactor is 1/(1 + z): 1 today.
type ScaleFactor float64

// Cosmology is a flat ΛCDM universe without radiation: Params and what CAMELS holds fixed.
type Cosmology struct {
	Params
	OmegaB float64 // baryon density today over the critical density
	H      float64 // Hubble constant in 100 km/s/Mpc
	NS     float64 // slope of the primordial spectrum
}

// New returns the universe with CAMELS' fixed parameters: Ω_b = 0.049, h = 0.6711, n_s = 0.9624.
func New(p Params) Cosmology {
	return Cosmology{Params: p, OmegaB: 0.049, H: 0.6711, NS: 0.9624}
}

// Validate returns an error unless OmegaB < OmegaM <= 1 and all else is positive.
func (c Cosmology) Validate() error {
	if !(c.OmegaB > 0 && c.OmegaM > c.OmegaB && c.OmegaM <= 1 && c.Sigma8 > 0 && c.H > 0 && c.NS > 0) {
		return fmt.Errorf("cosmology: %+v, want 0 < OmegaB < OmegaM <= 1 and Sigma8, H, NS > 0", c)
	}
	return nil
}

// E returns the Hubble rate over its value today.
func (c Cosmology) E(a ScaleFactor) float64 {
	x := float64(a)
	return math.Sqrt(c.OmegaM/(x*x*x) + 1 - c.OmegaM)
}

// OmegaMAt returns the matter density over the critical density at a.
func (c Cosmology) OmegaMAt(a ScaleFactor) float64 {
	x, e := float64(a), c.E(a)
	return c.OmegaM / (x * x * x * e * e)
}

// growthIntegral returns ∫₀ᵃ da'/(a' E)³. With a' = u² the integrand is smooth at 0.
func (c Cosmology) growthIntegral(a ScaleFactor) float64 {
	integrand := func(u float64) float64 {
		x := u * u
		return 2 * u / math.Pow(x*c.E(ScaleFactor(x)), 3)
	}
	return quad.Fixed(integrand, 0, math.Sqrt(float64(a)), 48, quad.Legendre{}, 0)
}

// GrowthFactor returns the linear growth D(a) with D(1) = 1; Heath (1977): D ∝ E ∫ da/(aE)³.
func (c Cosmology) GrowthFactor(a ScaleFactor) float64 {
	return c.E(a) * c.growthIntegral(a) / c.growthIntegral(1)
}

// GrowthRate returns f = dlnD/dlna.
func (c Cosmology) GrowthRate(a ScaleFactor) float64 {
	x, e := float64(a), c.E(a)
	dlnE := -1.5 * c.OmegaM / (x * x * x * e * e)
	return dlnE + x/(math.Pow(x*e, 3)*c.growthIntegral(a))
}
