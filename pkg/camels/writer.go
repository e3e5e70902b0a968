package camels

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/safefile"
)

// Writer writes a set simulation by simulation. Finished simulations are kept in a directory beside
// the set until all are there; then the file of maps and the table appear. A killed writer can be
// resumed; the files are then the same byte for byte.
type Writer struct {
	path    string // of the maps
	table   string // path of the parameters
	partial string // directory of finished simulations
	cells   int
	params  []cosmology.Params
	prior   cosmology.Prior
	offset  float64 // that readers add to every pixel; if not 0, pixels may be 0
	old     *Maps   // a smaller set that was finished before; nil: none
}

// NewWriter returns a writer of maps of cells pixels a side for simulations with the given
// parameters. A finished or unfinished set in dir whose first parameters are the same is extended;
// any other is an error. The caller has to make the same maps for the same parameters.
func NewWriter(dir string, d Description, fieldName string, set Set, cells int,
	params []cosmology.Params,
) (*Writer, error) {
	name := fmt.Sprintf("Maps_%s_%s_%s_z=0.00.npy", fieldName, d.Suite, set)
	w := &Writer{
		path:    filepath.Join(dir, name),
		table:   filepath.Join(dir, fmt.Sprintf("params_%s_%s.txt", set, d.Suite)),
		partial: filepath.Join(dir, name+".partial"), cells: cells, params: slices.Clone(params),
		prior: d.Prior(), offset: d.Offset,
	}
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("camels: write %s: %w", w.path, err)
	}
	if len(params) == 0 || cells < 1 {
		return nil, fmt.Errorf("camels: write %s: %d simulations of %d pixels a side, want at least "+
			"one of each", w.path, len(params), cells)
	}
	if err := w.adopt(d); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// adopt finds what is in the directory: a finished set, and finished simulations of a larger one.
