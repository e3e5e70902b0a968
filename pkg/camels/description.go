package camels

import (
	"errors"
	"fmt"
	"io/fs"
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
	var errs []error
	if d.Suite == "" {
		errs = append(errs, errors.New("suite is empty, want a name"))
	}
	if !(d.BoxSide > 0) {
		errs = append(errs, fmt.Errorf("box_side_mpc_h = %g, want > 0", d.BoxSide))
	}
	if d.Unit == "" {
		errs = append(errs, errors.New(`unit is empty, want for example "overdensity"`))
	}
	if err := d.Scaling().Validate(); err != nil {
		errs = append(errs, fmt.Errorf("log_range = %v, want [low, high]", d.LogRange))
	}
	return errors.Join(errs...)
}

// describe reads dataset.yaml in dir, or falls back to what is known of the suite.
func describe(dir, suite string) (Description, error) {
	path := filepath.Join(dir, DescriptionFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if known(suite) {
			return CMD(suite), nil
		}
		return Description{}, fmt.Errorf("camels: the suite %q is not one of CMD's, and %s does not exist; write it, for example: "+
			"{suite: %s, box_side_mpc_h: 25, periodic: true, unit: \"%s\", log_range: [9.421, 15.445]}", suite, path, suite, SurfaceDensity)
	}
	if err != nil {
		return Description{}, fmt.Errorf("camels: %w", err)
	}
	d := CMD(suite)
	if err := yaml.UnmarshalWithOptions(raw, &d, yaml.Strict()); err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return d, fmt.Errorf("camels: %s: %s", path, first)
	}
	if err := d.Validate(); err != nil {
		return d, fmt.Errorf("camels: %s: %s", path, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if d.Suite != suite {
		return d, fmt.Errorf("camels: %s describes suite %q, the maps beside it are of %q", path, d.Suite, suite)
	}
	return d, nil
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
	return writeFile(filepath.Join(dir, DescriptionFile), text)
}

// writeFile writes a small file by way of a temporary name.
func writeFile(path string, text []byte) error {
	return atomically(path, func(f *os.File) error {
		_, err := f.Write(text)
		return err
	})
}

// atomically lets fill write a temporary file beside path and renames it to path.
func atomically(path string, fill func(*os.File) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("camels: write %s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.partial")
	if err != nil {
		return fmt.Errorf("camels: write %s: %w", path, err)
	}
	defer os.Remove(f.Name()) // fails, as it should, once renamed
	if err = errors.Join(fill(f), f.Chmod(0o644), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("camels: write %s: %w", path, err)
	}
	return nil
}
