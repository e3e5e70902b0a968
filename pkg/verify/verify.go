package verify

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/compute"
)

// Row is one comparison.
type Row struct {
	Quantity   string  `json:"quantity"`   // the array of the reference file
	Difference float64 `json:"difference"` // the largest one; NaN if a value is NaN
	Tolerance  float64 `json:"tolerance"`
	// Relative: differences are relative to each value, for gradients to the largest entry.
	Relative bool `json:"relative"`
	Pass     bool `json:"pass"`
}

// Run makes every comparison with the reference file on a backend. A difference beyond the
// tolerance is a row that does not pass, not an error; errors are a file that cannot be used and a
// backend that fails.
func Run(ctx context.Context, b compute.Backend, referencePath string) ([]Row, error) {
	r, err := load(referencePath)
	if err != nil {
		return nil, err
	}
	t := &table{outputs: r}
	t.parameters()
	t.schedule()
	t.summaries()
	if t.rows[0].Pass { // the graph needs all tensors
		if err := t.network(ctx, b); err != nil {
			return t.rows, fmt.Errorf("verify: %w", err)
		}
	}
	return t.rows, nil
}

// Passed reports whether there are rows and all of them pass.
func Passed(rows []Row) bool {
	for _, r := range rows {
		if !r.Pass {
			return false
		}
	}
	return len(rows) > 0
}

// table collects rows.
type table struct {
	*outputs
	rows []Row
}

func (t *table) add(quantity string, difference, tolerance float64, relative bool) {
	t.rows = append(t.rows, Row{quantity, difference, tolerance, relative, difference <= tolerance})
}

// absolute adds a row for the largest difference between got and want.
func (t *table) absolute(quantity string, got, want []float64, tolerance float64) {
	t.add(quantity, worst(got, want, func(float64) float64 { return 1 }), tolerance, false)
}

// relative adds a row for the largest difference between got and want over want. Where want is 0,
// got must be 0 too.
func (t *table) relative(quantity string, got, want []float64, tolerance float64) {
	t.add(quantity, worst(got, want, math.Abs), tolerance, true)
}

// toLargest adds a row for the largest difference between got and want over the largest entry of
// want.
func (t *table) toLargest(quantity string, got, want []float64, tolerance float64) {
	largest := 0.0
	for _, w := range want {
		largest = max(largest, math.Abs(w))
	}
	t.add(quantity, worst(got, want, func(float64) float64 { return largest }), tolerance, true)
}

// worst returns the largest |got − want|/scale(want); +Inf where the lengths differ, NaN where a
// value is NaN.
func worst(got, want []float64, scale func(float64) float64) float64 {
	if len(got) != len(want) || len(want) == 0 {
		return math.Inf(1)
	}
	largest := 0.0
	for i, w := range want {
		if d := math.Abs(got[i] - w); d != 0 {
			largest = max(largest, d/scale(w)) // the built-in max keeps NaN
		}
	}
	return largest
}
