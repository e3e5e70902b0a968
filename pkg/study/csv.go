package study

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"darkfield/pkg/safefile"
)

// table collects the rows of a CSV file in long form: one number a row, with all that identifies
// it.
type table struct {
	rows [][]string
}

func newTable(header ...string) *table { return &table{rows: [][]string{header}} }

// add appends a row of strings, integers and floats; floats are written so that they read back
// bit for bit.
func (t *table) add(cells ...any) {
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

// write writes the table to path, whole or not at all.
func (t *table) write(path string) error {
	return atomically(path, func(w io.Writer) error { return csv.NewWriter(w).WriteAll(t.rows) })
}

// WriteFile writes a page beside the tables, whole or not at all.
func WriteFile(path string, data []byte) error {
	return atomically(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// atomically lets fill write the file at path, in a directory that is made where it is missing.
func atomically(path string, fill func(io.Writer) error) error {
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = safefile.Write(path, fill)
	}
	if err != nil {
		return fmt.Errorf("study: %w", err)
	}
	return nil
}
