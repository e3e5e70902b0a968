package camels

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"darkfield/pkg/field"
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

// SetReport describes one set, or a file of maps or a table alone, for which the other fields are
// zero. Moments are of the log10 of all pixels.
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

	// OmegaMSource and Sigma8Source are the columns of the table, counted from 1, that Ω_m and σ_8
	// were taken from, such as "column 3, sigma_8".
	OmegaMSource string `json:"omega_m_source,omitempty"`
	Sigma8Source string `json:"sigma_8_source,omitempty"`

	// Fiducial and Variations are set for a table in which parameters vary one at a time: the
	// simulations of the fiducial model, and those of every parameter.
	Fiducial   []int       `json:"fiducial,omitempty"`
	Variations []Variation `json:"variations,omitempty"`

	Moments

	// The rest is of a single file of maps: its description, the kind that its values look like, and
	// pixels that no map should have.
	BoxSide  float64 `json:"box_side_mpc_h,omitempty"`
	Periodic *bool   `json:"periodic,omitempty"`
	Unit     string  `json:"unit,omitempty"`
	Looks    Content `json:"looks_like,omitempty"`
	Faults   Faults  `json:"faults"`
	Warning  string  `json:"warning,omitempty"` // values that contradict the unit
}

// Faults counts and locates what no map should have.
type Faults struct {
	Empty     []int  `json:"maps_all_zero,omitempty"`   // never written
	NotFinite []int  `json:"maps_not_finite,omitempty"` // with NaN or infinite pixels
	Pixels    int    `json:"pixels_not_finite,omitempty"`
	First     string `json:"first,omitempty"` // such pixel
}

// add checks map i and reports whether it is all 0.
func (f *Faults) add(i int, m field.Map) (empty bool) {
	var v Values
	v.Add(m.Values)
	if v.Empty() {
		f.Empty = append(f.Empty, i)
		return true
	}
	if v.NotFinite == 0 {
		return false
	}
	if f.First == "" {
		p := firstNotFinite(m)
		f.First = fmt.Sprintf("map %d pixel (y=%d, x=%d) is %g", i, p.Y, p.X, p.Value)
	}
	f.NotFinite, f.Pixels = append(f.NotFinite, i), f.Pixels+v.NotFinite
	return false
}

// String describes the faults; it is empty where there are none.
func (f Faults) String() string {
	var out []string
	if n := len(f.Empty); n > 0 {
		out = append(out, fmt.Sprintf("all 0: %d (maps %s)", n, Spans(f.Empty)))
	}
	if n := len(f.NotFinite); n > 0 {
		out = append(out, fmt.Sprintf("with pixels that are not finite: %d (maps %s; %d pixels, the "+
			"first: %s)", n, Spans(f.NotFinite), f.Pixels, f.First))
	}
	return strings.Join(out, "; ")
}

// Spans writes numbers as ranges, such as 0–10, 15.
func Spans(numbers []int) string {
	var out []string
	sorted := slices.Sorted(slices.Values(numbers))
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n] == sorted[0]+n {
			n++
		}
		text := fmt.Sprint(sorted[0])
		if n > 1 {
			text += fmt.Sprintf("–%d", sorted[n-1])
		}
		out, sorted = append(out, text), sorted[n:]
	}
	return strings.Join(out, ", ")
}

// Moments describe the log10 of the pixels that have one.
type Moments struct {
	LogMean float64 `json:"log10_mean"`
	LogStd  float64 `json:"log10_std"`
	LogMin  float64 `json:"log10_min"`
	LogMax  float64 `json:"log10_max"`
	// NoLog counts pixels that are NaN, infinite, 0 or negative; 0 in a suite, where they are errors.
	NoLog int `json:"pixels_without_log10"`
}

