package calibration

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"darkfield/pkg/cosmology"
)

// spreadParams are n parameters, uniform over the prior.
func spreadParams(rng *rand.Rand, n int) []cosmology.Params {
	prior := cosmology.CAMELSPrior()
	out := make([]cosmology.Params, n)
	for i := range out {
		out[i] = cosmology.Params{
			OmegaM: prior.Min.OmegaM + rng.Float64()*(prior.Max.OmegaM-prior.Min.OmegaM),
			Sigma8: prior.Min.Sigma8 + rng.Float64()*(prior.Max.Sigma8-prior.Min.Sigma8),
		}
	}
	return out
}

// TestTypical: values scatter about a trend that is much steeper than they scatter; what counts is the distance from the trend.
func TestTypical(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	trend := func(p cosmology.Params) float64 {
		x, y := math.Log(p.OmegaM), math.Log(p.Sigma8)
		return -3 + 30*x - 10*y + 5*x*x + 7*x*y - 20*y*y
	}
	at := spreadParams(rng, 4000)
	values := make([]float64, len(at))
	for i := range values {
		values[i] = trend(at[i]) + 2*rng.NormFloat64()
	}
	values[17] = 1e9 // one broken map must not make everything typical
	typical, err := NewTypical(cosmology.CAMELSPrior(), at, values)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []cosmology.Params{{OmegaM: 0.15, Sigma8: 0.65}, {OmegaM: 0.3, Sigma8: 0.8}, {OmegaM: 0.45, Sigma8: 0.65}} {
		for _, c := range []struct{ above, quantile, z float64 }{{0, 0.5, 0}, {2, 0.8413, 1}, {-4, 0.0228, -2}} {
			got := typical.Of(p, trend(p)+c.above)
			// 1/√4000 is 0.016, the width is known to 2 %.
			if math.Abs(got.Quantile-c.quantile) > 0.05 || math.Abs(got.Z-c.z) > 0.2 || got.Outside || math.Abs(got.Expected-trend(p)) > 0.4 {
				t.Errorf("%+v, %g above the trend %g: %+v, want %+v", p, c.above, trend(p), got, c)
			}
		}
		if far := typical.Of(p, trend(p)-43); far.Quantile > 0.001 || far.Quantile <= 0 || far.Z > -20 || !far.Outside {
			t.Errorf("an outlier is %+v", far)
		}
	}
	if nan := typical.Of(cosmology.Fiducial, math.NaN()); !math.IsNaN(nan.Quantile) || !math.IsNaN(nan.Z) || !nan.Outside {
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
	typical := Typical{Prior: cosmology.CAMELSPrior(), Values: []float64{1, 2, 3, 4, 5, 6, 7, 8}}
	for i := range 9 {
		got, want := typical.Of(cosmology.Fiducial, float64(i)+0.5), (float64(i)+0.5)/9
		if math.Abs(got.Quantile-want) > 1e-12 || got.Outside != (i == 0 || i == 8) {
			t.Errorf("between %d and the next: %+v, want %g", i, got, want)
		}
	}
}

func TestTypicalRefuses(t *testing.T) {
	prior := cosmology.CAMELSPrior()
	at := spreadParams(rand.New(rand.NewPCG(1, 2)), 12)
	for _, bad := range [][]float64{nil, {1, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, math.NaN()}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, math.Inf(1)}} {
		if _, err := NewTypical(prior, at[:len(bad)], bad); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
	same, err := NewTypical(prior, slices.Repeat(at[:1], 12), []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}) // a network that has learnt nothing fits all maps alike
	if err != nil || math.Abs(same.Of(at[0], 6.5).Z) > 0.01 {
		t.Errorf("values at one point: %+v, %v", same, err)
	}
	if err := (Typical{Prior: prior, Values: make([]float64, 7)}).Validate(); err == nil {
		t.Error("seven values were accepted")
	}
}
