package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/emulator"
)

// assignments is a flag that takes values of parameters by name: omega_m=0.3,sigma_8=0.8.
type assignments map[string]float64

// Set implements pflag.Value; a second flag of the same name adds to the first.
func (v assignments) Set(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		name, number, _ := strings.Cut(part, "=")
		value, err := strconv.ParseFloat(number, 64)
		if name == "" || err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
			return fmt.Errorf("%q: want a name and a number such as n_s=0.96", part)
		}
		if _, twice := v[name]; twice {
			return fmt.Errorf("%s is given twice: leave one out", name)
		}
		v[name] = value
	}
	return nil
}

func (v assignments) String() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(v)) {
		out = append(out, fmt.Sprintf("%s=%v", name, v[name]))
	}
	return strings.Join(out, ",")
}

// Type implements pflag.Value.
func (assignments) Type() string { return "name=value" }

// parameterValues are the flags that say at which parameters maps are made.
type parameterValues struct {
	flags          *pflag.FlagSet
	set            assignments
	omegaM, sigma8 float64
}

func parametersFlags(f *pflag.FlagSet) *parameterValues {
	v := &parameterValues{flags: f, set: assignments{}}
	f.Var(v.set, "set", "parameters by name, `NAME=VALUE,…`: one value for each that the network is "+
		"conditioned on, such as omega_m=0.3,sigma_8=0.8,n_s=0.96")
	f.Float64Var(&v.omegaM, "omega-m", 0, "matter density `Ω_m`")
	f.Float64Var(&v.sigma8, "sigma-8", 0, "amplitude of fluctuations `σ_8`")
	return v
}

// byName returns the values of all flags that were given.
func (v *parameterValues) byName() (assignments, error) {
	out := maps.Clone(v.set)
	var errs []error
	for _, own := range []struct {
		flag, name string
		value      float64
	}{{"omega-m", cosmology.OmegaMName, v.omegaM}, {"sigma-8", cosmology.Sigma8Name, v.sigma8}} {
		if !v.flags.Changed(own.flag) {
			continue
		}
		if _, twice := out[own.name]; twice {
			errs = append(errs, fmt.Errorf("--%s with --set %s=…: leave one out", own.flag, own.name))
		}
		errs = append(errs, positive(own.flag, own.value))
		out[own.name] = own.value
	}
	return out, errors.Join(errs...)
}

// check returns the errors of flags that can be known before the network is.
func (v *parameterValues) check() error {
	values, err := v.byName()
	if err != nil {
		return err
	}
	var missing []string
	for _, name := range []string{cosmology.OmegaMName, cosmology.Sigma8Name} {
		if _, given := values[name]; !given {
			missing = append(missing, name+"=…")
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("no value for parameters that every network needs: add --set %s",
			strings.Join(missing, ","))
	}
	return nil
}

// of returns the parameters for a network, which says what their names and ranges are.
func (v *parameterValues) of(e *emulator.Emulator) (cosmology.Params, error) {
	values, err := v.byName()
	if err != nil {
		return cosmology.Params{}, err
	}
	p, err := e.Manifest().Prior.Named(values)
	if err != nil {
		err = fmt.Errorf("sample: --set: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return p, err
}