// Inspect reads every map of the suite, a simulation at a time, and reports shapes, ranges and
// moments. A pixel without a logarithm is an error that names it, and counts and places maps of
// zeros and pixels that are not finite in all of the set. progress may be nil.
func (s *Suite) Inspect(ctx context.Context, progress func(done, maps int)) (Report, error) {
	d := s.Description
	out := Report{
		Dir: s.Dir, Suite: d.Suite, Field: s.Field, Unit: d.Unit, BoxSide: d.BoxSide,
		Periodic: d.Periodic, LogRange: d.LogRange, Offset: d.Offset,
	}
	total, done := 0, 0
	for _, m := range s.Sets {
		total += m.Len()
	}
	for _, set := range order(s.Sets) {
		m := s.Sets[set]
		r := m.table.report()
		r.Set, r.Path, r.Maps, r.Side = set, m.Path(), m.Len(), m.box.Cells
		tell := func(n int) {
			if progress != nil {
				progress(done+n, total)
			}
		}
		acc, err := m.logarithms(ctx, all(m.Simulations()), tell)
		if err != nil {
			return out, errors.Join(err, m.faults(ctx, tell))
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

// logarithms reads simulations and sums up the log10 of their pixels; progress is told how many
// maps are done.
func (m *Maps) logarithms(ctx context.Context, sims []int, progress func(done int),
) (accumulator, error) {
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

// faults returns an error that describes the faults of all maps of the file; nil if there are none,
// or if the file is large.
func (m *Maps) faults(ctx context.Context, progress func(done int)) error {
	var f Faults
	if m.file.size >= largeFile {
		return nil // takes minutes: inspecting the file by itself counts them
	}
	for i := range m.Len() {
		if ctx.Err() != nil {
			return nil
		}
		x, err := m.file.window(i, 1, m.box.Side)
		if err != nil {
			return nil // said already
		}
		f.add(i, x[0])
		progress(i + 1)
	}
	if text := f.String(); text != "" {
		return fmt.Errorf("of its %d maps, %s", m.Len(), text)
	}
	return nil
}

// LogRange returns the least and the largest log10 of all pixels of the given simulations, rounded
// outwards to 0.001. It is measured at full resolution, so that it does not depend on the side that
// maps are averaged to. progress may be nil.
func (m *Maps) LogRange(ctx context.Context, sims []int, progress func(done, maps int),
) ([2]float64, error) {
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
	r := SetReport{
		Table: t.path, Simulations: t.len(), Columns: len(t.columns),
		OmegaM: t.limits(t.omegaM), Sigma8: t.limits(t.sigma8), OmegaMSource: t.sources[0],
		Sigma8Source: t.sources[1],
	}
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

// accumulator sums logarithms, as differences from the first one, so that the variance keeps its
// precision for any number of pixels.
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
	return Moments{
		LogMean: a.first + mean, LogStd: math.Sqrt(max(0, a.squares/n-mean*mean)),
		LogMin: a.low, LogMax: a.high, NoLog: a.none,
	}
}

// InspectMaps reports on a single .npy file of maps, whatever its name and its values, reading
// one map at a time. progress may be nil.
func InspectMaps(ctx context.Context, path string, progress func(done, maps int),
) (SetReport, error) {
	f, err := OpenFile(path)
	if err != nil {
		return SetReport{}, err
	}
	defer f.Close()
	d := f.Description
	r := SetReport{Path: path, Maps: f.Len(), Side: f.Cells(), BoxSide: d.BoxSide, Unit: d.Unit}
	if d != (Description{}) {
		r.Periodic = &d.Periodic
	}
	var acc accumulator
	var v Values
	for i := range f.Len() {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		m, err := f.raw(i, d.BoxSide)
		if err != nil {
			return r, err
		}
		if !r.Faults.add(i, m) {
			v.Add(m.Values)
		}
		acc.add(m.Values)
		if progress != nil {
			progress(i+1, f.Len())
		}
	}
	r.Moments, r.Looks = acc.moments(), v.Content()
	if err := v.check(path, filepath.Dir(path), d.Unit, f.field); err != nil {
		r.Warning = err.Error()
	}
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
