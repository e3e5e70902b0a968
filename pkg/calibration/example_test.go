package calibration_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"darkfield/pkg/calibration"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// mocks are Gaussian likelihoods whose widths are half of the scatter of their estimates, at a
// temperature.
func mocks(n int, seed uint64, temperature float64) []calibration.Case {
	prior, rng := cosmology.CAMELSPrior(), rand.New(rand.NewPCG(seed, 0))
	cases := make([]calibration.Case, n)
	for i := range cases {
		truth := prior.Params(cosmology.UnitParams{0.2 + 0.6*rng.Float64(), 0.2 + 0.6*rng.Float64()})
		om, s8 := truth.OmegaM+0.04*rng.NormFloat64(), truth.Sigma8+0.04*rng.NormFloat64()
		nll := func(g likelihood.Grid) likelihood.Surface {
			s := likelihood.Surface{Grid: g}
			for _, p := range g.Points() {
				s.NLL = append(s.NLL, (math.Pow((p.OmegaM-om)/0.02, 2)+
					math.Pow((p.Sigma8-s8)/0.02, 2))/2/temperature)
			}
			return s
		}
		cases[i] = calibration.Case{NLL: nll, Truth: truth, Simulation: i}
	}
	return cases
}

// Over-confident posteriors get a temperature of about 4, which is fitted on some simulations and
// tested on others.
func ExampleFitTemperature() {
	prior := cosmology.CAMELSPrior()
	temperature, err := calibration.FitTemperature(mocks(60, 1, 1), prior)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range []float64{1, temperature} {
		scores, err := calibration.ScoreAll(mocks(60, 2, t), prior, 1)
		if err != nil {
			fmt.Println(err)
			return
		}
		report, err := calibration.Summarise(scores, calibration.DefaultConfig())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("68 %% intervals of Ω_m cover %.1f of the truths\n", report.OmegaM.Coverage68.Value)
	}
	fmt.Printf("temperature of %.0f\n", temperature)
	// Output:
	// 68 % intervals of Ω_m cover 0.3 of the truths
	// 68 % intervals of Ω_m cover 0.7 of the truths
	// temperature of 4
}
