package responsefit

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"darkfield/pkg/cosmology"
)

// TestFit: a power law of both parameters is a polynomial in logarithms, found exactly without
// scatter and within its error with it.
func TestFit(t *testing.T) {
	prior := cosmology.CAMELSPrior()
	law := func(p cosmology.Params) []float64 {
		return []float64{3 * p.OmegaM * p.OmegaM / p.Sigma8, 7 * math.Sqrt(p.Sigma8)}
	}
	for _, scatter := range []float64{0, 0.2} {
		rng := rand.New(rand.NewPCG(1, 2))
		var params []cosmology.Params
		var vectors [][]float64
		for range 500 {
			p := cosmology.Params{
				OmegaM: prior.Min.OmegaM + rng.Float64()*(prior.Max.OmegaM-prior.Min.OmegaM),
				Sigma8: prior.Min.Sigma8 + rng.Float64()*(prior.Max.Sigma8-prior.Min.Sigma8),
			}
			v := law(p)
			for j := range v {
				v[j] *= math.Exp(scatter * rng.NormFloat64())
			}
			params, vectors = append(params, p), append(vectors, v)
		}
		fit, err := Fit(prior, 3, params, vectors)
		if err != nil {
			t.Fatal(err)
		}
		// The sum of squares of the normalised polynomials is about 10 in the middle and 70 in a corner.
		for p, squares := range map[cosmology.Params]float64{
			cosmology.Fiducial: 10, prior.Min: 70,
			prior.Max: 70,
		} {
			got := fit.At(p)
			for j, want := range law(p) {
				if e := math.Abs(math.Log(got[j] / want)); e > 1e-9+4*scatter*math.Sqrt(squares/500) {
					t.Errorf("scatter %g, number %d at %v: %g, want %g", scatter, j, p, got[j], want)
				}
			}
		}
	}
}

func TestFitsThatCannotBe(t *testing.T) {
	prior := cosmology.CAMELSPrior()
	params := make([]cosmology.Params, 30)
	for i := range params {
		params[i] = cosmology.Params{OmegaM: 0.1 + 0.01*float64(i), Sigma8: 0.6 + 0.1*float64(i%4)}
	}
	vectors := func(last ...float64) [][]float64 {
		out := make([][]float64, 30)
		for i := range out {
			out[i] = []float64{1, 2}
		}
		out[29] = last
		return out
	}
	for want, vectors := range map[string][][]float64{
		"number 1 of vector 29 is 0":         vectors(1, 0),
		"vector 29 has 1 numbers":            vectors(1),
		"through 2 vectors at 30 parameters": vectors(1, 2)[:2],
	} {
		if _, err := Fit(prior, 3, params, vectors); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want it to say %q", err, want)
		}
	}
	same := make([]cosmology.Params, 30)
	for i := range same {
		same[i] = cosmology.Fiducial
	}
	if _, err := Fit(prior, 1, same, vectors(1, 2)); err == nil ||
		!strings.Contains(err.Error(), "singular") {
		t.Errorf("error %v of parameters that are all the same", err)
	}
}
