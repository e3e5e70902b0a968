package camels

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

// Writer writes a set simulation by simulation. Finished simulations lie in a directory beside the set until all are there;
// then file and table appear. A killed writer goes on where it was, and the files are the same byte for byte.
type Writer struct {
	dir     string
	path    string // of the maps
	table   string // path of the parameters
	partial string // directory of finished simulations
	cells   int
	params  []cosmology.Params
	old     *Maps // a smaller set that was finished before; nil: none
}

// NewWriter prepares to write maps of cells pixels a side for simulations with the given parameters. A finished set in dir
// whose table starts the same is kept or added to; any other is an error.
func NewWriter(dir string, d Description, fieldName string, set Set, cells int, params []cosmology.Params) (*Writer, error) {
	name := fmt.Sprintf("Maps_%s_%s_%s_z=0.00.npy", fieldName, d.Suite, set)
	w := &Writer{
		dir: dir, path: filepath.Join(dir, name), table: filepath.Join(dir, fmt.Sprintf("params_%s_%s.txt", set, d.Suite)),
		partial: filepath.Join(dir, name+".partial"), cells: cells, params: params,
	}
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("camels: write %s: %w", w.path, err)
	}
	if len(params) == 0 || cells < 1 {
		return nil, fmt.Errorf("camels: write %s: %d simulations of %d pixels a side, want at least one of each", w.path, len(params), cells)
	}
	return w, w.adopt(d.BoxSide)
}

// adopt opens a finished set that is there already.
func (w *Writer) adopt(side float64) error {
	if _, err := os.Stat(w.path); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(w.partial, 0o755); err != nil {
			return fmt.Errorf("camels: write %s: %w", w.path, err)
		}
		return nil
	}
	old, err := openMaps(w.path, w.table, side)
	if err != nil {
		return err
	}
	w.old = old
	if old.Simulations() > len(w.params) || old.box.Cells != w.cells {
		return errors.Join(w.Close(), fmt.Errorf("camels: %s holds %d simulations of %d pixels a side already, asked for %d of %d: use another directory", w.path, old.Simulations(), old.box.Cells, len(w.params), w.cells))
	}
	for sim := range old.Simulations() {
		if old.Params(sim) != w.params[sim] {
			return errors.Join(w.Close(), fmt.Errorf("camels: %s row %d is %v, the set asked for has %v: use another directory", w.table, sim, old.Params(sim), w.params[sim]))
		}
	}
	if old.Simulations() < len(w.params) {
		if err := os.MkdirAll(w.partial, 0o755); err != nil {
			return errors.Join(w.Close(), fmt.Errorf("camels: write %s: %w", w.path, err))
		}
	}
	return nil
}

func (w *Writer) simulation(sim int) string {
	return filepath.Join(w.partial, fmt.Sprintf("simulation-%06d.f32", sim))
}

func (w *Writer) kept(sim int) bool { return w.old != nil && sim < w.old.Simulations() }

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

// Put writes the maps of a simulation. It is safe for concurrent use with different simulations.
func (w *Writer) Put(sim int, maps []field.Map) error {
	if len(maps) != MapsPerSimulation {
		panic(fmt.Sprintf("camels: Put of %d maps, want %d", len(maps), MapsPerSimulation))
	}
	raw := make([]byte, 0, w.bytes())
	for i, m := range maps {
		if m.Box.Cells != w.cells {
			panic(fmt.Sprintf("camels: Put of a map of %d pixels a side, want %d", m.Box.Cells, w.cells))
		}
		if err := m.CheckPositive(); err != nil {
			return fmt.Errorf("camels: simulation %d, map %d: %w", sim, i, err)
		}
		raw = appendFloats(raw, m.Values)
	}
	return writeFile(w.simulation(sim), raw)
}

// Finish writes the table and the file of all maps and removes the directory of finished simulations.
func (w *Writer) Finish() error {
	if w.old != nil && w.old.Simulations() == len(w.params) {
		return w.Close()
	}
	for sim := range w.params {
		if !w.Done(sim) {
			return fmt.Errorf("camels: %s cannot be finished: simulation %d is missing", w.path, sim)
		}
	}
	if err := atomically(w.path+".new", w.assemble); err != nil {
		return err
	}
	if err := errors.Join(w.Close(), writeFile(w.table, formatTable(w.params))); err != nil {
		return err
	}
	if err := os.Rename(w.path+".new", w.path); err != nil {
		return fmt.Errorf("camels: write %s: %w", w.path, err)
	}
	return os.RemoveAll(w.partial)
}

// assemble copies all simulations into f, behind a header.
func (w *Writer) assemble(f *os.File) error {
	out := bufio.NewWriterSize(f, 1<<20)
	out.Write(npyHeader(MapsPerSimulation*len(w.params), w.cells, w.cells)) // its error comes back from Flush
	for sim := range w.params {
		if err := w.copy(out, sim); err != nil {
			return err
		}
	}
	return out.Flush()
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

// Close frees a writer without finishing; what was put stays for the next one.
func (w *Writer) Close() error {
	if w.old == nil {
		return nil
	}
	return w.old.close()
}
