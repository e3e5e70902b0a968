package summary

import (
	"math"
	"slices"
	"testing"

	"darkfield/pkg/field"
)

func TestOnePlusDelta(t *testing.T) {
	m := field.Map{Box: field.Box{Side: 1, Cells: 2}, Values: []float32{1, 2, 3, 2}}
	if got := OnePlusDelta(m); !slices.Equal(got, []float32{0.5, 1, 1.5, 1}) {
		t.Errorf("1 + δ is %v", got)
	}
	empty := field.NewMap(field.Box{Side: 1, Cells: 1})
	if v := OnePlusDelta(empty)[0]; !math.IsNaN(float64(v)) {
		t.Errorf("1 + δ of an empty map is %g", v)
	}
}

func TestQuantiles(t *testing.T) {
	values := []float32{5, 1, 4, 2, 3}
	want := []float64{1, 1, 2, 3, 3, 5}
	for i, v := range Quantiles(values, 0, 0.2, 0.21, 0.5, 0.6, 1) {
		if v != want[i] {
			t.Errorf("quantile %d is %g, want %g", i, v, want[i])
		}
	}
	if values[0] != 5 {
		t.Error("the values were sorted in place")
	}
	if v := Quantiles([]float32{1, float32(math.NaN())}, 0.5)[0]; !math.IsNaN(v) {
		t.Errorf("the median of 1 and NaN is %g", v)
	}
}
