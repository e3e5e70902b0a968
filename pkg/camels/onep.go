package camels

import (
	"cmp"
	"fmt"
	"slices"
)

// Variation is the part of a 1P set in which one of the two cosmological parameters varies and all else is fiducial.
type Variation struct {
	Column   int    // of the table
	Name     string // "Omega_m" or "sigma_8"
	Rows     []int  // simulations, by rising value
	Values   []float64
	Fiducial int // index into Rows
}

// OneParameter finds in the table itself which simulations vary Ω_m alone and which σ_8 alone. The fiducial model is the row
// that comes most often, or else the one that most rows differ from in one column only; both of CAMELS' 1P layouts, and tables
// with the two cosmological columns only, are covered by that.
func (m *Maps) OneParameter() ([]Variation, error) {
	fiducial := m.table.rows[m.table.fiducial()]
	var out []Variation
	for column, name := range []string{"Omega_m", "sigma_8"} {
		v := Variation{Column: column, Name: name, Fiducial: -1}
		seen := map[float64]bool{}
		for i, row := range m.table.rows {
			d := differences(row, fiducial)
			if len(d) > 1 || len(d) == 1 && d[0] != column || seen[row[column]] {
				continue
			}
			seen[row[column]] = true
			v.Rows = append(v.Rows, i)
		}
		slices.SortFunc(v.Rows, func(a, b int) int { return cmp.Compare(m.table.rows[a][column], m.table.rows[b][column]) })
		for i, row := range v.Rows {
			value := m.table.rows[row][column]
			v.Values = append(v.Values, value)
			if value == fiducial[column] {
				v.Fiducial = i
			}
		}
		if len(v.Rows) < 2 || v.Fiducial < 0 {
			return nil, fmt.Errorf("camels: %s: no two rows differ in %s alone: this is not a 1P table", m.table.path, name)
		}
		out = append(out, v)
	}
	return out, nil
}

// fiducial returns the row that is within one changed column of the most rows.
func (t table) fiducial() int {
	best, most := 0, -1
	for i, row := range t.rows {
		near := 0
		for _, other := range t.rows {
			if len(differences(row, other)) <= 1 {
				near++
			}
		}
		if near > most {
			best, most = i, near
		}
	}
	return best
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
