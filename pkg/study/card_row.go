package study

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// CardRow is a number of a card, beside its aim if it has one.
type CardRow struct {
	Section  string
	Quantity string
	Value    float64
	Error    float64  // standard error; NaN or 0: none is known
	AtLeast  *float64 // the aim; nil: no such bound
	AtMost   *float64
	Note     string
}

// Verdicts on a row of a card.
const (
	Pass  = "pass"
	Miss  = "MISS"
	Shown = "–" // no aim
)

// Verdict says whether the value meets its aim. What is no number misses.
func (r CardRow) Verdict() string {
	switch {
	case r.AtLeast == nil && r.AtMost == nil:
		return Shown
	case (r.AtLeast == nil || r.Value >= *r.AtLeast) && (r.AtMost == nil || r.Value <= *r.AtMost) &&
		!math.IsNaN(r.Value):
		return Pass
	}
	return Miss
}

// Aim says what the value should be; empty where there is no aim.
func (r CardRow) Aim() string {
	switch {
	case r.AtLeast != nil && r.AtMost != nil:
		return fmt.Sprintf("%s to %s", digits(*r.AtLeast, 4), digits(*r.AtMost, 4))
	case r.AtLeast != nil:
		return "≥ " + digits(*r.AtLeast, 4)
	case r.AtMost != nil:
		return "≤ " + digits(*r.AtMost, 4)
	}
	return ""
}

// CardHeader names the cells of a row.
func CardHeader() []string { return []string{"", "value", "±", "aim", "verdict", ""} }

// Cells returns the row as a table shows it.
func (r CardRow) Cells() []string {
	spread := ""
	if r.Error > 0 {
		spread = digits(r.Error, 2)
	}
	return []string{r.Quantity, digits(r.Value, 4), spread, r.Aim(), r.Verdict(), r.Note}
}

// digits prints n significant digits with a real minus sign.
func digits(v float64, n int) string {
	return strings.ReplaceAll(strconv.FormatFloat(v, 'g', n, 64), "-", "−")
}

// MarshalJSON writes numbers that are not finite, which JSON does not have, as null.
func (r CardRow) MarshalJSON() ([]byte, error) {
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
		Section  string   `json:"section"`
		Quantity string   `json:"quantity"`
		Value    *float64 `json:"value"`
		Error    *float64 `json:"error"`
		AtLeast  *float64 `json:"at_least,omitempty"`
		AtMost   *float64 `json:"at_most,omitempty"`
		Verdict  string   `json:"verdict"`
		Note     string   `json:"note,omitempty"`
	}{r.Section, r.Quantity, number(r.Value), spread, r.AtLeast, r.AtMost, r.Verdict(), r.Note})
}

// within aims at values from low to high.
func (r CardRow) within(low, high float64) CardRow {
	r.AtLeast, r.AtMost = &low, &high
	return r
}

func (r CardRow) atLeast(low float64) CardRow {
	r.AtLeast = &low
	return r
}

func (r CardRow) atMost(high float64) CardRow {
	r.AtMost = &high
	return r
}

// Count returns the number of rows of each verdict.
func (c Card) Count() (pass, miss, shown int) {
	for _, r := range c.Rows {
		switch r.Verdict() {
		case Pass:
			pass++
		case Miss:
			miss++
		default:
			shown++
		}
	}
	return pass, miss, shown
}

// Summary says in a line how it went.
func (c Card) Summary() string {
	pass, miss, shown := c.Count()
	return fmt.Sprintf("%d numbers meet their aim, %d miss it, %d have none.", pass, miss, shown)
}

// WriteCSV writes one row a number.
func (c Card) WriteCSV(path string) error {
	t := newTable("section", "quantity", "value", "error", "at_least", "at_most", "verdict", "note")
	bound := func(v *float64) any {
		if v == nil {
			return ""
		}
		return *v
	}
	for _, r := range c.Rows {
		t.add(r.Section, r.Quantity, r.Value, r.Error, bound(r.AtLeast), bound(r.AtMost),
			r.Verdict(), r.Note)
	}
	return t.write(path)
}
