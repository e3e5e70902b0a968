package camels

import (
	"errors"
	"fmt"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

// MapsPerSimulation is the number of maps of one simulation: 3 axes × 5 slabs.
const MapsPerSimulation = 15

// Maps is one file of maps with its table. Maps are read one window at a time, so that files may be larger than memory. It is
// safe for concurrent use.
type Maps struct {
	file  *npy
	table table
	box   field.Box
}

// openMaps opens a file of maps and its table and checks that they fit each other.
func openMaps(path, tablePath string, side float64) (*Maps, error) {
	f, err := openNPY(path)
	if err != nil {
		return nil, err
	}
	m := &Maps{file: f, box: field.Box{Side: side, Cells: f.cells}}
	if err := m.label(tablePath); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return m, nil
}

func (m *Maps) label(tablePath string) (err error) {
	if m.file.maps%MapsPerSimulation != 0 {
		return fmt.Errorf("camels: %s holds %d maps, want a multiple of %d: the file is incomplete or not in CMD's layout", m.file.path, m.file.maps, MapsPerSimulation)
	}
	if m.table, err = readTable(tablePath); err != nil {
		return err
	}
	if len(m.table.rows) != m.Simulations() {
		return fmt.Errorf("camels: %s has %d rows, but %s holds %d maps = %d simulations × %d: they do not belong together", tablePath, len(m.table.rows), m.file.path, m.file.maps, m.Simulations(), MapsPerSimulation)
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

// Row returns all numbers of a simulation's row.
func (m *Maps) Row(sim int) []float64 { return m.table.rows[sim] }

// Map returns map i, which belongs to simulation i/15. A pixel that is not finite and positive is an error. It panics unless there is
// such a map.
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
		if err := out[i].CheckPositive(); err != nil {
			return nil, fmt.Errorf("camels: %s map %d: %w; its logarithm is needed, so replace or remove that simulation", m.file.path, first+i, err)
		}
	}
	return out, nil
}

func (m *Maps) close() error { return m.file.close() }
