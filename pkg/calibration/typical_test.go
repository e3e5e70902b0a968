package calibration

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTypical(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 4000)
	for i := range values {
		values[i] = -3 + 2*rng.NormFloat64()
	}
	values[17] = 1e9 // one broken map must not make everything typical
	typical, err := NewTypical(values)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ value, quantile, z float64 }{{-3, 0.5, 0}, {-1, 0.8413, 1}, {-7, 0.0228, -2}} {
		got := typical.Of(c.value)
		if math.Abs(got.Quantile-c.quantile) > 0.025 || math.Abs(got.Z-c.z) > 0.1 { // 1/√4000 is 0.016, and the width is known to 2 %
			t.Errorf("%g: %+v, want %+v", c.value, got, c)
		}
	}
	if far := typical.Of(40); far.Quantile < 0.999 || far.Quantile >= 1 || far.Z < 20 {
		t.Errorf("an outlier is %+v", far)
	}
	if nan := typical.Of(math.NaN()); !math.IsNaN(nan.Quantile) || !math.IsNaN(nan.Z) {
		t.Errorf("NaN is %+v", nan)
	}
	text, _ := json.Marshal(typical)
	var again Typical
	if err := json.Unmarshal(text, &again); err != nil || again.Validate() != nil || !cmp.Equal(again, typical) {
		t.Errorf("not the same after JSON: %v", err)
	}
}

// TestQuantilesOfAnotherMap are uniform: the mean over all places among n values is 1/2, the ends are half a place from 0 and 1.
func TestQuantilesOfAnotherMap(t *testing.T) {
	typical, err := NewTypical([]float64{8, 7, 6, 5, 4, 3, 2, 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		if got, want := typical.Of(float64(i)+0.5).Quantile, (float64(i)+0.5)/9; math.Abs(got-want) > 1e-12 {
			t.Errorf("between %d and the next: %g, want %g", i, got, want)
		}
	}
}

func TestTypicalRefuses(t *testing.T) {
	for _, bad := range [][]float64{nil, {1, 2, 3}, {1, 2, 3, 4, 5, 6, 7, math.NaN()}, {1, 2, 3, 4, 5, 6, 7, math.Inf(1)}} {
		if _, err := NewTypical(bad); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}
