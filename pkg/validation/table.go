package validation

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"
)

// table collects the rows of a CSV file in long form: one number a row, with all that identifies
// it.
type table struct{ rows [][]string }

func newTable(header ...string) *table { return &table{rows: [][]string{header}} }

// number prints a float so that it reads back bit for bit.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func (t *table) add(names []string, numbers ...float64) {
	row := append([]string{}, names...)
	for _, v := range numbers {
		row = append(row, number(v))
	}
	t.rows = append(t.rows, row)
}

// curve adds a row for each point.
func (t *table) curve(names []string, x, y []float64) {
	if len(x) != len(y) {
		panic(fmt.Sprintf("validation: %d values at %d places", len(y), len(x)))
	}
	for i := range x {
		t.add(names, x[i], y[i])
	}
}

func (t *table) write(path string) error {
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(t.rows); err != nil {
		return fmt.Errorf("validation: write %s: %w", path, err)
	}
	return replace(path, b.Bytes())
}

// jackknife returns the standard error of an estimate of n things from the estimates that leave
// out one; NaN for fewer than two.
func jackknife(n int, leaving func(skip int) float64) float64 {
	if n < 2 {
		return math.NaN()
	}
	values, mean := make([]float64, n), 0.0
	for i := range values {
		values[i] = leaving(i)
		mean += values[i] / float64(n)
	}
	sum := 0.0
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum * float64(n-1) / float64(n))
}

// without returns all but one of things.
func without[T any](things []T, skip int) []T {
	return append(append([]T{}, things[:skip]...), things[skip+1:]...)
}
