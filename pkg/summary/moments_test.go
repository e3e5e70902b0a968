package summary

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"
	"pgregory.net/rapid"

	"darkfield/pkg/field"
)

// TestMomentsOfTwoValues: a share p of values at 1 and the rest at 0 has closed moments.
func TestMomentsOfTwoValues(t *testing.T) {
	for _, ones := range []int{1, 100, 512, 1000} {
		values := make([]float32, 1024)
		for i := range ones {
			values[i] = 1
		}
		p := float64(ones) / 1024
		q := p * (1 - p)
		got := MomentsOf(values)
		for name, c := range map[string][2]float64{
			"mean": {got.Mean, p}, "variance": {got.Variance, q},
			"skewness": {got.Skewness, (1 - 2*p) / math.Sqrt(q)}, "kurtosis": {got.Kurtosis, (1 - 6*q) / q},
		} {
			if !scalar.EqualWithinAbsOrRel(c[0], c[1], 1e-12, 1e-12) {
				t.Errorf("%d ones: %s %g, want %g", ones, name, c[0], c[1])
			}
		}
	}
}

// TestMomentsOfGaussian: skewness and kurtosis of N Gaussian values are 0 with variances 6/N and
// 24/N; within 4 standard errors.
func TestMomentsOfGaussian(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([]float32, 1<<16)
	for i := range values {
		values[i] = float32(5 + 2*rng.NormFloat64())
	}
	n, got := float64(len(values)), MomentsOf(values)
	for name, c := range map[string][3]float64{
		"mean": {got.Mean, 5, 2 / math.Sqrt(n)}, "variance": {got.Variance, 4, 4 * math.Sqrt(2/n)},
		"skewness": {got.Skewness, 0, math.Sqrt(6 / n)}, "kurtosis": {got.Kurtosis, 0, math.Sqrt(24 / n)},
	} {
		if math.Abs(c[0]-c[1]) > 4*c[2] {
			t.Errorf("%s %g, want %g ± %g", name, c[0], c[1], c[2])
		}
	}
}

// TestMomentsOfDensities: 1 + δ has the mean 1; its moments depend neither on the unit nor on how
// the map is turned.
func TestMomentsOfDensities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := randomMap(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)), 16)
		scaled := field.NewMap(m.Box)
		for i, v := range m.Values {
			scaled.Values[i] = 1024 * v
		}
		a, b := MomentsOf(OnePlusDelta(m)), MomentsOf(OnePlusDelta(scaled))
		if a != b {
			t.Fatalf("another unit changes %+v to %+v", a, b)
		}
		// Each of 256 pixels is rounded by 6e-8 of itself.
		if !scalar.EqualWithinAbs(a.Mean, 1, 6e-8) {
			t.Fatalf("mean of 1 + δ is %.9f", a.Mean)
		}
		// Moments do not change under symmetries, but for the order of sums.
		turned := field.NewMap(m.Box)
		field.Symmetry(rapid.IntRange(0, field.Symmetries-1).Draw(t, "symmetry")).ApplyTo(turned.Values,
			m.Values, 16)
		c := MomentsOf(OnePlusDelta(turned))
		for name, v := range map[string][2]float64{
			"variance": {a.Variance, c.Variance},
			"skewness": {a.Skewness, c.Skewness}, "kurtosis": {a.Kurtosis, c.Kurtosis},
		} {
			if !scalar.EqualWithinAbsOrRel(v[0], v[1], 1e-6, 1e-6) {
				t.Fatalf("a symmetry changes the %s from %g to %g", name, v[0], v[1])
			}
		}
	})
}

func TestEqualValuesHaveNoShape(t *testing.T) {
	got := MomentsOf([]float32{0.1, 0.1, 0.1})
	if got.Mean != float64(float32(0.1)) || got.Variance != 0 || !math.IsNaN(got.Skewness) ||
		!math.IsNaN(got.Kurtosis) {
		t.Errorf("%+v", got)
	}
	if v := OnePlusDelta(field.Map{
		Box:    field.Box{Side: 1, Cells: 1},
		Values: []float32{0},
	})[0]; !math.IsNaN(float64(v)) {
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
