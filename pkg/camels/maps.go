package camels

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"sync"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

// MapsPerSimulation is the number of maps of one simulation: 3 axes × 5 slabs.
const MapsPerSimulation = 15

// Maps is one file of maps with its table. Maps are read one window at a time, so that files may
// be larger than memory. It is safe for concurrent use.
type Maps struct {
	file   *npy
	table  table
	box    field.Box
	field  string  // by the file's name; "": not known
	unit   string  // of the linear values
	stored storage // how the file holds them
	offset float64 // added to every pixel

	mu       sync.Mutex
	averages map[int]*averages // by side
}

// openMaps opens a file of maps and its table and checks that they fit each other.
func openMaps(path, tablePath string, d Description) (*Maps, error) {
	f, err := openNPY(path, 3)
	if err != nil {
		return nil, err
	}
	m := &Maps{
		file: f, box: field.Box{Side: d.BoxSide, Cells: f.cells}, offset: d.Offset,
		averages: map[int]*averages{},
	}
	if p := mapFile.FindStringSubmatch(filepath.Base(path)); p != nil {
		m.field = p[1]
	}
	m.unit, m.stored = stored(d.Unit)
	if err := m.label(tablePath, d.Prior()); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return m, nil
}

func (m *Maps) label(tablePath string, prior cosmology.Prior) (err error) {
	if m.file.items%MapsPerSimulation != 0 {
		return fmt.Errorf("camels: %s holds %d maps, want a multiple of %d: the file is incomplete or "+
			"not in CMD's layout; copy it again", m.file.path, m.file.items, MapsPerSimulation)
	}
	if m.table, err = readTable(tablePath); err != nil {
		return err
	}
	if m.table.len() != m.Simulations() {
		return fmt.Errorf("camels: %s has %d rows, but %s holds %d maps = %d simulations × %d: they do "+
			"not belong together; copy the table that came with the maps", tablePath, m.table.len(),
			m.file.path, m.file.items, m.Simulations(), MapsPerSimulation)
	}
	return m.table.condition(prior)
}

// Path returns the file of the maps.
func (m *Maps) Path() string { return m.file.path }

// Len returns the number of maps.
func (m *Maps) Len() int { return m.file.items }

// Simulations returns the number of simulations.
func (m *Maps) Simulations() int { return m.file.items / MapsPerSimulation }

// Box returns the geometry of the maps.
func (m *Maps) Box() field.Box { return m.box }

// Params returns the parameters of a simulation.
func (m *Maps) Params(sim int) cosmology.Params { return m.table.params(sim) }

// Map returns map i, which belongs to simulation i/15. A pixel that is not finite and positive
// once the description's offset is added is an error, and so are a map of zeros and values that
// cannot be in the description's unit. It panics unless there is such a map.
func (m *Maps) Map(i int) (field.Map, error) {
	maps, err := m.window(i, 1)
	if err != nil {
		return field.Map{}, err
	}
	return maps[0], nil
}

// Simulation returns the 15 maps of a simulation.
func (m *Maps) Simulation(sim int) ([]field.Map, error) {
	return m.window(sim*MapsPerSimulation, MapsPerSimulation)
}

// window returns n maps from the first on; all their pixels have logarithms.
func (m *Maps) window(first, n int) ([]field.Map, error) {
	out, err := m.file.window(first, n, m.box.Side)
	if err != nil {
		return nil, err
	}
	for i := range out {
		if err := m.take(first+i, out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// take converts map i, as it is in the file, to linear values, adds the offset and checks them.
func (m *Maps) take(i int, x field.Map) error {
	where := fmt.Sprintf("camels: %s map %d", m.file.path, i)
	m.stored.linear(x.Values)
	var v Values
	v.Add(x.Values)
	switch {
	case v.NotFinite > 0: // CheckPositive says where
	case v.Empty():
		return fmt.Errorf("%s: %w", where, errEmpty)
	default:
		if err := v.check(where, filepath.Dir(m.file.path), m.unit, m.field); err != nil {
			return err
		}
	}
	shift(x.Values, m.offset)
	if err := x.CheckPositive(); err != nil {
		return fmt.Errorf("%s: %w, for its logarithm is needed; replace or remove that simulation%s",
			where, err, m.offsetHint(err))
	}
	return nil
}

// shift adds the offset to pixels >= 0. Negative ones and NaN stay as they are, so that checks find
// them.
func shift(values []float32, offset float64) {
	if offset == 0 {
		return
	}
	for i, v := range values {
		if v >= 0 {
			values[i] = float32(float64(v) + offset)
		}
	}
}

// offsetHint returns the remedy for a pixel that is 0 because there is no matter.
func (m *Maps) offsetHint(err error) string {
	var pixel *field.PixelError
	if !errors.As(err, &pixel) || pixel.Value != 0 {
		return ""
	}
	return fmt.Sprintf(", or, if the field may be 0, write offset: 1 to %s: it is added to every "+
		"pixel", filepath.Join(filepath.Dir(m.file.path), DescriptionFile))
}

func (m *Maps) close() error {
	errs := []error{m.file.close()}
	for _, a := range m.averages {
		errs = append(errs, a.close())
	}
	return errors.Join(errs...)
}

// RangeWarning returns a warning if the log10 of maps, averaged to side pixels, lies far outside
// the range that a network is trained on, and "" otherwise. It reads one map of each of up to the
// given number of simulations, evenly spaced in the file.
func (m *Maps) RangeWarning(s field.Scaling, side, simulations int) (string, error) {
	n := min(simulations, m.Simulations())
	low, high := math.Inf(1), math.Inf(-1)
	for i := range n {
		x, err := m.Average(i*m.Simulations()/n*MapsPerSimulation, side)
		if err != nil {
			return "", err
		}
		l, err := x.Log10()
		if err != nil {
			return "", err
		}
		a, b := l.Range()
		low, high = min(low, a), max(high, b)
	}
	return s.Warning("maps of "+m.file.path, low, high), nil
}
