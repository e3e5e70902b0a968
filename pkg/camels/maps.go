package camels

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

// MapsPerSimulation is the number of maps of one simulation: 3 axes × 5 slabs.
const MapsPerSimulation = 15

// Maps is one file of maps with its table. Maps are read one window at a time, so that files may be larger than memory. It is
// safe for concurrent use.
type Maps struct {
	file   *npy
	table  table
	box    field.Box
	offset float64 // added to every pixel

	mu       sync.Mutex
	averages map[int]*averages // by side
}

// openMaps opens a file of maps and its table and checks that they fit each other.
func openMaps(path, tablePath string, d Description) (*Maps, error) {
	f, err := openNPY(path)
	if err != nil {
		return nil, err
	}
	m := &Maps{file: f, box: field.Box{Side: d.BoxSide, Cells: f.cells}, offset: d.Offset, averages: map[int]*averages{}}
	if err := m.label(tablePath); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return m, nil
}

func (m *Maps) label(tablePath string) (err error) {
	if m.file.maps%MapsPerSimulation != 0 {
		return fmt.Errorf("camels: %s holds %d maps, want a multiple of %d: the file is incomplete or not in CMD's layout; copy it again", m.file.path, m.file.maps, MapsPerSimulation)
	}
	if m.table, err = readTable(tablePath); err != nil {
		return err
	}
	if m.table.len() != m.Simulations() {
		return fmt.Errorf("camels: %s has %d rows, but %s holds %d maps = %d simulations × %d: they do not belong together; copy the table that came with the maps", tablePath, m.table.len(), m.file.path, m.file.maps, m.Simulations(), MapsPerSimulation)
	}
	return m.table.check(cosmology.CAMELSPrior())
}

// Path returns the file of the maps.
func (m *Maps) Path() string { return m.file.path }

// TablePath returns the file of the parameters.
func (m *Maps) TablePath() string { return m.table.path }

// Len returns the number of maps.
func (m *Maps) Len() int { return m.file.maps }

// Simulations returns the number of simulations.
func (m *Maps) Simulations() int { return m.file.maps / MapsPerSimulation }

// Box returns the geometry of the maps.
func (m *Maps) Box() field.Box { return m.box }

// Params returns the parameters of a simulation.
func (m *Maps) Params(sim int) cosmology.Params { return m.table.params(sim) }

// Map returns map i, which belongs to simulation i/15. A pixel that is not finite and positive once the description's offset is added
// is an error. It panics unless there is such a map.
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

// window returns n maps from the first on, all of whose pixels have logarithms.
func (m *Maps) window(first, n int) ([]field.Map, error) {
	out, err := m.file.window(first, n, m.box.Side)
	if err != nil {
		return nil, err
	}
	for i := range out {
		m.shift(out[i].Values)
		if err := out[i].CheckPositive(); err != nil {
			return nil, fmt.Errorf("camels: %s map %d: %w, for its logarithm is needed; replace or remove that simulation%s", m.file.path, first+i, err, m.wayOut(err))
		}
	}
	return out, nil
}

// shift adds the offset to pixels that may have one: negative ones and NaN stay what they are, to be complained about.
func (m *Maps) shift(values []float32) {
	if m.offset == 0 {
		return
	}
	for i, v := range values {
		if v >= 0 {
			values[i] = float32(float64(v) + m.offset)
		}
	}
}

// wayOut says what helps where a field is 0 because there is nothing.
func (m *Maps) wayOut(err error) string {
	var pixel *field.PixelError
	if !errors.As(err, &pixel) || pixel.Value != 0 {
		return ""
	}
	return fmt.Sprintf(", or, if the field may be 0, write offset: 1 to %s: it is added to every pixel", filepath.Join(filepath.Dir(m.file.path), DescriptionFile))
}

func (m *Maps) close() error {
	errs := []error{m.file.close()}
	for _, a := range m.averages {
		errs = append(errs, a.close())
	}
	return errors.Join(errs...)
}
