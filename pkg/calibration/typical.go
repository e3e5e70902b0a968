package calibration

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/mat"

	"darkfield/pkg/cosmology"
)

// trendNumbers is how many numbers a quadratic in two parameters has.
const trendNumbers = 6

// Typical is what some number of a map, such as a term of the bound, is at the parameters that fit the map best, over the maps of a calibration. A
// map far from that is not of the kind that was calibrated on, and its error bars are not to be trusted: what is typical of one universe may be odd for another.
type Typical struct {
	Prior  cosmology.Prior       `json:"prior"`
	Trend  [trendNumbers]float64 `json:"trend"`  // a quadratic in the parameters in log units, where 0 and 1 are the edges of the prior: 1, x, y, x², xy, y²
	Values []float64             `json:"values"` // what the maps lie above it, rising
}

// NewTypical fits the trend of values at parameters, without those that are far from it. It returns an error for fewer than twice as many as the trend has
// numbers, and for a value that is not finite.
func NewTypical(prior cosmology.Prior, at []cosmology.Params, values []float64) (Typical, error) {
	t := Typical{Prior: prior}
	if len(at) != len(values) || len(at) < 2*trendNumbers {
		return t, fmt.Errorf("calibration: what is typical of %d values at %d parameters, want as many of both, and at least %d", len(values), len(at), 2*trendNumbers)
	}
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return t, fmt.Errorf("calibration: value %d is %g, want finite ones", i, v)
		}
	}
	units, err := newLogUnits(prior)
	if err != nil {
		return t, err
	}
	used := make([]bool, len(values))
	for i := range used {
		used[i] = true
	}
	for range 3 { // what a broken map has bent is straight again without it
		if err := t.fit(units, at, values, used); err != nil {
			return t, err
		}
		t.Values = t.Values[:0]
		for i, v := range values {
			t.Values = append(t.Values, v-t.expected(units, at[i]))
		}
		rest := slices.Clone(t.Values)
		slices.Sort(t.Values)
		middle, width := t.middle()
		for i, v := range rest {
			used[i] = math.Abs(v-middle) <= 6*width
		}
	}
	return t, t.Validate()
}

// quadraticTerms are 1, x, y, x², xy, y².
func quadraticTerms(x [2]float64) [trendNumbers]float64 {
	return [trendNumbers]float64{1, x[0], x[1], x[0] * x[0], x[0] * x[1], x[1] * x[1]}
}

// fit sets the trend to the least squares of the values that are used.
func (t *Typical) fit(units logUnits, at []cosmology.Params, values []float64, used []bool) error {
	var rows, right []float64
	for i, p := range at {
		if used[i] {
			row := quadraticTerms(units.point(p))
			rows, right = append(rows, row[:]...), append(right, values[i])
		}
	}
	for k := 1; k < trendNumbers; k++ { // what best fits at a few points leave open is flat
		var row [trendNumbers]float64
		row[k] = 1e-3 * math.Sqrt(float64(len(at)))
		rows, right = append(rows, row[:]...), append(right, 0)
	}
	var x mat.VecDense
	if err := x.SolveVec(mat.NewDense(len(right), trendNumbers, rows), mat.NewVecDense(len(right), right)); err != nil {
		return fmt.Errorf("calibration: what is typical of %d values: %w", len(at), err)
	}
	copy(t.Trend[:], x.RawVector().Data)
	return nil
}

func (t Typical) expected(units logUnits, p cosmology.Params) float64 {
	sum := 0.0
	for k, v := range quadraticTerms(units.point(p)) {
		sum += t.Trend[k] * v
	}
	return sum
}

// Validate returns an error unless there are at least eight finite values that do not fall, and a trend to compare with.
func (t Typical) Validate() error {
	if _, err := newLogUnits(t.Prior); err != nil {
		return err
	}
	for k, v := range t.Trend {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("calibration.Typical.Trend[%d] = %g, want a finite number", k, v)
		}
	}
	if len(t.Values) < 8 {
		return fmt.Errorf("calibration.Typical.Values has %d values, want at least 8 to tell what is typical", len(t.Values))
	}
	for i, v := range t.Values {
		if math.IsNaN(v) || math.IsInf(v, 0) || i > 0 && v < t.Values[i-1] {
			return fmt.Errorf("calibration.Typical.Values[%d] = %g, want finite values that do not fall", i, v)
		}
	}
	return nil
}

// Typicality says where a value lies among those of the calibration.
type Typicality struct {
	Expected float64 `json:"expected"` // the trend, with the median of what lies above it
	Quantile float64 `json:"quantile"` // uniform for another map of the kind; never below 1/2(n + 1) nor above 1 less that
	Z        float64 `json:"z"`        // distance from what is expected over 1.4826 times the median distance: standard normal for Gaussian values
	Outside  bool    `json:"outside"`  // further than any value of the calibration
}

// Of returns where a value at parameters lies; NaN gives NaN. Where half of the values or more are on the trend, Z is 0 there and infinite elsewhere. The parameters
// may lie outside the prior; it panics unless the prior is one.
func (t Typical) Of(at cosmology.Params, value float64) Typicality {
	units, err := newLogUnits(t.Prior)
	if err != nil {
		panic(err)
	}
	middle, width := t.middle()
	expected := t.expected(units, at)
	if math.IsNaN(value) {
		return Typicality{Expected: expected + middle, Quantile: value, Z: value, Outside: true}
	}
	value -= expected
	below := sort.SearchFloat64s(t.Values, value)
	upTo := sort.Search(len(t.Values), func(i int) bool { return t.Values[i] > value })
	out := Typicality{
		Expected: expected + middle, Quantile: (float64(below+upTo)/2 + 0.5) / float64(len(t.Values)+1),
		Outside: value < t.Values[0] || value > t.Values[len(t.Values)-1],
	}
	if value != middle {
		out.Z = (value - middle) / width
	}
	return out
}

// middle returns the median of the values and 1.4826 times their median distance from it: 1.4826 is 1 over the normal quantile of 3/4.
func (t Typical) middle() (middle, width float64) {
	middle = median(t.Values)
	distances := make([]float64, len(t.Values))
	for i, v := range t.Values {
		distances[i] = math.Abs(v - middle)
	}
	slices.Sort(distances)
	return middle, 1.4826 * median(distances)
}

func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
