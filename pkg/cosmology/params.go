package cosmology

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Params are the two cosmological parameters that a map is conditioned on.
type Params struct {
	// OmegaM is the matter density today over the critical density.
	OmegaM float64 `json:"omega_m" yaml:"omega_m"`
	// Sigma8 is the rms linear overdensity today in spheres of 8 Mpc/h.
	Sigma8 float64 `json:"sigma_8" yaml:"sigma_8"`
}

// String prints the parameters as the figures and tables do.
func (p Params) String() string {
	return fmt.Sprintf("Ω_m=%.3f σ_8=%.3f", p.OmegaM, p.Sigma8)
}

// UnitParams are Params scaled to [0, 1] over a Prior, in the order Ω_m, σ_8: the network's input.
type UnitParams [2]float64

// Fiducial is the model that the 1P and CV sets are built around.
var Fiducial = Params{OmegaM: 0.3, Sigma8: 0.8}

// Prior is the box in which Params are uniform.
type Prior struct {
	Min Params `json:"min" yaml:"min"`
	Max Params `json:"max" yaml:"max"`
}

// CAMELSPrior returns the range of CAMELS' LH set: Ω_m in [0.1, 0.5], σ_8 in [0.6, 1.0].
func CAMELSPrior() Prior {
	return Prior{Min: Params{OmegaM: 0.1, Sigma8: 0.6}, Max: Params{OmegaM: 0.5, Sigma8: 1.0}}
}

// Unit scales p to [0, 1] in each parameter; values outside the prior fall outside [0, 1].
func (r Prior) Unit(p Params) UnitParams {
	return UnitParams{
		(p.OmegaM - r.Min.OmegaM) / (r.Max.OmegaM - r.Min.OmegaM),
		(p.Sigma8 - r.Min.Sigma8) / (r.Max.Sigma8 - r.Min.Sigma8),
	}
}

// LogUnit scales the logarithms of p so that over the prior they have the mean and the standard
// deviation of Unit: 1/2 and 1/√12. The logarithm of what follows a power law in the parameters is
// linear in these coordinates.
func (r Prior) LogUnit(p Params) UnitParams {
	om, s8 := logMoments(r.Min.OmegaM, r.Max.OmegaM), logMoments(r.Min.Sigma8, r.Max.Sigma8)
	return UnitParams{om.scale(p.OmegaM), s8.scale(p.Sigma8)}
}

// LogUnitSlopes returns the derivatives of LogUnit by Ω_m and σ_8.
func (r Prior) LogUnitSlopes(p Params) [2]float64 {
	om, s8 := logMoments(r.Min.OmegaM, r.Max.OmegaM), logMoments(r.Min.Sigma8, r.Max.Sigma8)
	return [2]float64{1 / (math.Sqrt(12) * om.std * p.OmegaM), 1 / (math.Sqrt(12) * s8.std * p.Sigma8)}
}

// logScale holds the mean and the standard deviation of ln x.
type logScale struct{ mean, std float64 }

// logMoments returns the mean and standard deviation of ln x for x uniform in [low, high].
func logMoments(low, high float64) logScale {
	integral := func(of func(x float64) float64) float64 { return (of(high) - of(low)) / (high - low) }
	mean := integral(func(x float64) float64 { return x * (math.Log(x) - 1) })
	square := integral(func(x float64) float64 { return x * (math.Pow(math.Log(x)-1, 2) + 1) })
	return logScale{mean, math.Sqrt(square - mean*mean)}
}

func (s logScale) scale(x float64) float64 {
	return 0.5 + (math.Log(x)-s.mean)/(math.Sqrt(12)*s.std)
}

// Params is the inverse of Unit.
func (r Prior) Params(u UnitParams) Params {
	return Params{
		OmegaM: r.Min.OmegaM + u[0]*(r.Max.OmegaM-r.Min.OmegaM),
		Sigma8: r.Min.Sigma8 + u[1]*(r.Max.Sigma8-r.Min.Sigma8),
	}
}

// edge is by how much parameters may lie outside the prior, for tables that print few digits.
const edge = 1e-6

// Contains reports whether p lies in the prior, its edges included.
func (r Prior) Contains(p Params) bool { return r.Check(p) == nil }

// Check returns nil if p lies in the prior and otherwise an error naming each parameter that does
// not.
func (r Prior) Check(p Params) error {
	var faults []string
	check := func(name string, v, low, high float64) {
		if v >= low-edge && v <= high+edge { // written as what is allowed, so that NaN fails
			return
		}
		faults = append(faults, fmt.Sprintf("%s = %g lies outside the prior [%g, %g]", name,
			v, low, high))
	}
	check("Ω_m", p.OmegaM, r.Min.OmegaM, r.Max.OmegaM)
	check("σ_8", p.Sigma8, r.Min.Sigma8, r.Max.Sigma8)
	if faults == nil {
		return nil
	}
	return errors.New(strings.Join(faults, "; "))
}
