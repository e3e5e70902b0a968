package verify

import (
	"context"
	"strings"
	"testing"

	"darkfield/pkg/backend"
	"darkfield/pkg/network"
	"darkfield/pkg/reference"
)

// ourFile is the reference that the package holds.
func ourFile(testing.TB) string { return "" }

func golden(t testing.TB) string { return reference.Path(t, "golden", "reference_dim8_side32.npz") }

func TestEveryComparison(t *testing.T) {
	for _, c := range []struct {
		backend   string
		file      func(testing.TB) string
		precision network.Precision
		slow      bool
	}{
		{"xla:cpu", golden, network.Float32, false},
		{"xla:cpu", ourFile, network.Float32, false},
		{"go", ourFile, network.BFloat16, false},
		{"go", golden, network.Float32, true},
	} {
		t.Run(c.backend+" "+c.precision.String(), func(t *testing.T) {
			if c.slow && testing.Short() {
				t.Skip("skipped with -short: the pure-Go backend takes a while")
			}
			path := c.file(t)
			t.Setenv("GOMLX_BACKEND", c.backend)
			b, err := backend.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer b.Finalize()
			rows, err := Run(context.Background(), b, path, c.precision)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				t.Logf("%-45s %9.2g %7.0g relative=%v", r.Quantity, r.Difference, r.Tolerance, r.Relative)
				if !r.Pass {
					t.Errorf("%s differs by %g, want <= %g", r.Quantity, r.Difference, r.Tolerance)
				}
			}
			if !Passed(rows) || len(rows) != 30 {
				t.Errorf("%d rows, want 30: 1 names, 3 schedule, 2 x_t, 4 summaries, 2 losses, 6 gradients, "+
					"prediction, step, 10 terms", len(rows))
			}
		})
	}
}

// TestBFloat16IsCoarser: what the network predicts in bfloat16 misses the tolerances of float32,
// and the terms of the bound, which are float32, are the same.
func TestBFloat16IsCoarser(t *testing.T) {
	b, err := backend.PureGo()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	rows := map[network.Precision]map[string]float64{}
	for _, p := range []network.Precision{network.Float32, network.BFloat16} {
		got, err := Run(context.Background(), b, "", p)
		if err != nil {
			t.Fatal(err)
		}
		rows[p] = map[string]float64{}
		for _, r := range got {
			rows[p][r.Quantity] = r.Difference
		}
	}
	for quantity, exact := range rows[network.Float32] {
		coarse := rows[network.BFloat16][quantity]
		if strings.HasPrefix(quantity, "vlb ") && coarse != exact {
			t.Errorf("%s is off by %g in bfloat16, by %g in float32", quantity, coarse, exact)
		}
		if quantity == "eps_pred" && coarse < 2e-5 {
			t.Errorf("the prediction is off by %g in bfloat16, as in float32", coarse)
		}
	}
}
