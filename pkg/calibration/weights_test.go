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
		weights, _, err := FitWeights(partsOf(t, simulations, factors), prior)
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

// TestTemperature: errors reported at 1/2 want a temperature of 4, which calibrates other maps,
// edges of the prior included; calibrated posteriors want 1. ln T is known to 1/√n from n
// simulations.
func TestTemperature(t *testing.T) {
	std := [2]float64{0.08, 0.2}
	for want, reported := range map[float64][2]float64{1: std, 4: {std[0] / 2, std[1] / 2}} {
		w := toy{std: std, rho: -0.5, reported: calibrated(reported)}
		got, err := FitTemperature(w.cases(t, 150, 1, 4), prior)
		if err != nil || !(math.Abs(math.Log(got/want)) <= 0.25) {
			t.Errorf("temperature %g, %v, want %g", got, err, want)
		}
		held := w.cases(t, 80, 2, 2)
		if before := reportOf(t, held); want > 1 && before.OmegaM.Coverage68.High > 0.5 {
			t.Errorf("coverage before is %+v", before.OmegaM.Coverage68)
		}
		for i, c := range held {
			held[i].NLL = likelihood.WeightedSum(func(g likelihood.Grid) []likelihood.Surface {
				return []likelihood.Surface{c.NLL(g)}
			}, []float64{1 / got})
		}
		coverageNear(t, reportOf(t, held))
	}
}

// coverageNear reports an error unless all coverages, mean errors and ranks are those of calibrated
// posteriors.
func coverageNear(t *testing.T, r Report) {
	t.Helper()
	for name, c := range map[string]struct {
		got  Interval
		want float64
	}{
		"Ω_m 68 %": {r.OmegaM.Coverage68, 0.68}, "σ_8 68 %": {r.Sigma8.Coverage68, 0.68},
		"both 68 %": {r.HPD68, 0.68},
		"Ω_m 95 %":  {r.OmegaM.Coverage95, 0.95}, "σ_8 95 %": {r.Sigma8.Coverage95, 0.95},
		"both 95 %":  {r.HPD95, 0.95},
		"|z| of Ω_m": {r.OmegaM.AbsZ, r.OmegaM.ExpectedAbsZ},
		"|z| of σ_8": {r.Sigma8.AbsZ, r.Sigma8.ExpectedAbsZ},
	} {
		if !near(c.got, c.want) {
			t.Errorf("%s: %+v, want %g", name, c.got, c.want)
		}
	}
	for name, ranks := range map[string]Ranks{
		"Ω_m": r.OmegaM.Ranks, "σ_8": r.Sigma8.Ranks,
		"TARP": r.TARP.Ranks,
	} {
		if ranks.P < 0.01 {
			t.Errorf("%s: p = %g of uniform ranks %v", name, ranks.P, ranks.Counts)
		}
	}
}

// TestLossHasItsGradient: by finite differences.
func TestLossHasItsGradient(t *testing.T) {
	cases, err := newWeightCases(partsOf(t, 5, [2]float64{2, 0.5}), prior, true)
	if err != nil {
		t.Fatal(err)
	}
	u := []float64{0.3, -0.6, 0.1, -0.2, 0.05, 0.3, -0.1}
	_, grad := loss(cases, u, 2, 0.2)
	for k := range u {
		const h = 1e-5
		at := func(d float64) float64 {
			v := append([]float64(nil), u...)
			v[k] += d
			value, _ := loss(cases, v, 2, 0.2)
			return value
		}
		if want := (at(h) - at(-h)) / (2 * h); math.Abs(grad[k]-want) > 1e-6*(1+floats.Norm(grad, 2)) {
			t.Errorf("derivative %d is %g, finite differences give %g", k, grad[k], want)
		}
	}
}

func TestFitWeightsRefuses(t *testing.T) {
	if _, _, err := FitWeights(nil, prior); err == nil {
		t.Error("no maps were accepted")
	}
	if _, _, err := FitWeights(partsOf(t, 3, [2]float64{1, 1}), prior); err == nil {
		t.Error("three simulations were accepted for two weights")
	}
	outside := partsOf(t, 10, [2]float64{1, 1})
	outside[3].Truth.OmegaM = 0.7
	if _, _, err := FitWeights(outside, prior); err == nil {
		t.Error("a truth outside the prior was accepted")
	}
}
