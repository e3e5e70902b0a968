package study

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// table collects the rows of a CSV file in long form: one number a row, with all that identifies it.
type table struct {
	rows [][]string
}

func newTable(header ...string) *table { return &table{rows: [][]string{header}} }

// add appends a row of strings, integers and floats; floats are written so that they read back bit for bit.
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

// write writes the table to path by way of a temporary file, so that no half-written table is ever found there.
func (t *table) write(path string) error {
	return atomically(path, func(f *os.File) error {
		w := csv.NewWriter(f)
		if err := w.WriteAll(t.rows); err != nil {
			return err
		}
		return w.Error()
	})
}

// WriteFile writes a page beside the tables, by way of a temporary file.
func WriteFile(path string, data []byte) error {
	return atomically(path, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// atomically lets fill write a temporary file beside path and renames it to path.
func atomically(path string, fill func(*os.File) error) error {
	fail := func(err error) error { return fmt.Errorf("study: write %s: %w", path, err) }
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fail(err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.partial")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(f.Name()) // fails, as it should, once renamed
	err = fill(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fail(err)
	}
	return nil
}
