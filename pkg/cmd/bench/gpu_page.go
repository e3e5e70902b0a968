package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	tables "darkfield/pkg/report"
)

// gpuPage is what a check of a GPU has found.
type gpuPage struct {
	date     time.Time
	machine  machine
	gpu      string // its name, memory and driver, and the plugin's version
	pytorch  string // version, or why it was not measured
	notes    []string
	outcomes []outcome
}

// titles of the kinds of parts, in the first column.
var titles = map[string]string{
	verifyPart: "verify, comparisons that pass", stepPart: "training step, s",
	mapsPart: "a batch of maps, s", trainingPart: "step of the paper's preset, s",
}

// text is a value as the page shows it.
func (v value) text() string {
	if whole := int(v.Value); float64(whole) == v.Value {
		return fmt.Sprint(whole)
	}
	return number(v.Value)
}

// cells are the number to compare and the memory, as the page shows them.
func (o outcome) cells() (first, used string) {
	if o.Failed != "" {
		return "failed", ""
	}
	for i, v := range o.Values {
		switch {
		case i == 0:
			first = v.text()
		case v.What == memory:
			used = v.text()
		}
	}
	return first, used
}

// markdown returns the page: a row for each piece of work at each side, width and precision, with
// both of those that did it, then the reasons of what failed and the trainings.
func (p gpuPage) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Check of a GPU, %s\n\n- %s.\n- %s (%s), %d cores.\n- darkfield: %s.\n- %s.\n",
		p.date.Format("2006-01-02"), cmp.Or(p.gpu, "no GPU"), p.machine.processor,
		cmp.Or(strings.Join(p.machine.features, ", "), "no AVX2"), p.machine.cores, p.machine.darkfield,
		strings.TrimSuffix(p.pytorch, "."))
	for _, note := range p.notes {
		fmt.Fprintf(&b, "- %s\n", note)
	}
	var rows [][]string
	at := map[part]int{}
	for _, o := range p.outcomes {
		key := o.part
		key.By = ""
		row, found := at[key]
		if !found {
			row = len(rows)
			at[key] = row
			rows = append(rows, []string{
				titles[o.Kind], count(o.Side), count(o.Width),
				o.Precision.String(), "", "", "", "",
			})
		}
		column := 4
		if o.By == theirSide {
			column = 6
		}
		rows[row][column], rows[row][column+1] = o.cells()
	}
	b.WriteString("\n" + tables.Markdown([]string{
		"work", "side", "width", "precision", "darkfield",
		"its memory, GiB", "PyTorch", "its memory, GiB",
	}, rows))
	var failed, trained [][]string
	for _, o := range p.outcomes {
		if o.Failed != "" {
			failed = append(failed, []string{o.name(), o.Failed})
		}
		for _, v := range o.Values {
			if (o.Kind == trainingPart || o.Kind == verifyPart) && v.What != memory {
				trained = append(trained, []string{o.name(), v.What, v.text(), v.Unit})
			}
		}
	}
	if len(failed) > 0 {
		b.WriteString("\nWhat failed:\n\n" + tables.Markdown([]string{"part", "reason"}, failed))
	}
	if len(trained) > 0 {
		b.WriteString("\nThe trainings and the comparisons:\n\n" +
			tables.Markdown([]string{"part", "what", "value", "unit"}, trained))
	}
	return b.String()
}

// count is a number that is 0 where it does not apply.
func count(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// csv writes one row for each number, and for each part that failed.
func (p gpuPage) csv(path string) error {
	t := tables.NewTable("date", "part", "by", "side", "width", "precision", "what", "unit", "value",
		"failed")
	for _, o := range p.outcomes {
		row := []any{
			p.date.Format("2006-01-02"), o.Kind, o.By, o.Side, o.Width, o.Precision.String(),
		}
		for _, v := range o.Values {
			t.Add(append(row[:len(row):len(row)], v.What, v.Unit, v.Value, "")...)
		}
		if o.Failed != "" {
			t.Add(append(row[:len(row):len(row)], "", "", "", o.Failed)...)
		}
	}
	return t.Write(path)
}
