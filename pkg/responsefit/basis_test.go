package responsefit

import (
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"darkfield/pkg/cosmology"
)

// TestBasis: over a prior that is flat in the logarithms the polynomials are orthogonal, the
// first is 1, and there are as many as products of powers.
func TestBasis(t *testing.T) {
	const n = 200
	b := Basis{cosmology.CAMELSPrior(), 3}
	low, high := b.Prior.Min, b.Prior.Max
	var params []cosmology.Params
	for i := range n {
		for j := range n {
			at := func(low, high float64, k int) float64 {
				return low * math.Pow(high/low, (float64(k)+0.5)/n)
			}
			params = append(params, cosmology.Params{
				OmegaM: at(low.OmegaM, high.OmegaM, i),
				Sigma8: at(low.Sigma8, high.Sigma8, j),
			})
		}
	}
	design := b.Design(params)
	if _, columns := design.Dims(); columns != 10 || b.Len() != 10 {
		t.Fatalf("%d polynomials, %d by Len, want 10", columns, b.Len())
	}
	var gram mat.Dense
	gram.Mul(design.T(), design)
	for i := range 10 {
		for j := range 10 {
			cosine := gram.At(i, j) / math.Sqrt(gram.At(i, i)*gram.At(j, j))
			if want := float64(min(1, max(0, 1-(i-j)*(i-j)))); math.Abs(cosine-want) > 1e-3 {
				t.Errorf("polynomials %d and %d: cosine %g, want %g", i, j, cosine, want)
			}
		}
	}
	if v := b.At(low)[0]; v != 1 {
		t.Errorf("polynomial 0 is %g, want 1", v)
	}
}

// TestLeastSquares: weights count as repeated rows, and what is not determined is an error.
func TestLeastSquares(t *testing.T) {
	x := func(rows ...float64) *mat.Dense { return mat.NewDense(len(rows)/2, 2, rows) }
	got, err := LeastSquares(x(1, 0, 1, 1, 1, 2), []float64{1, 5, 6}, []float64{1, 2, 1})
	if err != nil {
		t.Fatal(err)
	}
	want, err := LeastSquares(x(1, 0, 1, 1, 1, 1, 1, 2), []float64{1, 5, 5, 6}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// by hand: the mean 4.25 at 1, slope Σ w·x·y / Σ w·x² about it = 5/2
	for i, v := range []float64{1.75, 2.5} {
		if math.Abs(got[i]-v) > 1e-12 || math.Abs(want[i]-v) > 1e-12 {
			t.Errorf("coefficient %d: %g with weights, %g with repeated rows, want %g", i,
				got[i], want[i], v)
		}
	}
	for name, x := range map[string]*mat.Dense{
		"too few rows":  x(1, 0, 1, 1),
		"equal columns": x(1, 1, 2, 2, 3, 3),
	} {
		rows, _ := x.Dims()
		if _, err := LeastSquares(x, make([]float64, rows), nil); !errors.Is(err, ErrSingular) {
			t.Errorf("%s: error %v, want ErrSingular", name, err)
		}
	}
}
