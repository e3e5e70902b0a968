package calibration

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// partsOf makes maps whose −ln L has two independent calibrated parts, reported with wrong heights
// by factors.
func partsOf(t *testing.T, simulations int, factors [2]float64) []Parts {
	u := logUnitsOf(t)
	rng := rand.New(rand.NewPCG(7, 0))
	var out []Parts
	for sim := range simulations {
		truth := prior.Params(cosmology.UnitParams{rng.Float64(), rng.Float64()})
		at := u.point(truth)
		var parts []func([2]float64) float64
		for k, std := range [][2]float64{{0.1, 0.3}, {0.3, 0.1}} {
			n := normal{
				at:  [2]float64{at[0] + std[0]*rng.NormFloat64(), at[1] + std[1]*rng.NormFloat64()},
				std: std,
			}
			parts = append(parts, func(x [2]float64) float64 { return factors[k] * n.nll(x) })
		}
		out = append(out,
			Parts{Truth: truth, Simulation: sim, On: func(g likelihood.Grid) []likelihood.Surface {
				var s []likelihood.Surface
				for _, p := range parts {
					s = append(s, surfaceOf(u, g, p))
				}
				return s
			}})
	}
	return out
}

// TestWeightsOfParts: each part gets the temperature that calibrates it. Of a scale, n
// simulations of two parameters tell ln w to about 1/√n.
func TestWeightsOfParts(t *testing.T) {
	const simulations = 400
	for _, factors := range [][2]float64{{1, 1}, {4, 0.5}, {0.7, 3}} {
		weights, err := FitWeights(partsOf(t, simulations, factors), prior)
		if err != nil {
			t.Fatal(err)
		}
		for k, w := range weights {
			if d := math.Log(w * factors[k]); math.Abs(d) > 4/math.Sqrt(simulations) {
				t.Errorf("factors %v: part %d weighs %.3f, want %.3f", factors, k, w, 1/factors[k])
			}
		}
	}
}

// TestLossHasItsGradient: by finite differences.
func TestLossHasItsGradient(t *testing.T) {
	cases, err := newWeightCases(partsOf(t, 5, [2]float64{2, 0.5}), prior)
	if err != nil {
		t.Fatal(err)
	}
	u := []float64{0.3, -0.6}
	_, grad := loss(cases, u, 0.2)
	for k := range u {
		const h = 1e-5
		at := func(d float64) float64 {
			v := append([]float64(nil), u...)
			v[k] += d
			value, _ := loss(cases, v, 0.2)
			return value
		}
		if want := (at(h) - at(-h)) / (2 * h); math.Abs(grad[k]-want) > 1e-6*(1+floats.Norm(grad, 2)) {
			t.Errorf("derivative %d is %g, finite differences give %g", k, grad[k], want)
		}
	}
}

func TestFitWeightsRefuses(t *testing.T) {
	if _, err := FitWeights(nil, prior); err == nil {
		t.Error("no maps were accepted")
	}
	if _, err := FitWeights(partsOf(t, 3, [2]float64{1, 1}), prior); err == nil {
		t.Error("three simulations were accepted for two weights")
	}
	outside := partsOf(t, 10, [2]float64{1, 1})
	outside[3].Truth.OmegaM = 0.7
	if _, err := FitWeights(outside, prior); err == nil {
		t.Error("a truth outside the prior was accepted")
	}
}
