package camels

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"darkfield/pkg/field"
	"darkfield/pkg/plaintext"
)

// SurfaceDensity is the unit of CMD's mass maps.
const SurfaceDensity = "(Msun/h)/(Mpc/h)^2"

// FastPM is the suite name of the mock maps that darkfield simulates itself.
const FastPM = "FastPM"

// DescriptionFile may lie beside the maps; a suite that is not CMD's needs it.
const DescriptionFile = "dataset.yaml"

// Description says what the maps of a suite are.
type Description struct {
	Suite    string  `yaml:"suite"`
	BoxSide  float64 `yaml:"box_side_mpc_h"` // side of a map in Mpc/h
	Periodic bool    `yaml:"periodic"`
	Unit     string  `yaml:"unit"` // of the linear values
	// LogRange holds the log10 values that become −1 and 1; zeros: to be measured from the training
	// maps.
	LogRange [2]float64 `yaml:"log_range"`
	// Offset is added to every pixel that is read, for fields that are 0 where there is nothing.
	Offset float64 `yaml:"offset,omitempty"`
	// Parameters are what maps are conditioned on; nil: Ω_m and σ_8, with CAMELS' ranges.
	Parameters *Parameters `yaml:"parameters,omitempty"`
}

// CMD returns the description of CMD's maps of dark matter, Mcdm; the log range is that of
// IllustrisTNG, which the paper uses.
func CMD(suite string) Description { return ofCMD(suite, "Mcdm") }

// cmdSide is the side of the boxes that CMD's maps were made of, in Mpc/h.
const cmdSide = 25

// ofCMD describes a field of CMD; an unknown one has no unit.
func ofCMD(suite, field string) Description { return ofBox(suite, field, cmdSide) }

// ofBox describes a field of CMD in boxes of any side; the log range is known for CMD's side only.
func ofBox(suite, field string, side float64) Description {
	f := cmdFields[field]
	d := Description{
		Suite: suite, BoxSide: side, Periodic: true, Unit: f.unit,
		LogRange: f.logRange, Offset: f.offset,
	}
	if side != cmdSide {
		d.LogRange = [2]float64{}
	}
	return d
}

// volume matches CAMELS' name of a box: L50n512 has a side of 50 Mpc/h and 512³ particles.
var volume = regexp.MustCompile(`_L([1-9][0-9]{0,3})n[0-9]+$`)

// withoutVolume returns the name of a suite without that of its box: IllustrisTNG for
// IllustrisTNG_L50n512.
func withoutVolume(suite string) string { return volume.ReplaceAllString(suite, "") }

// sideOf returns the side of the boxes of a suite of CAMELS in Mpc/h: from the name of the suite,
// or else from the sets. SB35, with 35 parameters, is a set of the second generation, of 50 Mpc/h;
// all others have CMD's 25 Mpc/h.
//
// Source: CAMELS' documentation (camels.readthedocs.io), whose tables of the second generation
// are CosmoAstroSeed_IllustrisTNG_L50n512_….
func sideOf(suite string, sets []Set) (float64, error) {
	if m := volume.FindStringSubmatch(suite); m != nil {
		return strconv.ParseFloat(m[1], 64)
	}
	sides := map[float64]Set{}
	for _, s := range sets {
		if s == "SB35" {
			sides[2*cmdSide] = s
		} else {
			sides[cmdSide] = s
		}
	}
	if len(sides) > 1 {
		return 0, fmt.Errorf("the set %s has boxes of %d Mpc/h, the set %s of %d: keep one "+
			"size a directory", sides[2*cmdSide], 2*cmdSide, sides[cmdSide], cmdSide)
	}
	for side := range sides {
		return side, nil
	}
	return cmdSide, nil
}

// known reports whether a suite is CMD's or darkfield's, so that it needs no description file.
func known(suite string) bool {
	switch withoutVolume(suite) {
	case "IllustrisTNG", "SIMBA", "Astrid", FastPM:
		return true
	}
	return strings.HasPrefix(suite, "Nbody")
}

// Surface reports whether values are surface densities, whose sum is a mass, so that log fields
// may be divided by their sum.
func (d Description) Surface() bool { return d.Unit == SurfaceDensity }

// Scaling returns how log10 values are scaled for the network.
func (d Description) Scaling() field.Scaling {
	return field.Scaling{Min: d.LogRange[0], Max: d.LogRange[1]}
}