func (w *Writer) adopt(d Description) error {
	if err := w.recover(); err != nil {
		return err
	}
	_, err := os.Stat(w.path)
	switch {
	case err == nil:
		if err := w.open(d); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("camels: write %s: %w; choose a directory that can be written to", w.path, err)
	}
	if w.complete() {
		return nil
	}
	begun, err := readTable(w.begun())
	if err == nil {
		err = begun.condition(w.prior)
	}
	if err == nil {
		err = w.agrees(begun)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return saveFile(w.begun(), formatTable(w.prior, w.params))
}

// open opens the finished set and checks that it is the first part of the requested one.
func (w *Writer) open(d Description) error {
	old, err := openMaps(w.path, w.table, d)
	if err != nil {
		return err
	}
	w.old = old
	if old.Simulations() > len(w.params) || old.box.Cells != w.cells {
		return fmt.Errorf("camels: %s holds %d simulations of %d pixels a side already, asked for %d "+
			"of %d: use another directory", w.path, old.Simulations(), old.box.Cells, len(w.params), w.cells)
	}
	return w.agrees(old.table)
}

// agrees returns an error unless the rows of t and the requested parameters are the same, up to the
// shorter of both.
func (w *Writer) agrees(t table) error {
	for i := range min(t.len(), len(w.params)) {
		if t.params(i) != w.params[i] {
			return fmt.Errorf("camels: %s row %d is %v, the set asked for has %v: use another directory",
				t.path, i, t.params(i), w.params[i])
		}
	}
	return nil
}

// recover completes a Finish that was killed between its last two steps, after the table was
// replaced and before the maps were.
func (w *Writer) recover() error {
	f, err := openNPY(w.assembled(), 3)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.close()
	t, err := readTable(w.table)
	if err != nil || t.len()*MapsPerSimulation != f.items {
		return nil // killed earlier: all is still in place, and Finish assembles once more
	}
	return w.publish()
}

// begun is the path of the table of the unfinished set, which identifies its simulations.
func (w *Writer) begun() string { return filepath.Join(w.partial, "params.txt") }

// assembled is the path of the file of all maps before it is renamed.
func (w *Writer) assembled() string { return filepath.Join(w.partial, "maps.npy") }

func (w *Writer) simulation(sim int) string {
	return filepath.Join(w.partial, fmt.Sprintf("simulation-%06d.f32", sim))
}

func (w *Writer) kept(sim int) bool { return w.old != nil && sim < w.old.Simulations() }

// complete reports whether the finished set is all that was asked for.
func (w *Writer) complete() bool { return w.kept(len(w.params) - 1) }

// bytes of one simulation's maps.
func (w *Writer) bytes() int64 { return 4 * MapsPerSimulation * int64(w.cells) * int64(w.cells) }

// Done reports whether a simulation is written.
func (w *Writer) Done(sim int) bool {
	if w.kept(sim) {
		return true
	}
	info, err := os.Stat(w.simulation(sim))
	return err == nil && info.Size() == w.bytes()
}

// Put writes the maps of a simulation, unless it is in the finished set already. A pixel that is
// not finite and positive is an error; if the description has an offset it may be 0. It is safe for
// concurrent use with different simulations. It panics on maps of another number or side.
func (w *Writer) Put(sim int, maps []field.Map) error {
	if sim < 0 || sim >= len(w.params) {
		panic(fmt.Sprintf("camels: Put of simulation %d of %d", sim, len(w.params)))
	}
	if len(maps) != MapsPerSimulation {
		panic(fmt.Sprintf("camels: Put of %d maps, want %d", len(maps), MapsPerSimulation))
	}
	raw := make([]byte, 0, w.bytes())
	for i, m := range maps {
		if m.Box.Cells != w.cells || len(m.Values) != m.Box.Pixels() {
			panic(fmt.Sprintf("camels: Put of a map of %d values at a side of %d, want a side of %d",
				len(m.Values), m.Box.Cells, w.cells))
		}
		read := m
		if w.offset > 0 {
			read.Values = slices.Clone(m.Values)
			shift(read.Values, w.offset)
		}
		if err := read.CheckPositive(); err != nil {
			return fmt.Errorf("camels: write %s: simulation %d, map %d: %w", w.path, sim, i, err)
		}
		raw = appendFloats(raw, m.Values)
	}
	if w.kept(sim) {
		return nil
	}
	return saveFile(w.simulation(sim), raw)
}

// Finish writes the table and the file of all maps and removes the directory of finished
// simulations. A simulation that is missing is an error, and then nothing changes.
func (w *Writer) Finish() error {
	if w.complete() {
		return errors.Join(w.Close(), os.RemoveAll(w.partial)) // may be left from a killed process
	}
	for sim := range w.params {
		if !w.Done(sim) {
			return fmt.Errorf("camels: %s cannot be finished: simulation %d is missing; go on with the "+
				"same settings", w.path, sim)
		}
	}
	if err := save(w.assembled(), w.assemble); err != nil {
		return err
	}
	if err := errors.Join(w.Close(), saveFile(w.table, formatTable(w.prior, w.params))); err != nil {
		return err
	}
	return w.publish()
}

// publish gives the assembled file its name and removes what it was made of.
func (w *Writer) publish() error {
	if err := safefile.Rename(w.assembled(), w.path); err != nil {
		return fmt.Errorf("camels: write %s: %w", w.path, err)
	}
	if err := os.RemoveAll(w.partial); err != nil {
		return fmt.Errorf("camels: %s is complete, but what it was made of is not removed: %w", w.path,
			err)
	}
	return nil
}

// assemble writes a header and all simulations.
func (w *Writer) assemble(out io.Writer) error {
	_, err := out.Write(npyHeader(MapsPerSimulation*len(w.params), w.cells, w.cells))
	for sim := 0; sim < len(w.params) && err == nil; sim++ {
		err = w.copy(out, sim)
	}
	return err
}

func (w *Writer) copy(out io.Writer, sim int) error {
	if w.kept(sim) {
		values, err := w.old.file.read(sim*MapsPerSimulation, MapsPerSimulation)
		if err == nil {
			_, err = out.Write(appendFloats(nil, values))
		}
		return err
	}
	in, err := os.Open(w.simulation(sim))
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(out, in)
	return err
}

// Close closes a writer without finishing; simulations that were put are kept for the next one.
func (w *Writer) Close() error {
	if w.old == nil {
		return nil
	}
	old := w.old
	w.old = nil
	return old.close()
}
