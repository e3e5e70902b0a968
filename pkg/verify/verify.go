package verify

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/compute"

	"darkfield/pkg/network"
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

// tolerances are those of what a network computes in one precision.
type tolerances struct {
	prediction float64 // absolute, of maps of noise whose pixels are of order one
	loss       float64 // relative
	gradient   float64 // relative to the largest entry of a tensor
}

// tolerancesOf returns the tolerances of a precision. A bfloat16 has 8 significant bits and is
// wrong by up to 0.4 %. A prediction is a sum of some hundred of such numbers in each of some
// twenty layers, which the normalisations keep at order one; a gradient of a small tensor is a sum
// of numbers that largely cancel. TF32 has 11 significant bits, so that an eighth is allowed.
func tolerancesOf(p network.Precision) tolerances {
	coarse := tolerances{prediction: 0.1, loss: 0.005, gradient: 0.1}
	switch p {
	case network.BFloat16:
		return coarse
	case network.TF32:
		return tolerances{coarse.prediction / 8, coarse.loss / 8, coarse.gradient / 8}
	default:
		return tolerances{prediction: 2e-5, loss: 1e-5, gradient: 1e-3}
	}
}

// Run makes every comparison with the reference file on a backend, whose network predicts in a
// precision. Terms of the bound are those of a float32 network always; where the backend multiplies
// in TF32 there are none, since likelihoods are not computed there. A difference beyond the
// tolerance is a row that does not pass, not an error; errors are a file that cannot be used and a
// backend that fails.
func Run(ctx context.Context, b compute.Backend, referencePath string, p network.Precision,
) ([]Row, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	r, err := load(referencePath)
	if err != nil {
		return nil, err
	}
	t := &table{outputs: r, precision: p, within: tolerancesOf(p)}
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
	precision network.Precision
	within    tolerances
	rows      []Row
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
