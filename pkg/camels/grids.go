package camels

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"strconv"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/filetype"
)

// VolumeDensity is the unit of CMD's 3-D grids of mass.
const VolumeDensity = "(Msun/h)/(Mpc/h)^3"

// gridFile is a name of CMD's 3-D grids. Its documentation writes z=0.00, its files z=0.0.
var gridFile = regexp.MustCompile(
	`^Grids_([A-Za-z0-9]+)_(.+)_(LH|1P|CV|EX|BE|SB[0-9]*)_([0-9]+)_z=([0-9.]+)\.(?i:npy)$`)

// Grids is an open file of 3-D grids with its table: float32 [simulations, n, n, n], C order.
// Planes are read one at a time, because a file of CMD may have hundreds of gigabytes. It is safe
// for concurrent use.
type Grids struct {
	// Description is that of the maps made of the grids: their unit is a density per area where that
	// of the grids is one per volume.
	Description Description
	Field       string
	Set         Set

	file  *npy
	table table
}

// OpenGrids opens a file Grids_<field>_<suite>_<set>_<n>_z=0.0.npy beside its table, which is
// found and checked as for maps. dataset.yaml beside it gives box and unit of a suite that is not
// CMD's. Fields that are no densities, such as temperatures, are refused: their maps are
// mass-weighted means, which a grid alone does not give.
//
// Source: the documentation of CMD,
// https://camels-multifield-dataset.readthedocs.io/en/latest/data.html, for the units.
func OpenGrids(path string) (*Grids, error) {
	if err := filetype.Expect(path, filetype.Grids); err != nil {
		return nil, fmt.Errorf("camels: %w", err)
	}
	p := gridFile.FindStringSubmatch(filepath.Base(path))
	if p == nil {
		return nil, fmt.Errorf("camels: %s has no name of CMD's grids, such as "+
			"Grids_Mcdm_IllustrisTNG_LH_128_z=0.0.npy, which says field, suite and set: rename it", path)
	}
	if z, err := strconv.ParseFloat(p[5], 64); err != nil || z != 0 {
		return nil, fmt.Errorf("camels: %s is of redshift %s, but darkfield knows maps of redshift 0 "+
			"alone: choose the grids of z=0.0", path, p[5])
	}
	g := &Grids{Field: p[1], Set: Set(p[3])}
	if err := g.describe(path, p[2]); err != nil {
		return nil, err
	}
	tablePath, err := tablePath(filepath.Dir(path), p[2], g.Set)
	if err != nil {
		return nil, err
	}
	if g.table, err = readTable(tablePath); err != nil {
		return nil, err
	}
	if err := g.table.condition(g.Description.Prior()); err != nil {
		return nil, err
	}
	return g, g.open(path)
}

// describe fills in the Description.
func (g *Grids) describe(path, suite string) (err error) {
	if g.Description, err = describe(filepath.Dir(path), suite, g.Field, []Set{g.Set}); err != nil {
		return err
	}
	unit := &g.Description.Unit
	switch {
	case *unit == VolumeDensity:
		*unit = SurfaceDensity
	case *unit == SurfaceDensity || g.Field == "ne": // CMD's units of maps
	default:
		return fmt.Errorf("camels: %s holds %s in %s, which is no density per volume: the maps of CMD "+
			"are means over the mass, which these grids alone do not give; "+
			"project Mcdm, Mtot, Mgas, HI, Mstar or ne, or write unit: %q to %s", path, g.Field, *unit,
			VolumeDensity, filepath.Join(filepath.Dir(path), DescriptionFile))
	}
	return nil
}

// open opens the file and checks that it and the table belong together.
func (g *Grids) open(path string) (err error) {
	if g.file, err = openNPY(path, 4); err != nil {
		return err
	}
	if g.file.items != g.table.len() {
		err = fmt.Errorf("camels: %s holds %d grids, but %s has %d rows: they do not belong together; "+
			"copy the table that came with the grids", path, g.file.items, g.table.path, g.table.len())
		return errors.Join(err, g.file.close())
	}
	return nil
}

// Close closes the file.
func (g *Grids) Close() error { return g.file.close() }

// Path returns the file of the grids.
func (g *Grids) Path() string { return g.file.path }

// Simulations returns the number of grids.
func (g *Grids) Simulations() int { return g.file.items }

// Box returns the geometry of a face of a grid: the side of the box and the number of voxels
// along it.
func (g *Grids) Box() field.Box {
	return field.Box{Side: g.Description.BoxSide, Cells: g.file.cells}
}

// Params returns the parameters of a simulation.
func (g *Grids) Params(sim int) cosmology.Params { return g.table.params(sim) }

// Plane reads the voxels at x along the first axis of a simulation's grid, row-major [y, z]. A
// voxel that is negative or not finite is an error. It panics unless there is such a plane.
func (g *Grids) Plane(sim, x int) ([]float32, error) {
	n := g.file.cells
	if x < 0 || x >= n {
		panic(fmt.Sprintf("camels: plane %d of grid %d among grids of %d³", x, sim, n))
	}
	out, err := g.file.read(sim*n+x, 1)
	if err != nil {
		return nil, err
	}
	for i, v := range out {
		if !(v >= 0) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("camels: %s grid %d: voxel (x=%d, y=%d, z=%d) is %g, want a finite "+
				"density >= 0; replace or remove that simulation", g.file.path, sim, x, i/n, i%n, v)
		}
	}
	return out, nil
}

// WriteTable writes the first rows of the grids' table, with all its columns, as the table of the
// set of maps in dir, and a description of them, if the suite is not CMD's or has parameters of its
// own.
func (g *Grids) WriteTable(dir string, rows int) error {
	path := filepath.Join(dir, fmt.Sprintf("params_%s_%s.txt", g.Set, g.Description.Suite))
	err := saveFile(path, formatRows(g.table.columns, rows, g.table.row))
	if !known(g.Description.Suite) || g.Description.Parameters != nil {
		err = errors.Join(err, writeDescription(dir, g.Description))
	}
	return err
}
