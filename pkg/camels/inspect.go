package camels

import (
	"context"
	"math"
)

// Report is what Inspect finds in a directory of maps.
type Report struct {
	Dir      string      `json:"dir"`
	Suite    string      `json:"suite"`
	Field    string      `json:"field"`
	Unit     string      `json:"unit"`
	BoxSide  float64     `json:"box_side_mpc_h"`
	Periodic bool        `json:"periodic"`
	LogRange [2]float64  `json:"log_range"` // zero: training measures it
	Offset   float64     `json:"offset"`
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

	// Columns of the table, counted from 1, that Ω_m and σ_8 were taken from, such as "column 3,
	// sigma_8".
	OmegaMSource string `json:"omega_m_source,omitempty"`
	Sigma8Source string `json:"sigma_8_source,omitempty"`

	// Of a table in which parameters vary one at a time: the simulations of the fiducial model, and those of every parameter.
	Fiducial   []int       `json:"fiducial,omitempty"`
	Variations []Variation `json:"variations,omitempty"`

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
// logarithm is an error that names it. progress may be nil.
func (s *Suite) Inspect(ctx context.Context, progress func(done, maps int)) (Report, error) {
	d := s.Description
	out := Report{
		Dir: s.Dir, Suite: d.Suite, Field: s.Field, Unit: d.Unit, BoxSide: d.BoxSide, Periodic: d.Periodic, LogRange: d.LogRange, Offset: d.Offset,
	}
	total, done := 0, 0
	for _, m := range s.Sets {
		total += m.Len()
	}
	for _, set := range order(s.Sets) {
		m := s.Sets[set]
		r := m.table.report()
		r.Set, r.Path, r.Maps, r.Side = set, m.Path(), m.Len(), m.box.Cells
		acc, err := m.logarithms(ctx, all(m.Simulations()), func(n int) {
			if progress != nil {
				progress(done+n, total)
			}
		})
		if err != nil {
			return out, err
		}
		done += m.Len()
		r.Moments = acc.moments()
		out.Sets = append(out.Sets, r)
	}
	return out, nil
}

func all(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// logarithms reads simulations and sums up the log10 of their pixels; progress is told how many maps are done.
func (m *Maps) logarithms(ctx context.Context, sims []int, progress func(done int)) (accumulator, error) {
	var acc accumulator
	for i, sim := range sims {
		if err := ctx.Err(); err != nil {
			return acc, err
		}
		for slab := range MapsPerSimulation { // one by one, for a map may be large
			x, err := m.Map(sim*MapsPerSimulation + slab)
			if err != nil {
				return acc, err
			}
			acc.add(x.Values)
		}
		progress((i + 1) * MapsPerSimulation)
	}
	return acc, nil
}

// LogRange returns the least and the largest log10 of all pixels of some simulations, rounded outwards to 0.001. It is measured at the
// pixels of the file, so that it does not depend on the side that maps are averaged to. progress may be nil.
func (m *Maps) LogRange(ctx context.Context, sims []int, progress func(done, maps int)) ([2]float64, error) {
	acc, err := m.logarithms(ctx, sims, func(done int) {
		if progress != nil {
			progress(done, MapsPerSimulation*len(sims))
		}
	})
	if err != nil {
		return [2]float64{}, err
	}
	return [2]float64{math.Floor(acc.low*1000) / 1000, math.Ceil(acc.high*1000) / 1000}, nil
}

// report describes a table.
func (t table) report() SetReport {
	r := SetReport{Table: t.path, Simulations: t.len(), Columns: len(t.columns),
		OmegaM: t.limits(t.omegaM), Sigma8: t.limits(t.sigma8), OmegaMSource: t.sources[0],
		Sigma8Source: t.sources[1]}
	if fiducial, variations := t.variations(); len(variations) > 0 {
		r.Fiducial, r.Variations = fiducial, variations
	}
	return r
}

// limits returns the least and the largest value of a column.
func (t table) limits(column int) [2]float64 {
	out := [2]float64{math.Inf(1), math.Inf(-1)}
	for i := range t.len() {
		v := t.row(i)[column]
		out = [2]float64{min(out[0], v), max(out[1], v)}
	}
	return out
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

// InspectMaps reports on a single .npy file of maps, whatever its name and its values, reading one map at a time. progress may be nil.
func InspectMaps(ctx context.Context, path string, progress func(done, maps int)) (SetReport, error) {
	f, err := openNPY(path)
	if err != nil {
		return SetReport{}, err
	}
	defer f.close()
	r := SetReport{Path: path, Maps: f.maps, Side: f.cells}
	var acc accumulator
	for i := range f.maps {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		values, err := f.read(i, 1)
		if err != nil {
			return r, err
		}
		acc.add(values)
		if progress != nil {
			progress(i+1, f.maps)
		}
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
	return t.report(), nil
}
