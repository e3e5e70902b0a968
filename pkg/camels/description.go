package camels

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"

	"darkfield/pkg/field"
)

// SurfaceDensity is the unit of CMD's mass maps.
const SurfaceDensity = "(Msun/h)/(Mpc/h)^2"

// FastPM is the name of the suite of toy universes that darkfield makes itself.
const FastPM = "FastPM"

// DescriptionFile may lie beside the maps; a suite that is not CMD's needs it.
const DescriptionFile = "dataset.yaml"

// Description says what the maps of a suite are.
type Description struct {
	Suite    string     `yaml:"suite"`
	BoxSide  float64    `yaml:"box_side_mpc_h"` // side of a map
	Periodic bool       `yaml:"periodic"`
	Unit     string     `yaml:"unit"`      // of the linear values
	LogRange [2]float64 `yaml:"log_range"` // of log10 values that become −1 and 1
}

// CMD returns the description of CMD's mass maps; the log range is that of Mcdm of IllustrisTNG, which the paper uses.
func CMD(suite string) Description {
	return Description{Suite: suite, BoxSide: 25, Periodic: true, Unit: SurfaceDensity, LogRange: [2]float64{9.421, 15.445}}
}

// known reports whether a suite is CMD's or our own, so that it needs no description file.
func known(suite string) bool {
	switch suite {
	case "IllustrisTNG", "SIMBA", "Astrid", FastPM:
		return true
	}
	return strings.HasPrefix(suite, "Nbody")
}

// Surface reports whether values are surface densities, whose sum is a mass, so that log fields may be divided by their sum.
func (d Description) Surface() bool { return d.Unit == SurfaceDensity }

// Scaling returns how log10 values are scaled for the network.
func (d Description) Scaling() field.Scaling {
	return field.Scaling{Min: d.LogRange[0], Max: d.LogRange[1]}
}

// Validate returns an error that names every field that is out of range.
func (d Description) Validate() error {
	var faults []string
	if d.Suite == "" {
		faults = append(faults, "suite is empty, want a name")
	}
	if !(d.BoxSide > 0) || math.IsInf(d.BoxSide, 0) {
		faults = append(faults, fmt.Sprintf("box_side_mpc_h = %g, want a length > 0 Mpc/h", d.BoxSide))
	}
	if d.Unit == "" {
		faults = append(faults, `unit is empty, want for example "overdensity"`)
	}
	if d.Scaling().Validate() != nil {
		faults = append(faults, fmt.Sprintf("log_range = %v, want [low, high]", d.LogRange))
	}
	if faults == nil {
		return nil
	}
	return errors.New(strings.Join(faults, "; "))
}

// describe reads dataset.yaml in dir, or falls back to what is known of the suite.
func describe(dir, suite string) (Description, error) {
	path := filepath.Join(dir, DescriptionFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if known(suite) {
			return CMD(suite), nil
		}
		return Description{}, fmt.Errorf("camels: the suite %q is not one of CMD's, and %s does not exist; write it with the values of your maps, for example: %s", suite, path, template(suite))
	}
	if err != nil {
		return Description{}, fmt.Errorf("camels: %w", err)
	}
	var d Description
	if known(suite) {
		d = CMD(suite) // what the file leaves out
	}
	if err := yaml.UnmarshalWithOptions(raw, &d, yaml.Strict()); err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return d, fmt.Errorf("camels: %s: %s", path, first)
	}
	if d.Suite != suite {
		return d, fmt.Errorf("camels: %s describes suite %q, but the maps beside it are of %q: correct its suite", path, d.Suite, suite)
	}
	if err := d.Validate(); err != nil {
		return d, fmt.Errorf("camels: %s: %w; it should look like %s", path, err, template(suite))
	}
	return d, nil
}

// template returns a description file on one line, for a suite that has none yet.
func template(suite string) string {
	d := CMD(suite)
	if suite == "Quijote" {
		d = Quijote()
	}
	return fmt.Sprintf("{suite: %s, box_side_mpc_h: %g, periodic: %v, unit: %q, log_range: [%g, %g]}", d.Suite, d.BoxSide, d.Periodic, d.Unit, d.LogRange[0], d.LogRange[1])
}

// Quijote describes the 64² maps cut from the pictures of the Quijote simulations: overdensities between 0.5 and 1000 of slabs that
// do not wrap around.
func Quijote() Description {
	return Description{Suite: "Quijote", BoxSide: 86.7, Unit: "overdensity", LogRange: [2]float64{-0.302, 3}}
}

// WriteDescription writes dataset.yaml to dir.
func WriteDescription(dir string, d Description) error {
	if err := d.Validate(); err != nil {
		return fmt.Errorf("camels: describe %s: %w", dir, err)
	}
	text, err := yaml.Marshal(d)
	if err != nil {
		return fmt.Errorf("camels: describe %s: %w", dir, err)
	}
	return atomically(filepath.Join(dir, DescriptionFile), dir, whole(text))
}
