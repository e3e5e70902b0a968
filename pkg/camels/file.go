package camels

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"darkfield/pkg/field"
	"darkfield/pkg/filetype"
)

// File is a single file of maps, opened without its table.
type File struct {
	// Description is that of dataset.yaml beside the file, or else follows from a name of CMD's: side
	// of the box, periodicity, and unit of the linear values. What is not known is zero.
	Description Description

	npy    *npy
	stored storage
	field  string // by its name; "": not known
}

// Wanted is what a reader of single maps needs them to be. Zero fields accept anything.
type Wanted struct {
	Field   string
	Unit    string
	Offset  float64 // added to every pixel
	BoxSide float64 // Mpc/h
	AsIs    bool    // values of any kind, unchanged, without checks but for NaN and maps of zeros
}

// OpenFile opens a .npy file of maps [maps, side, side] of any name. dataset.yaml beside it
// describes it; without one a name of CMD's, such as Maps_Mcdm_IllustrisTNG_LH_z=0.00.npy, does.
func OpenFile(path string) (*File, error) {
	// Of other arrays, openNPY says what is wrong with their shape.
	if t, err := filetype.Of(path); err == nil && t.Kind != filetype.Array {
		if err := filetype.Expect(path, filetype.Maps); err != nil {
			return nil, fmt.Errorf("camels: %w", err)
		}
	}
	n, err := openNPY(path, 3)
	if err != nil {
		return nil, err
	}
	f := &File{npy: n}
	if err := f.describe(); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return f, nil
}

// describe fills in the Description from dataset.yaml or from the file's name.
func (f *File) describe() error {
	dir, name := filepath.Split(f.npy.path)
	var d Description
	_, missing := os.Lstat(filepath.Join(dir, DescriptionFile))
	described := !errors.Is(missing, fs.ErrNotExist)
	p := mapFile.FindStringSubmatch(name)
	switch {
	case p != nil && (described || known(p[2]) && cmdFields[p[1]].unit != ""):
		var err error
		if d, err = describe(filepath.Clean(dir), p[2], p[1], []Set{Set(p[3])}); err != nil {
			return err
		}
		f.field = p[1]
	case described: // of a suite that the name does not tell
		path := filepath.Join(dir, DescriptionFile)
		if err := d.read(path, "Mine"); err != nil {
			return err
		}
		whole := d // here a description may be incomplete: defaults stand in for the validation
		whole.Suite, whole.Unit, whole.BoxSide = cmp.Or(d.Suite, "Mine"), cmp.Or(d.Unit, "K"),
			cmp.Or(d.BoxSide, 1)
		if err := misdescribed(path, "Mine", whole.Validate()); err != nil {
			return err
		}
		if d.BoxSide == 0 && known(d.Suite) {
			d.BoxSide, d.Periodic = CMD(d.Suite).BoxSide, CMD(d.Suite).Periodic
		}
	}
	f.Description = d
	f.Description.Unit, f.stored = stored(d.Unit)
	return nil
}

// InCMDLayout reports whether a file's name is one of CMD's, so that its map i is of simulation
// i/MapsPerSimulation.
func InCMDLayout(path string) bool { return mapFile.MatchString(filepath.Base(path)) }

// Len returns the number of maps.
func (f *File) Len() int { return f.npy.items }

// Cells returns the number of pixels a side.
func (f *File) Cells() int { return f.npy.cells }

// Close closes the file.
func (f *File) Close() error { return f.npy.close() }

// raw returns map i with linear values, unchecked.
func (f *File) raw(i int, side float64) (field.Map, error) {
	m, err := f.npy.one(i, side)
	if err == nil {
		f.stored.linear(m.Values)
	}
	return m, err
}

// Map returns map i with linear values, in a box of side Mpc/h. It is an error if pixels are not
// finite, if all are 0, if the description contradicts want, or if the values look like those of
// another unit than described or wanted. A map without a description that looks like a density
// contrast becomes an overdensity, by adding 1; note then says so.
func (f *File) Map(i int, side float64, want Wanted) (m field.Map, note string, err error) {
	if m, err = f.raw(i, side); err != nil {
		return m, "", err
	}
	where := fmt.Sprintf("camels: %s map %d", f.npy.path, i)
	var v Values
	v.Add(m.Values)
	switch {
	case v.NotFinite > 0:
		return m, "", fmt.Errorf("%s: %w; replace or remove that map (`darkfield inspect` counts such "+
			"pixels)", where, firstNotFinite(m))
	case v.Empty():
		return m, "", fmt.Errorf("%s: %w", where, errEmpty)
	}
	if err := f.agrees(want); err != nil || want.AsIs {
		return m, "", err
	}
	unit, fieldName := cmp.Or(f.Description.Unit, want.Unit), cmp.Or(f.field, want.Field)
	c := v.Content()
	if f.Description.Unit == "" && c == Contrast && (want.Unit == "" || want.Unit == string(Density)) {
		storage{contrast: true}.linear(m.Values)
		return m, fmt.Sprintf("map %d of %s looks like a density contrast (%.4g to %.4g, mean %.2g): 1 "+
			"is added, which makes it an overdensity", i, f.npy.path, v.Min, v.Max, v.Mean()), nil
	}
	if err := v.check(where, filepath.Dir(f.npy.path), unit, fieldName); err != nil {
		return m, "", err
	}
	if unit == "" && c == LogSurface {
		return m, "", fmt.Errorf("%s: its values (%.4g to %.4g, mean %.4g) look like logarithms "+
			"already: %s", where, v.Min, v.Max, v.Mean(), c.remedy("", filepath.Dir(f.npy.path)))
	}
	shift(m.Values, want.Offset)
	return m, "", nil
}

// agrees returns an error if the description contradicts what is wanted.
func (f *File) agrees(want Wanted) error {
	d, description := f.Description, filepath.Join(filepath.Dir(f.npy.path), DescriptionFile)
	switch {
	case want.Field != "" && f.field != "" && f.field != want.Field:
		return fmt.Errorf("camels: %s has maps of %s, the checkpoint was trained on %s; choose a map "+
			"of the same field", f.npy.path, f.field, want.Field)
	case want.Unit != "" && d.Unit != "" && d.Unit != want.Unit:
		return fmt.Errorf("camels: %s has maps in %s, the checkpoint was trained on maps in %s; choose "+
			"a map of the same unit, or correct %s", f.npy.path, d.Unit, want.Unit, description)
	case want.BoxSide != 0 && d.BoxSide != 0 && d.BoxSide != want.BoxSide:
		return fmt.Errorf("camels: %s has maps of %g Mpc/h a side, the checkpoint was trained on %g; "+
			"choose a map of the same box, or correct %s", f.npy.path, d.BoxSide, want.BoxSide, description)
	}
	return nil
}
