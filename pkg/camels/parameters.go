package camels

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"darkfield/pkg/cosmology"
)

// Parameters are the columns of a table that maps are conditioned on, with the range of each: what
// a description calls parameters. In its file they are a map of names to ranges, whose order is
// that of the parameters, but for Ω_m and σ_8, which are the first two.
type Parameters cosmology.Prior

// UnmarshalYAML reads a map of names to ranges [low, high].
func (p *Parameters) UnmarshalYAML(unmarshal func(any) error) error {
	var ranges map[string][]float64
	var order yaml.MapSlice
	if err := errors.Join(unmarshal(&ranges), unmarshal(&order)); err != nil {
		return fmt.Errorf("parameters want a map of names to ranges, such as {omega_m: [0.1, 0.5], "+
			"sigma_8: [0.6, 1], n_s: [0.8, 1.2]}: %w", err)
	}
	var prior cosmology.Prior
	known := map[string]string{} // names by their common spelling
	for _, item := range order {
		name := fmt.Sprint(item.Key)
		limits := ranges[name]
		if len(limits) != 2 {
			return fmt.Errorf("parameters.%s = %v, want a range [low, high]", name, limits)
		}
		common := bare(name)
		switch {
		case isOmegaM(name):
			common = cosmology.OmegaMName
			prior.Min.OmegaM, prior.Max.OmegaM = limits[0], limits[1]
		case isSigma8(name):
			common = cosmology.Sigma8Name
			prior.Min.Sigma8, prior.Max.Sigma8 = limits[0], limits[1]
		default:
			prior = prior.With(name, limits[0], limits[1])
		}
		if other, twice := known[common]; twice {
			return fmt.Errorf("parameters.%s and parameters.%s are one column: leave one out", other, name)
		}
		known[common] = name
	}
	for _, name := range []string{cosmology.OmegaMName, cosmology.Sigma8Name} {
		if known[name] == "" {
			return fmt.Errorf("parameters has no %s, which every network is conditioned on: add it with "+
				"its range, such as omega_m: [0.1, 0.5] or sigma_8: [0.6, 1]", name)
		}
	}
	*p = Parameters(prior)
	return nil
}

// MarshalYAML writes what UnmarshalYAML reads.
func (p Parameters) MarshalYAML() (any, error) {
	prior := cosmology.Prior(p)
	low, high := prior.Values(prior.Min), prior.Values(prior.Max)
	var out yaml.MapSlice
	for k, name := range prior.Names() {
		out = append(out, yaml.MapItem{Key: name, Value: []float64{low[k], high[k]}})
	}
	return out, nil
}

// Prior returns the parameters that maps are conditioned on, with their ranges: Parameters, or
// CAMELS' Ω_m and σ_8.
func (d Description) Prior() cosmology.Prior {
	if d.Parameters == nil {
		return cosmology.CAMELSPrior()
	}
	return cosmology.Prior(*d.Parameters)
}

// ParametersOf returns the line of dataset.yaml that names the parameters of a prior.
func ParametersOf(prior cosmology.Prior) string {
	low, high := prior.Values(prior.Min), prior.Values(prior.Max)
	list := make([]string, prior.Len())
	for k, name := range prior.Names() {
		list[k] = fmt.Sprintf("%s: [%g, %g]", name, low[k], high[k])
	}
	return "parameters: {" + strings.Join(list, ", ") + "}"
}

// condition finds the columns of the further parameters of a prior, and returns an error for a
// parameter without a column and for the first row outside the prior. Columns that are no
// parameters are not checked.
func (t *table) condition(prior cosmology.Prior) error {
	t.further = nil
	for _, name := range prior.Further {
		column := slices.IndexFunc(t.columns, func(c string) bool { return bare(c) == bare(name) })
		if column < 0 {
			return fmt.Errorf("camels: %s has no column %s, which the parameters in %s beside it name: "+
				"its columns are %s; correct the name, or name every column in a comment above the rows",
				t.path, name, DescriptionFile, list(t.columns))
		}
		t.further = append(t.further, column)
	}
	return t.check(prior)
}
