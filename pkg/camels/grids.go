package camels

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/filetype"
	format "darkfield/pkg/npy"
)

// VolumeDensity is the unit of CMD's 3-D grids of mass.
const VolumeDensity = "(Msun/h)/(Mpc/h)^3"

// gridFile is a name of CMD's 3-D grids. Its documentation writes z=0.00, its files z=0.0.
var gridFile = regexp.MustCompile(
	`^Grids_([A-Za-z0-9]+)_(.+)_(LH|1P|CV|EX|BE|SB[0-9]*)_([0-9]+)_z=([0-9.]+)\.(?i:npy)$`)

// Grids is an open file of 3-D grids with its table: float32 [simulations, n, n, n], C order.
// Planes are read one at a time, for a file of CMD may have hundreds of gigabytes. It is safe for
// concurrent use.
type Grids struct {
	// Description is that of maps of the grids: a density per volume becomes one per area.
	Description Description
	Field       string
	Set         Set

	file   *os.File
	path   string
	offset int64 // of the first voxel
	sims   int
	cells  int
	table  table
}

// OpenGrids opens a file Grids_<field>_<suite>_<set>_<n>_z=0.0.npy beside its table, which is
// found and checked as for maps. dataset.yaml beside it says box and unit of a suite that is not
// CMD's. Fields that are no densities, such as temperatures, are refused: their maps are means
// over the mass, which a grid alone does not give.
//
// Source: the documentation of CMD,
// https://camels-multifield-dataset.readthedocs.io/en/latest/data.html: units with a volume for
// grids where those of maps have an area.
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
	g := &Grids{Field: p[1], Set: Set(p[3]), path: path}
	if err := g.describe(p[2]); err != nil {
		return nil, err
	}
	tablePath, err := tablePath(filepath.Dir(path), p[2], g.Set)
	if err != nil {
		return nil, err
	}
	if g.table, err = readTable(tablePath); err != nil {
		return nil, err
	}
	if err := g.table.check(cosmology.CAMELSPrior()); err != nil {
		return nil, err
	}
	return g, g.open()
}

// describe finds box and unit of the maps.
func (g *Grids) describe(suite string) (err error) {
	if g.Description, err = describe(filepath.Dir(g.path), suite, g.Field, []Set{g.Set}); err != nil {
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
			"project Mcdm, Mtot, Mgas, HI, Mstar or ne, or write unit: %q to %s", g.path, g.Field, *unit,
			VolumeDensity, filepath.Join(filepath.Dir(g.path), DescriptionFile))
	}
	return nil
}

// open opens the file and checks header, size and table against each other.
func (g *Grids) open() (err error) {
	f, info, err := openFile(g.path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	fail := func(format string, args ...any) error {
		return fmt.Errorf("camels: %s: %s", g.path, fmt.Sprintf(format, args...))
	}
	h, err := format.ReadHeader(f, info.Size())
	if err != nil {
		return fail("%v", err)
	}
	shape := h.Shape
	switch {
	case !slices.Contains(float32s, h.Type):
		return fail("holds %.40q, want float32 (\"<f4\"), as CMD's grids do; %s",
			h.Type, toFloat32(h.Type))
	case h.Fortran:
		return fail("is in Fortran order, want C order; " +
			"convert it with numpy.save(…, numpy.ascontiguousarray(a))")
	case len(shape) != 4 || shape[0] < 1 || shape[1] < 1 || shape[1] != shape[2] ||
		shape[1] != shape[3]:
		return fail("has shape %v, want [simulations, n, n, n]", shape)
	case shape[1] > largestSide:
		return fail("has grids of %d voxels a side, want at most %d", shape[1], largestSide)
	case shape[0] != g.table.len():
		return fail("holds %d grids, but %s has %d rows: they do not belong together; "+
			"copy the table that came with the grids", shape[0], g.table.path, g.table.len())
	}
	if err := h.CheckData(4, info.Size()-h.Length); err != nil {
		return fail("%v", err)
	}
	g.offset, g.file, g.sims, g.cells = h.Length, f, shape[0], shape[1]
	return nil
}

// Close closes the file.
func (g *Grids) Close() error { return g.file.Close() }

// Path returns the file of the grids.
func (g *Grids) Path() string { return g.path }

// Simulations returns the number of grids.
func (g *Grids) Simulations() int { return g.sims }

// Box returns the geometry of a face of a grid: the side of the box and the number of voxels
// along it.
func (g *Grids) Box() field.Box { return field.Box{Side: g.Description.BoxSide, Cells: g.cells} }

// Params returns the parameters of a simulation.
func (g *Grids) Params(sim int) cosmology.Params { return g.table.params(sim) }

// Plane reads the voxels at x along the first axis of a simulation's grid, row-major [y, z]. A
// voxel that is negative or not finite is an error. It panics unless there is such a plane.
func (g *Grids) Plane(sim, x int) ([]float32, error) {
	if sim < 0 || sim >= g.sims || x < 0 || x >= g.cells {
		panic(fmt.Sprintf("camels: plane %d of grid %d among %d grids of %d³", x, sim, g.sims, g.cells))
	}
	out := make([]float32, g.cells*g.cells)
	raw := make([]byte, 4*len(out))
	at := g.offset + int64(len(raw))*(int64(sim)*int64(g.cells)+int64(x))
	if _, err := g.file.ReadAt(raw, at); err != nil {
		return nil, fmt.Errorf("camels: %s: read grid %d: %w; the file was changed or its disk fails: "+
			"copy it again", g.path, sim, err)
	}
	for i := range out {
		v := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		if !(v >= 0) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("camels: %s grid %d: voxel (x=%d, y=%d, z=%d) is %g, want a finite "+
				"density >= 0; replace or remove that simulation",
				g.path, sim, x, i/g.cells, i%g.cells, v)
		}
		out[i] = v
	}
	return out, nil
}

// WriteTable writes the first rows of the grids' table, with all its columns, as the table of the
// set of maps in dir, and a description of them, if the suite is not CMD's.
func (g *Grids) WriteTable(dir string, rows int) error {
	var b strings.Builder
	b.WriteString("#")
	for _, name := range g.table.columns {
		b.WriteString(" " + strings.ReplaceAll(name, " ", "_"))
	}
	b.WriteString("\n")
	for i := range rows {
		for k, v := range g.table.row(i) {
			if k > 0 {
				b.WriteString(" ")
			}
			b.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
		}
		b.WriteString("\n")
	}
	path := filepath.Join(dir, fmt.Sprintf("params_%s_%s.txt", g.Set, g.Description.Suite))
	err := atomically(path, whole([]byte(b.String())))
	if !known(g.Description.Suite) {
		err = errors.Join(err, writeDescription(dir, g.Description))
	}
	return err
}
