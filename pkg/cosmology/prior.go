package cosmology

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Prior is the box in which Params are uniform.
type Prior struct {
	Min Params `json:"min" yaml:"min"`
	Max Params `json:"max" yaml:"max"`
	// Further are the names of the parameters besides Ω_m and σ_8; nil: there are none.
	Further []string `json:"further,omitempty" yaml:"further,omitempty"`
}

// Names of the first two parameters of every prior.
const (
	OmegaMName = "omega_m"
	Sigma8Name = "sigma_8"
)

// Names returns the names of all parameters: omega_m, sigma_8 and the further ones.
func (r Prior) Names() []string { return append([]string{OmegaMName, Sigma8Name}, r.Further...) }

// Symbols returns what figures and tables call the parameters: Ω_m, σ_8 and the names of the
// others.
func (r Prior) Symbols() []string { return append([]string{"Ω_m", "σ_8"}, r.Further...) }

// Len returns the number of parameters.
func (r Prior) Len() int { return 2 + len(r.Further) }

// With returns the prior with one more parameter.
func (r Prior) With(name string, low, high float64) Prior {
	r.Min.Further = FurtherOf(append(r.Min.Further.Values(), low)...)
	r.Max.Further = FurtherOf(append(r.Max.Further.Values(), high)...)
	r.Further = append(slices.Clone(r.Further), name)
	return r
}

// Values returns the values of p in the order of Names. What p does not have is NaN, which lies in
// no prior; what it has besides is left out.
func (r Prior) Values(p Params) []float64 {
	out := append([]float64{p.OmegaM, p.Sigma8}, p.Further.Values()...)
	for len(out) < r.Len() {
		out = append(out, math.NaN())
	}
	return out[:r.Len()]
}

// At is the inverse of Values.
func (r Prior) At(values []float64) Params {
	return Params{OmegaM: values[0], Sigma8: values[1], Further: FurtherOf(values[2:]...)}
}

// Centre returns the middle of the prior.
func (r Prior) Centre() Params {
	out, high := r.Values(r.Min), r.Values(r.Max)
	for k := range out {
		out[k] = (out[k] + high[k]) / 2
	}
	return r.At(out)
}

// Named returns the parameters of values by name. The error names every name that the prior does
// not have, every one of the prior's that has no value, and every value outside the prior.
func (r Prior) Named(values map[string]float64) (Params, error) {
	var errs []error
	names := r.Names()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(names, name) {
			errs = append(errs, fmt.Errorf("%s is no parameter, want %s", name,
				strings.Join(names, ", ")))
		}
	}
	var given []float64
	for k, name := range names {
		v, ok := values[name]
		if !ok {
			errs = append(errs, fmt.Errorf("%s has no value, want one in [%g, %g]", name,
				r.Values(r.Min)[k], r.Values(r.Max)[k]))
			v = r.Values(r.Min)[k]
		}
		given = append(given, v)
	}
	p := r.At(given)
	if err := r.Check(p); err != nil {
		errs = append(errs, err)
	}
	return p, errors.Join(errs...)
}

// OnlyTwo returns an error for a prior of more parameters than Ω_m and σ_8; what says what needs
// that.
func (r Prior) OnlyTwo(what string) error {
	if len(r.Further) == 0 {
		return nil
	}
	return fmt.Errorf("%s: it knows Ω_m and σ_8 alone, but the network is conditioned on %s: use a "+
		"network that is trained without %s in the data's parameters", what,
		strings.Join(r.Names(), ", "), strings.Join(r.Further, ", "))
}

// Validate returns an error that names every parameter whose range does not rise or is not finite,
// and every name that is empty, unfit for a list of name=value or there twice.
func (r Prior) Validate() error {
	var errs []error
	names, low, high := r.Names(), r.Values(r.Min), r.Values(r.Max)
	for k, name := range names {
		if name == "" || strings.ContainsAny(name, "=, \t\r\n\"") {
			errs = append(errs, fmt.Errorf("parameter %q, want a name without blanks, commas, quotes and "+
				"equals signs", name))
		}
		if slices.Contains(names[:k], name) {
			errs = append(errs, fmt.Errorf("parameter %s is there twice, want it once", name))
		}
		if width := high[k] - low[k]; !(width > 0) || math.IsInf(width, 0) {
			errs = append(errs, fmt.Errorf("parameter %s from %g to %g, want finite numbers that rise",
				name, low[k], high[k]))
		}
	}
	return errors.Join(errs...)
}

// CAMELSPrior returns the range of CAMELS' LH set: Ω_m in [0.1, 0.5], σ_8 in [0.6, 1.0].
func CAMELSPrior() Prior {
	return Prior{Min: Params{OmegaM: 0.1, Sigma8: 0.6}, Max: Params{OmegaM: 0.5, Sigma8: 1.0}}
}

// UnitParams are Params scaled to [0, 1] over a Prior, in the order of Prior.Names: the network's
// input.
type UnitParams []float64

// Float32 returns u in the network's precision.
func (u UnitParams) Float32() []float32 {
	out := make([]float32, len(u))
	for k, v := range u {
		out[k] = float32(v)
	}
	return out
}

// Unit scales p to [0, 1] in each parameter; values outside the prior fall outside [0, 1].
func (r Prior) Unit(p Params) UnitParams {
	out, low, high := r.Values(p), r.Values(r.Min), r.Values(r.Max)
	for k := range out {
		out[k] = (out[k] - low[k]) / (high[k] - low[k])
	}
	return out
}

// UnitSlopes returns the derivative of each coordinate of Unit by its parameter.
func (r Prior) UnitSlopes() []float64 {
	out, low, high := make([]float64, r.Len()), r.Values(r.Min), r.Values(r.Max)
	for k := range out {
		out[k] = 1 / (high[k] - low[k])
	}
	return out
}

// LogUnit scales the logarithms of p so that over the prior they have the mean and the standard
// deviation of Unit: 1/2 and 1/√12. The logarithm of what follows a power law in the parameters is
// linear in these coordinates. A parameter whose range reaches down to 0 or below has no
// logarithm: its coordinate is that of Unit.
func (r Prior) LogUnit(p Params) UnitParams {
	out, low, high := r.Unit(p), r.Values(r.Min), r.Values(r.Max)
	for k, v := range r.Values(p) {
		if low[k] > 0 {
			out[k] = logMoments(low[k], high[k]).scale(v)
		}
	}
	return out
}

// LogUnitSlopes returns the derivative of each coordinate of LogUnit by its parameter.
func (r Prior) LogUnitSlopes(p Params) []float64 {
	out, low, high := r.UnitSlopes(), r.Values(r.Min), r.Values(r.Max)
	for k, v := range r.Values(p) {
		if low[k] > 0 {
			out[k] = 1 / (math.Sqrt(12) * logMoments(low[k], high[k]).std * v)
		}
	}
	return out
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
	out, low, high := make([]float64, r.Len()), r.Values(r.Min), r.Values(r.Max)
	for k := range out {
		out[k] = low[k] + u[k]*(high[k]-low[k])
	}
	return r.At(out)
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
	names, low, high := r.Symbols(), r.Values(r.Min), r.Values(r.Max)
	for k, v := range r.Values(p) {
		check(names[k], v, low[k], high[k])
	}
	if faults == nil {
		return nil
	}
	return errors.New(strings.Join(faults, "; "))
}
