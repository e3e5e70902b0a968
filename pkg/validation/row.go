package validation

import (
	"math"
	"strconv"
	"strings"
)

// Row is a number beside its reference.
type Row struct {
	Section   string  `json:"section"`
	Quantity  string  `json:"quantity"`
	Value     float64 `json:"value"`
	Error     float64 `json:"error,omitempty"` // standard error of Value; 0: none is known
	Reference float64 `json:"reference"`
	// largest |Value − Reference| that passes; 0: shown, not judged
	Tolerance float64 `json:"tolerance,omitempty"`
	Source    string  `json:"source"` // where the reference comes from
}

// Verdicts on a row.
const (
	Pass  = "pass"
	Miss  = "MISS"
	Shown = "–" // without a tolerance, or in a validation too small to judge
)

// Verdict says whether the value lies within the tolerance. What is no number misses.
func (r Row) Verdict() string {
	switch {
	case r.Tolerance == 0:
		return Shown
	case math.Abs(r.Value-r.Reference) <= r.Tolerance:
		return Pass
	}
	return Miss
}

// Header names the cells of a row.
func Header() []string {
	return []string{"", "value", "±", "reference", "tolerance", "verdict", "reference from"}
}

// Cells returns the row as a table shows it.
func (r Row) Cells() []string {
	optional := func(v float64) string {
		if !(v > 0) {
			return ""
		}
		return digits(v, 2)
	}
	return []string{
		r.Quantity, digits(r.Value, 5), optional(r.Error), digits(r.Reference, 5),
		optional(r.Tolerance), r.Verdict(), r.Source,
	}
}

// digits prints n significant digits with a real minus sign.
func digits(v float64, n int) string {
	return strings.ReplaceAll(strconv.FormatFloat(v, 'g', n, 64), "-", "−")
}

// tolerance is that of a number which simulations measure: none where they are too small.
func (c Config) tolerance(t float64) float64 {
	if !c.Judged {
		return 0
	}
	return t
}

// section gives rows their heading. An error that few boxes do not give is none.
func section(name string, rows []Row) []Row {
	for i := range rows {
		rows[i].Section = name
		if math.IsNaN(rows[i].Error) {
			rows[i].Error = 0
		}
	}
	return rows
}
