package camels

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Variation is the part of a 1P table in which one parameter varies and all else is fiducial.
type Variation struct {
	Column   int       `json:"column"` // of the table
	Name     string    `json:"name"`   // "Omega_m", "sigma_8", or what the table calls it
	Rows     []int     `json:"rows"`   // simulations, by rising value
	Values   []float64 `json:"values"`
	Fiducial int       `json:"fiducial"` // index into Rows
}

// OneParameter returns which simulations of a 1P set vary Ω_m alone and which vary σ_8 alone, in
// this order. It is found in the values of the table, whatever rows and columns are called. A
// table without both is an error.
func (m *Maps) OneParameter() ([]Variation, error) {
	_, all := m.table.variations()
	var out []Variation
	for _, column := range []int{m.table.omegaM, m.table.sigma8} {
		i := slices.IndexFunc(all, func(v Variation) bool { return v.Column == column })
		if i < 0 {
			return nil, fmt.Errorf("camels: %s: no rows vary %s alone around a fiducial one: "+
				"this is not a 1P table; name the set otherwise or copy the table again",
				m.table.path, m.table.columns[column])
		}
		out = append(out, all[i])
	}
	return out, nil
}

// variations returns the fiducial rows of a 1P table and the variation of each parameter that
// varies, by column. The fiducial value of a parameter is the one that most rows have, since each
// varies in few rows. A table without such a value, or in which more than half of the rows vary
// several parameters, is no 1P table and has no variations.
func (t table) variations() (fiducial []int, out []Variation) {
	centre := make([]float64, len(t.columns))
	for c := range centre {
		value, unique := t.commonest(c)
		if !unique {
			return nil, nil
		}
		centre[c] = value
	}
	alone := make([][]int, len(t.columns)) // rows that vary a column alone
	several := 0
	for i := range t.len() {
		switch d := differences(t.row(i), centre); len(d) {
		case 0:
			fiducial = append(fiducial, i)
		case 1:
			alone[d[0]] = append(alone[d[0]], i)
		default:
			several++
		}
	}
	if len(fiducial) == 0 || 2*several > t.len() {
		return nil, nil
	}
	for c, rows := range alone {
		if len(rows) > 0 {
			rows = t.firsts(c, rows)
			out = append(out, t.variation(c, rows, nearest(fiducial, rows)))
		}
	}
	return fiducial, out
}

// firsts returns, by rising value of a column, the first of the rows with that value. Where a table
// repeats its values with other phases, these are the rows of one realisation.
func (t table) firsts(column int, rows []int) []int {
	value := func(row int) float64 { return t.row(row)[column] }
	out := slices.Clone(rows)
	slices.SortStableFunc(out, func(a, b int) int { return cmp.Compare(value(a), value(b)) })
	return slices.CompactFunc(out, func(a, b int) bool { return value(a) == value(b) })
}

// variation returns the variation of a column in some rows and a fiducial one.
func (t table) variation(column int, rows []int, fiducial int) Variation {
	v := Variation{
		Column: column, Name: t.columns[column],
		Rows: t.firsts(column, append(slices.Clone(rows), fiducial)),
	}
	value := func(row int) float64 { return t.row(row)[column] }
	for i, row := range v.Rows {
		v.Values = append(v.Values, value(row))
		if row == fiducial {
			v.Fiducial = i
		}
	}
	return v
}

// nearest returns the candidate that is nearest to the middle of rows, which is the fiducial row of
// the same parameter where every parameter has its own.
func nearest(candidates, rows []int) int {
	middle := 0.0
	for _, r := range rows {
		middle += float64(r) / float64(len(rows))
	}
	return slices.MinFunc(candidates, func(a, b int) int {
		return cmp.Compare(math.Abs(float64(a)-middle), math.Abs(float64(b)-middle))
	})
}

// commonest returns the most frequent value of a column, and whether no other is as frequent.
func (t table) commonest(column int) (value float64, unique bool) {
	count := map[float64]int{}
	for i := range t.len() {
		count[t.row(i)[column]]++
	}
	most := 0
	for v, n := range count {
		if n > most {
			value, most, unique = v, n, true
		} else if n == most {
			unique = false
		}
	}
	return value, unique
}

// differences returns the columns in which two rows differ.
func differences(a, b []float64) []int {
	var out []int
	for i := range a {
		if a[i] != b[i] {
			out = append(out, i)
		}
	}
	return out
}
