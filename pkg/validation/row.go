package validation

import (
	"math"

	"darkfield/pkg/report"
)

// Row is a number beside its reference.
type Row struct {
	Section   string  `json:"section"`
	Quantity  string  `json:"quantity"`
	Value     float64 `json:"value"`
	Error     float64 `json:"error,omitempty"` // standard error of Value; 0: none is known
	Reference float64 `json:"reference"`
	// Tolerance is the largest |Value − Reference| that passes; 0: shown, not judged.
	Tolerance float64 `json:"tolerance,omitempty"`
	Source    string  `json:"source"` // where the reference comes from
}

// row returns a number that is shown, with the source of its reference.
func row(quantity, source string, value float64) Row {
	return Row{Quantity: quantity, Source: source, Value: value}
}

// plusMinus sets the standard error of the value.
func (r Row) plusMinus(err float64) Row {
	r.Error = err
	return r
}

// want sets the reference and the tolerance; 0: not judged.
func (r Row) want(reference, tolerance float64) Row {
	r.Reference, r.Tolerance = reference, tolerance
	return r
}

// Heading is the row's section.
func (r Row) Heading() string { return r.Section }

// Verdict says whether the value lies within the tolerance. A row without a tolerance, or of a
// validation too small to judge, is only shown. NaN misses.
func (r Row) Verdict() report.Verdict {
	switch {
	case r.Tolerance == 0:
		return report.Shown
	case math.Abs(r.Value-r.Reference) <= r.Tolerance:
		return report.Pass
	}
	return report.Miss
}

// Header names the cells of a row.
func Header() []string {
	return []string{"", "value", "±", "reference", "tolerance", "verdict", "reference from"}
}

// Cells returns the row as the cells of a table.
func (r Row) Cells() []string {
	optional := func(v float64) string {
		if !(v > 0) {
			return ""
		}
		return report.Digits(v, 2)
	}
	return []string{
		r.Quantity, report.Digits(r.Value, 5), optional(r.Error), report.Digits(r.Reference, 5),
		optional(r.Tolerance), string(r.Verdict()), r.Source,
	}
}

// tolerance returns t for a number that simulations measure, or none where they are too small.
func (c Config) tolerance(t float64) float64 {
	if !c.Judged {
		return 0
	}
	return t
}

// section sets the heading of rows. A NaN error, of too few boxes, becomes none.
func section(name string, rows []Row) []Row {
	for i := range rows {
		rows[i].Section = name
		if math.IsNaN(rows[i].Error) {
			rows[i].Error = 0
		}
	}
	return rows
}
