package calibration

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

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

// correlated are three numbers of a map: means that depend on the parameters by much more than the
// numbers scatter, the first two scatter together, by 2 and 3 with a correlation of 0.8.
type correlated struct{ rng *rand.Rand }

func (correlated) mean(p cosmology.Params) [3]float64 {
	x, y := math.Log(p.OmegaM), math.Log(p.Sigma8)
	return [3]float64{-3 + 30*x - 10*y + 5*x*x + 7*x*y - 20*y*y, 100 - 40*x, 7}
}

func (c correlated) draw(p cosmology.Params) []float64 {
	t, a, b := c.mean(p), c.rng.NormFloat64(), c.rng.NormFloat64()
	return []float64{t[0] + 2*a, t[1] + 3*(0.8*a+0.6*b), t[2] + 0.1*c.rng.NormFloat64()}
}

func (c correlated) typical(t *testing.T, n int) OutlierModel {
	t.Helper()
	at := spreadParams(c.rng, n)
	values := make([][]float64, n)
	for i := range values {
		values[i] = c.draw(at[i])
	}
	values[17][1] = 1e9 // one broken map must not make everything typical
	typical, err := FitOutlierModel(cosmology.CAMELSPrior(), []string{"a", "b", "c"}, at, values)
	if err != nil {
		t.Fatal(err)
	}
	return typical
}

// TestOutlierModel: what counts is the distance from the fit, in the directions in which the
// numbers scatter.
func TestOutlierModel(t *testing.T) {
	c := correlated{rand.New(rand.NewPCG(1, 2))}
	const maps = 2000
	typical := c.typical(t, maps)
	for _, p := range []cosmology.Params{
		{OmegaM: 0.15, Sigma8: 0.65},
		{OmegaM: 0.3, Sigma8: 0.8},
		{OmegaM: 0.45, Sigma8: 0.65},
	} {
		for _, off := range []struct{ a, b, distance, za, zb float64 }{
			{0, 0, 0, 0, 0},
			// Along the scatter: b goes with a.
			{2, 2.4, 1, 1, 0.8},
			// The same numbers alone, but they never go so.
			{2, -2.4, math.Hypot(1, 1.6/0.6), 1, -0.8},
		} {
			expected := c.mean(p)
			got := typical.Score(p, []float64{expected[0] + off.a, expected[1] + off.b, expected[2]})
			// Near a corner a fit of six numbers is known to √(10/2000) = 0.07 of a width, and there are
			// three; widths to 0.016, the correlation to 0.008 beside 0.2.
			if math.Abs(got.Distance-off.distance) > 0.2+0.06*off.distance ||
				math.Abs(got.Z[0]-off.za) > 0.2 || math.Abs(got.Z[1]-off.zb) > 0.2 ||
				math.Abs(got.Expected[0]-expected[0]) > 0.4 {
				t.Errorf("%+v, off by %v: %+v", p, off, got)
			}
		}
	}
	// Distances of other maps are distributed as those of the calibration: chi of three degrees of
	// freedom.
	for name, quantile := range map[string]float64{"median": 0.5, "95 %": 0.95} {
		want := math.Sqrt(distuv.ChiSquared{K: 3}.Quantile(quantile))
		if got := stat.Quantile(quantile, stat.Empirical, typical.Distances, nil); math.Abs(
			got-want) > 0.1 {
			t.Errorf("%s of the distances: %.3f, want %.3f", name, got, want)
		}
	}
	if largest := typical.Distances[maps-1]; largest < 1e6 { // the broken map's
		t.Errorf("largest distance %g", largest)
	}
	if nan := typical.Score(cosmology.Fiducial, []float64{0, math.NaN(), 0}); !math.IsNaN(
		nan.Distance) ||
		!math.IsNaN(nan.Z[1]) {
		t.Errorf("NaN is %+v", nan)
	}
	text, _ := json.Marshal(typical)
	var again OutlierModel
	if err := json.Unmarshal(text, &again); err != nil || again.Validate() != nil ||
		!cmp.Equal(again, typical) {
		t.Errorf("not the same after JSON: %v", err)
	}
}

// TestFewMapsAreNotFlattered: a covariance of few maps fits these better than others, but
// distances from it are those of others: as many of them lie further away than the median of the
// calibration as lie nearer.
func TestFewMapsAreNotFlattered(t *testing.T) {
	c := correlated{rand.New(rand.NewPCG(3, 4))}
	further, all := 0, 0
	for range 40 {
		typical := c.typical(t, 30)
		for _, p := range spreadParams(c.rng, 25) {
			if typical.Score(p, c.draw(p)).Distance > stat.Quantile(0.5, stat.Empirical,
				typical.Distances, nil) {
				further++
			}
			all++
		}
	}
	// A median of 29 scatters by 0.09, forty of them by 0.015; the whole fit has a quarter more maps
	// than those that distances are from, so that others lie a little nearer.
	if share := float64(further) / float64(all); math.Abs(share-0.5) > 0.1 {
		t.Errorf("%.2f of other maps lie further than the median", share)
	}
}

func TestOutlierModelRefuses(t *testing.T) {
	prior, rng := cosmology.CAMELSPrior(), rand.New(rand.NewPCG(1, 2))
	at := spreadParams(rng, 16)
	with := func(change func([][]float64)) [][]float64 {
		values := make([][]float64, len(at))
		for i := range values {
			values[i] = []float64{rng.NormFloat64(), rng.NormFloat64()}
		}
		change(values)
		return values
	}
	names := []string{"a", "b"}
	for want, values := range map[string][][]float64{
		"at least 16":         with(func([][]float64) {})[:15],
		"map 3 has 1 numbers": with(func(v [][]float64) { v[3] = v[3][:1] }),
		"b of map 2 is NaN":   with(func(v [][]float64) { v[2][1] = math.NaN() }),
		"a of map 0 is -Inf":  with(func(v [][]float64) { v[0][0] = math.Inf(-1) }),
		"b is the same for all": with(func(v [][]float64) {
			for _, row := range v {
				row[1] = 0
			}
		}),
	} {
		if _, err := FitOutlierModel(prior, names, at[:len(values)], values); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	good := with(func([][]float64) {})
	// a network that has learnt nothing fits all maps alike
	same, err := FitOutlierModel(prior, names, slices.Repeat(at[:1], 16), good)
	mean := []float64{0, 0}
	for _, row := range good {
		mean[0], mean[1] = mean[0]+row[0]/16, mean[1]+row[1]/16
	}
	if err != nil || same.Score(at[0], mean).Distance > 0.5 {
		t.Errorf("values at one point: %+v, %v", same, err)
	}
	for field, spoil := range map[string]func(*OutlierModel){
		"Widths[1]": func(t *OutlierModel) { t.Widths[1] = 0 }, "Whitening[1]": func(t *OutlierModel) {
			t.Whitening[1] = t.Whitening[1][:1]
		},
		"Distances": func(t *OutlierModel) { t.Distances = nil }, "Fits[0]": func(t *OutlierModel) {
			t.Fits[0][3] = math.Inf(1)
		}, "2 names, 1 fits": func(t *OutlierModel) { t.Fits = t.Fits[:1] },
	} {
		bad := same
		bad.Widths, bad.Fits, bad.Whitening = slices.Clone(same.Widths), slices.Clone(same.Fits),
			slices.Clone(same.Whitening)
		spoil(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("error %v, want one of %s", err, field)
		}
	}
}
