package modelcard

import (
	"encoding/json"
	"fmt"
	"math"

	"darkfield/pkg/report"
)

// Row is a number of a model card, beside its aim if it has one.
type Row struct {
	Section  string
	Quantity string
	Value    float64
	Error    float64  // standard error; NaN or 0: none is known
	AtLeast  *float64 // the aim; nil: no such bound
	AtMost   *float64
	Note     string
}

// Heading is the row's section.
func (r Row) Heading() string { return r.Section }

// Verdict says whether the value meets its aim. What is no number misses.
func (r Row) Verdict() report.Verdict {
	switch {
	case r.AtLeast == nil && r.AtMost == nil:
		return report.Shown
	case (r.AtLeast == nil || r.Value >= *r.AtLeast) && (r.AtMost == nil || r.Value <= *r.AtMost) &&
		!math.IsNaN(r.Value):
		return report.Pass
	}
	return report.Miss
}

// Aim says what the value should be; empty where there is no aim.
func (r Row) Aim() string {
	switch {
	case r.AtLeast != nil && r.AtMost != nil:
		return fmt.Sprintf("%s to %s", report.Digits(*r.AtLeast, 4), report.Digits(*r.AtMost, 4))
	case r.AtLeast != nil:
		return "≥ " + report.Digits(*r.AtLeast, 4)
	case r.AtMost != nil:
		return "≤ " + report.Digits(*r.AtMost, 4)
	}
	return ""
}

// Header names the cells of a row.
func Header() []string { return []string{"", "value", "±", "aim", "verdict", ""} }

// Cells returns the row as a table shows it.
func (r Row) Cells() []string {
	spread := ""
	if r.Error > 0 {
		spread = report.Digits(r.Error, 2)
	}
	return []string{
		r.Quantity, report.Digits(r.Value, 4), spread, r.Aim(),
		string(r.Verdict()), r.Note,
	}
}

// MarshalJSON writes numbers that are not finite, which JSON does not have, as null.
func (r Row) MarshalJSON() ([]byte, error) {
	number := func(v float64) *float64 {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return &v
	}
	spread := number(r.Error)
	if r.Error == 0 {
		spread = nil
	}
	return json.Marshal(struct {
		Section  string         `json:"section"`
		Quantity string         `json:"quantity"`
		Value    *float64       `json:"value"`
		Error    *float64       `json:"error"`
		AtLeast  *float64       `json:"at_least,omitempty"`
		AtMost   *float64       `json:"at_most,omitempty"`
		Verdict  report.Verdict `json:"verdict"`
		Note     string         `json:"note,omitempty"`
	}{r.Section, r.Quantity, number(r.Value), spread, r.AtLeast, r.AtMost, r.Verdict(), r.Note})
}

// within aims at values from low to high.
func (r Row) within(low, high float64) Row {
	r.AtLeast, r.AtMost = &low, &high
	return r
}

func (r Row) atLeast(low float64) Row {
	r.AtLeast = &low
	return r
}
