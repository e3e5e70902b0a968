package main

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"darkfield/pkg/safefile"
)

// ours names our way; plain is PyTorch as it runs when nothing is asked of it, in the order of
// the paper's authors. A name that ends in reordered takes the products of linear attention in
// our order.
const (
	ours      = "darkfield"
	plain     = "float32"
	reordered = "-reordered"
)

// line is a row of the table: one piece of work at one width.
type line struct {
	dim    int
	what   string
	unit   string  // s, GiB
	share  float64 // of the work that was measured
	series series
}

// report is the table with what it was measured on.
type report struct {
	machine machine
	ways    []string // PyTorch's, in the order of columns
	lines   []line
	notes   []string
}

// fastest returns the PyTorch way with the smallest median, or "" where there is none.
func (r report) fastest(l line) string {
	best, least := "", math.Inf(1)
	for _, way := range r.ways {
		if values := l.series[way]; len(values) > 0 && quartilesOf(values).median < least {
			best, least = way, quartilesOf(values).median
		}
	}
	return best
}

// cell shows a median with the quartiles beside it, where there are several values.
func cell(values []float64) string {
	if len(values) == 0 {
		return ""
	}
	q := quartilesOf(values)
	if len(values) == 1 {
		return number(q.median)
	}
	return fmt.Sprintf("%s (%s–%s)", number(q.median), number(q.low), number(q.high))
}

// number has three digits.
func number(v float64) string {
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	if v == 0 || digits < 0 {
		digits = 0
	}
	return strconv.FormatFloat(v, 'f', min(digits, 4), 64)
}

// shareText shows how much of the work was measured.
func shareText(share float64) string {
	if share == 1 {
		return "all"
	}
	return fmt.Sprintf("1/%.3g", 1/share)
}

// markdown returns the table with its provenance.
func (r report) markdown() string {
	var b strings.Builder
	m := r.machine
	fmt.Fprintf(&b, "# darkfield beside PyTorch, %s\n\n", m.date.Format("2006-01-02"))
	fmt.Fprintf(&b, "- %s (%s), %d cores; load average before the run %s.\n", m.processor,
		cmp.Or(strings.Join(m.features, ", "), "none of avx2, avx512f, avx512_bf16, amx_bf16"),
		m.cores, m.load)
	fmt.Fprintf(&b, "- darkfield: %s.\n- PyTorch: %s.\n", m.darkfield, m.pytorch)
	for _, note := range r.notes {
		fmt.Fprintf(&b, "- %s\n", note)
	}
	b.WriteString("\n| width | work | unit | measured | darkfield |")
	for _, way := range r.ways {
		fmt.Fprintf(&b, " PyTorch %s |", way)
	}
	fmt.Fprintf(&b, " darkfield / PyTorch %s | darkfield / fastest PyTorch |\n| ---: | --- | --- | "+
		"--- |%s\n", plain, strings.Repeat(" ---: |", len(r.ways)+3))
	for _, l := range r.lines {
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |", l.dim, l.what, l.unit, shareText(l.share),
			cell(l.series[ours]))
		for _, way := range r.ways {
			fmt.Fprintf(&b, " %s |", cell(l.series[way]))
		}
		base, best := "", ""
		if theirs := l.series[plain]; len(theirs) > 0 {
			q := ratio(l.series[ours], theirs)
			base = number(q.median)
			if len(theirs) > 1 && q.low < q.high {
				base += fmt.Sprintf(" (%s–%s)", number(q.low), number(q.high))
			}
		}
		if way := r.fastest(l); way != "" {
			best = fmt.Sprintf("%s (%s)", number(ratio(l.series[ours], l.series[way]).median), way)
		}
		fmt.Fprintf(&b, " %s | %s |\n", base, best)
	}
	return b.String()
}

// csv returns one record for each cell, with every value that was measured.
func (r report) csv() string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	row := func(fields ...string) { _ = w.Write(fields) } // the builder takes all
	row("date", "width", "work", "way", "unit", "measured_share", "low_quartile", "median",
		"high_quartile", "values")
	exact := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	for _, l := range r.lines {
		for _, way := range append([]string{ours}, r.ways...) {
			values := l.series[way]
			if len(values) == 0 {
				continue
			}
			q := quartilesOf(values)
			all := make([]string, len(values))
			for i, v := range values {
				all[i] = exact(v)
			}
			row(r.machine.date.Format("2006-01-02"), strconv.Itoa(l.dim), l.what, way, l.unit,
				exact(l.share), exact(q.low), exact(q.median), exact(q.high), strings.Join(all, " "))
		}
	}
	w.Flush()
	return b.String()
}

// write writes both files of the report.
func (r report) write(base string) error {
	return errors.Join(write(base+".md", r.markdown()), write(base+".csv", r.csv()))
}

// write writes a file, in a directory that is made where it is missing.
func write(path, text string) error {
	if err := safefile.WriteFile(path, []byte(text)); err != nil {
		return fmt.Errorf("%w: name another directory with -out", err)
	}
	return nil
}
