package calibration

import (
	"math"
	"testing"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// TestOffsetIsFound: what is added to the likelihoods of all maps, as the gap of a bound is, is
// taken away again. The slope of an offset over the width of a posterior is a shift of its mean in
// standard deviations; n simulations tell one of five coefficients apart to about √(5/n).
func TestOffsetIsFound(t *testing.T) {
	const simulations = 400
	gap := Offset{4, -2, 1.5, 1, -1}
	maps := partsOf(t, simulations, [2]float64{1, 1})
	for i, m := range maps {
		maps[i].On = func(g likelihood.Grid) []likelihood.Surface {
			s := m.On(g)
			gap.Add(s[0], prior)
			return s
		}
	}
	_, offset, err := FitWeights(maps, prior)
	if err != nil {
		t.Fatal(err)
	}
	u := logUnitsOf(t)
	width := 0.1 * 0.3 / math.Hypot(0.1, 0.3) // of both parts together, in log units
	for _, x := range [][2]float64{{0.5, 0.5}, {0.2, 0.3}, {0.7, 0.8}, {0.3, 0.8}} {
		p := cosmology.Params{
			OmegaM: math.Exp(u.low[0] + x[0]*u.width[0]), Sigma8: math.Exp(u.low[1] + x[1]*u.width[1]),
		}
		_, got := offset.At(p, prior)
		_, added := gap.At(p, prior)
		for k, theta := range []float64{p.OmegaM, p.Sigma8} {
			scale := theta * u.width[k] * width
			if shift := (got[k] + added[k]) * scale; math.Abs(shift) > 3*math.Sqrt(5.0/simulations) {
				t.Errorf("%v: parameter %d is still shifted by %.2f of its width, from %.2f", p, k, shift,
					added[k]*scale)
			}
		}
	}
}

// TestOffsetSlopes: by finite differences, and Add adds the values.
func TestOffsetSlopes(t *testing.T) {
	o := Offset{1, -2, 3, 0.5, -1.5}
	at := func(om, s8 float64) float64 {
		v, _ := o.At(cosmology.Params{OmegaM: om, Sigma8: s8}, prior)
		return v
	}
	const om, s8, h = 0.23, 0.77, 1e-5
	value, slopes := o.At(cosmology.Params{OmegaM: om, Sigma8: s8}, prior)
	for k, want := range []float64{
		(at(om+h, s8) - at(om-h, s8)) / (2 * h), (at(om, s8+h) - at(om, s8-h)) / (2 * h),
	} {
		if math.Abs(slopes[k]-want) > 1e-6*(1+math.Abs(want)) {
			t.Errorf("slope %d is %g, finite differences give %g", k, slopes[k], want)
		}
	}
	s := likelihood.Surface{
		Grid: likelihood.Grid{OmegaM: []float64{om}, Sigma8: []float64{0.7, s8}}, NLL: []float64{3, 5},
	}
	o.Add(s, prior)
	if want := 5 + value; math.Abs(s.NLL[1]-want) > 1e-12 {
		t.Errorf("5 became %g, want %g", s.NLL[1], want)
	}
	if o.Validate() != nil || (Offset{math.NaN()}).Validate() == nil {
		t.Error("Validate takes NaN, or refuses numbers")
	}
}