// HasRange reports whether the log range is known.
func (d Description) HasRange() bool { return d.LogRange != [2]float64{} }

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
	if d.HasRange() && d.Scaling().Validate() != nil {
		faults = append(faults,
			fmt.Sprintf("log_range = %v, want [low, high], or none to measure it", d.LogRange))
	}
	if !(d.Offset >= 0) || math.IsInf(d.Offset, 0) {
		faults = append(faults, fmt.Sprintf("offset = %g, want a number >= 0", d.Offset))
	}
	if err := d.Prior().Validate(); err != nil {
		faults = append(faults, "parameters: "+strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if faults == nil {
		return nil
	}
	return errors.New(strings.Join(faults, "; "))
}

// largestDescription is far more than a description needs, in bytes.
const largestDescription = 1 << 12

// describe reads dataset.yaml in dir, or falls back to what is known of the suite and the field.
func describe(dir, suite, field string, sets []Set) (Description, error) {
	path := filepath.Join(dir, DescriptionFile)
	var d Description
	if known(suite) {
		side, err := sideOf(suite, sets)
		if err != nil {
			return d, fmt.Errorf("camels: %s: %w", dir, err)
		}
		d = ofBox(suite, field, side) // what the file leaves out
	}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		switch {
		case !known(suite):
			return d, fmt.Errorf("camels: the suite %q is not one of CMD's, and %s does not exist; write "+
				"it with the values of your maps, for example: %s", suite, path, template(suite))
		case d.Unit == "":
			return d, fmt.Errorf("camels: the field %q is not one of CMD's, and %s does not exist; write "+
				"it with the unit of your maps, for example: {suite: %s, unit: K}", field, path, suite)
		}
		return d, nil
	}
	if err := d.read(path, suite); err != nil {
		return d, err
	}
	if d.Suite != suite {
		return d, fmt.Errorf("camels: %s describes suite %q, but the maps beside it are of %q: correct "+
			"its suite", path, d.Suite, suite)
	}
	return d, misdescribed(path, suite, d.Validate())
}

// read fills in what the file at path says.
func (d *Description) read(path, suite string) error {
	raw, err := slurp(path, largestDescription)
	if err != nil {
		return err
	}
	return misdescribed(path, suite, parse(raw, d))
}

// misdescribed says of a fault in a description where it is, and what it should look like.
func misdescribed(path, suite string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("camels: %s: %w; it should look like %s", path, err, template(suite))
}

// mostLists is far more than the lists of a description. For nested lists the YAML library needs
// memory that grows as the square of their depth.
const mostLists = 64

// parse reads a description strictly: a misspelt key is an error, and so is an alias, because with
// aliases a small file can expand to a large one.
func parse(raw []byte, d *Description) (err error) {
	defer func() {
		if recover() != nil { // the library panics on very long lists and on some damaged files
			err = errors.New("has a list that is too long or is damaged")
		}
	}()
	raw = plaintext.Normalize(raw)
	n := 0
	for _, list := range []string{"[", "{", "- "} {
		n += bytes.Count(raw, []byte(list))
	}
	if n > mostLists {
		return fmt.Errorf("has %d brackets and dashes, want at most %d", n, mostLists)
	}
	file, err := parser.ParseBytes(raw, 0)
	if err != nil {
		return plainly(err)
	}
	for _, doc := range file.Docs {
		if doc.Body != nil && len(ast.Filter(ast.AliasType, doc.Body)) > 0 {
			return errors.New("uses an alias (*): write its value out")
		}
	}
	if err := yaml.UnmarshalWithOptions(raw, d, yaml.Strict()); err != nil {
		return plainly(err)
	}
	return nil
}

var goTypes = regexp.MustCompile(
	`cannot unmarshal (\S+) into Go (?:struct field|value)\b.* of type (\S+)`)

// plainly returns an error of the YAML library as one line that names the line of the file.
func plainly(err error) error {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	text := goTypes.ReplaceAllString(lines[0], "$1 instead of $2")
	for _, l := range lines[1:] {
		if source, ok := strings.CutPrefix(strings.TrimSpace(l), ">"); ok {
			if _, source, ok := strings.Cut(source, "|"); ok {
				return fmt.Errorf("%s in %.80q", text, strings.TrimSpace(source))
			}
		}
	}
	return errors.New(text)
}

// template returns a description file on one line, for a suite that has none yet.
func template(suite string) string {
	d := CMD(suite)
	if suite == "Quijote" {
		d = Quijote()
	}
	return fmt.Sprintf("{suite: %s, box_side_mpc_h: %g, periodic: %v, unit: %q, log_range: [%g, %g]}",
		d.Suite, d.BoxSide, d.Periodic, d.Unit, d.LogRange[0], d.LogRange[1])
}

// Quijote describes the 64² maps cut from the pictures of the Quijote simulations: overdensities
// between 0.5 and 1000 of slabs that do not wrap around.
func Quijote() Description {
	return Description{
		Suite: "Quijote", BoxSide: 86.7, Unit: "overdensity",
		LogRange: [2]float64{-0.302, 3},
	}
}

// writeDescription writes dataset.yaml to dir.
func writeDescription(dir string, d Description) error {
	if err := d.Validate(); err != nil {
		return fmt.Errorf("camels: describe %s: %w", dir, err)
	}
	text, err := yaml.Marshal(d)
	if err != nil {
		return fmt.Errorf("camels: describe %s: %w", dir, err)
	}
	return saveFile(filepath.Join(dir, DescriptionFile), text)
}
