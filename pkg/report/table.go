package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"darkfield/pkg/safefile"
)

// Table collects the rows of a CSV file in long form: one number a row, with all that identifies
// it.
type Table struct {
	rows [][]string
}

// NewTable returns a table with the names of its columns.
func NewTable(header ...string) *Table { return &Table{rows: [][]string{header}} }

// Add appends a row of strings, integers and floats; floats are written so that they read back
// bit for bit.
func (t *Table) Add(cells ...any) {
	row := make([]string, len(cells))
	for i, c := range cells {
		switch v := c.(type) {
		case float64:
			row[i] = strconv.FormatFloat(v, 'g', -1, 64)
		case string:
			row[i] = v
		default:
			row[i] = fmt.Sprint(v)
		}
	}
	t.rows = append(t.rows, row)
}

// Curve appends a row for each point of a curve: names, then x and y. It panics unless there are
// as many of either.
func (t *Table) Curve(x, y []float64, names ...any) {
	if len(x) != len(y) {
		panic(fmt.Sprintf("report: %d values at %d places", len(y), len(x)))
	}
	for i := range x {
		t.Add(append(slices.Clone(names), x[i], y[i])...)
	}
}

// Write writes the table to path, whole or not at all.
func (t *Table) Write(path string) error {
	return atomically(path, func(w io.Writer) error { return csv.NewWriter(w).WriteAll(t.rows) })
}

// WriteFile writes data to path, whole or not at all. A directory that is missing is made.
func WriteFile(path string, data []byte) error {
	return atomically(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

func atomically(path string, fill func(io.Writer) error) error {
	if err := safefile.Write(path, fill); err != nil {
		return fmt.Errorf("report: %w; check that the directory can be written to", err)
	}
	return nil
}
