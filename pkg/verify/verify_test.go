package verify

import (
	"context"
	"testing"

	"darkfield/pkg/backend"
	"darkfield/pkg/reference"
)

// ourFile is the reference that the package holds.
func ourFile(testing.TB) string { return "" }

func golden(t testing.TB) string { return reference.Path(t, "golden", "reference_dim8_side32.npz") }

func TestEveryComparison(t *testing.T) {
	for _, c := range []struct {
		backend string
		file    func(testing.TB) string
		slow    bool
	}{
		{"xla:cpu", golden, false},
		{"xla:cpu", ourFile, false},
		{"go", golden, true},
	} {
		t.Run(c.backend, func(t *testing.T) {
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
			rows, err := Run(context.Background(), b, path)
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
