package camels

import (
	"context"
	"math"
	"slices"
)

// Report is what Inspect finds in a directory of maps.
type Report struct {
	Dir      string      `json:"dir"`
	Suite    string      `json:"suite"`
	Field    string      `json:"field"`
	Unit     string      `json:"unit"`
	BoxSide  float64     `json:"box_side_mpc_h"`
	Periodic bool        `json:"periodic"`
	LogRange [2]float64  `json:"log_range"`
	Sets     []SetReport `json:"sets"`
}

// SetReport describes one set, or a file of maps or a table alone; what that lacks is zero. Moments are of the log10 of all pixels.
type SetReport struct {
	Set         Set        `json:"set"`
	Path        string     `json:"path"`
	Table       string     `json:"table"`
	Simulations int        `json:"simulations"`
	Maps        int        `json:"maps"`
	Side        int        `json:"side"` // pixels
	Columns     int        `json:"columns"`
	OmegaM      [2]float64 `json:"omega_m"` // least and largest
	Sigma8      [2]float64 `json:"sigma_8"`
	Moments
}

// Moments describe the log10 of the pixels that have one.
type Moments struct {
	LogMean float64 `json:"log10_mean"`
	LogStd  float64 `json:"log10_std"`
	LogMin  float64 `json:"log10_min"`
	LogMax  float64 `json:"log10_max"`
	NoLog   int     `json:"pixels_without_log10"` // NaN, infinite, 0 or negative; always 0 in a suite, where they are errors
}

// Inspect reads every map of the suite, a simulation at a time, and reports shapes, ranges and moments. A pixel without a
// logarithm is an error that names it.
func (s *Suite) Inspect(ctx context.Context) (Report, error) {
	d := s.Description
	out := Report{Dir: s.Dir, Suite: d.Suite, Field: s.Field, Unit: d.Unit, BoxSide: d.BoxSide, Periodic: d.Periodic, LogRange: d.LogRange}
	for _, set := range allSets {
		if !s.Has(set) {
			continue
		}
		r, err := s.Sets[set].inspect(ctx)
		if err != nil {
			return out, err
		}
		r.Set = set
		out.Sets = append(out.Sets, r)
	}
	return out, nil
}

func (m *Maps) inspect(ctx context.Context) (SetReport, error) {
	r := SetReport{
		Path: m.Path(), Table: m.TablePath(), Simulations: m.Simulations(), Maps: m.Len(), Side: m.box.Cells, Columns: len(m.table.rows[0]),
		OmegaM: m.table.limits(0), Sigma8: m.table.limits(1),
	}
	var acc accumulator
	for sim := range m.Simulations() {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		maps, err := m.Simulation(sim)
		if err != nil {
			return r, err
		}
		for _, x := range maps {
			acc.add(x.Values)
		}
	}
	r.Moments = acc.moments()
	return r, nil
}

// limits returns the least and the largest value of a column.
func (t table) limits(column int) [2]float64 {
	var values []float64
	for _, row := range t.rows {
		values = append(values, row[column])
	}
	return [2]float64{slices.Min(values), slices.Max(values)}
}

// accumulator sums logarithms. The sums are of differences from the first, so that a small spread survives any number of pixels.
type accumulator struct {
	n, none      int
	first        float64
	sum, squares float64
	low, high    float64
}

func (a *accumulator) add(values []float32) {
	for _, v := range values {
		if !(v > 0) || math.IsInf(float64(v), 0) {
			a.none++
			continue
		}
		l := math.Log10(float64(v))
		if a.n == 0 {
			a.first, a.low, a.high = l, l, l
		}
		a.n++
		a.sum, a.squares = a.sum+l-a.first, a.squares+(l-a.first)*(l-a.first)
		a.low, a.high = min(a.low, l), max(a.high, l)
	}
}

// moments returns zeros where no pixel has a logarithm: NaN is no JSON.
func (a *accumulator) moments() Moments {
	if a.n == 0 {
		return Moments{NoLog: a.none}
	}
	n := float64(a.n)
	mean := a.sum / n
	return Moments{LogMean: a.first + mean, LogStd: math.Sqrt(max(0, a.squares/n-mean*mean)), LogMin: a.low, LogMax: a.high, NoLog: a.none}
}

// InspectMaps reports on a single .npy file of maps, whatever its name and its values, reading one map at a time.
func InspectMaps(path string) (SetReport, error) {
	f, err := openNPY(path)
	if err != nil {
		return SetReport{}, err
	}
	defer f.close()
	r := SetReport{Path: path, Maps: f.maps, Side: f.cells}
	var acc accumulator
	for i := range f.maps {
		values, err := f.read(i, 1)
		if err != nil {
			return r, err
		}
		acc.add(values)
	}
	r.Moments = acc.moments()
	return r, nil
}

// InspectTable reports on a single table of parameters.
func InspectTable(path string) (SetReport, error) {
	t, err := readTable(path)
	if err != nil {
		return SetReport{}, err
	}
	return SetReport{Table: path, Simulations: len(t.rows), Columns: len(t.rows[0]), OmegaM: t.limits(0), Sigma8: t.limits(1)}, nil
}
