package calibration_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"darkfield/pkg/calibration"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// mocks are Gaussian likelihoods whose widths are half of the scatter of their estimates.
func mocks(n int, seed uint64) []calibration.Case {
	prior, rng := cosmology.CAMELSPrior(), rand.New(rand.NewPCG(seed, 0))
	grid := likelihood.WholePrior(prior, 30)
	cases := make([]calibration.Case, n)
	for i := range cases {
		truth := prior.Params(cosmology.UnitParams{0.2 + 0.6*rng.Float64(), 0.2 + 0.6*rng.Float64()})
		om, s8 := truth.OmegaM+0.04*rng.NormFloat64(), truth.Sigma8+0.04*rng.NormFloat64()
		s := likelihood.Surface{Grid: grid}
		for _, p := range grid.Points() {
			s.NLL = append(s.NLL, (math.Pow((p.OmegaM-om)/0.02, 2)+math.Pow((p.Sigma8-s8)/0.02, 2))/2)
		}
		cases[i] = calibration.Case{Surface: s, Truth: truth, Simulation: i}
	}
	return cases
}

// Over-confident posteriors get a temperature of about 4, which is chosen on some simulations and
// tested on others.
func ExampleChoose() {
	prior := cosmology.CAMELSPrior()
	choice, err := calibration.Choose(mocks(60, 1), prior, 2, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	test := mocks(60, 2)
	after, err := choice.Recalibration.ApplyAll(test)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, cases := range [][]calibration.Case{test, after} {
		scores, err := calibration.ScoreAll(cases, prior, 1)
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
	fmt.Printf("%s of %.0f\n", choice.Recalibration.Kind, choice.Recalibration.Temperature)
	// Output:
	// 68 % intervals of Ω_m cover 0.3 of the truths
	// 68 % intervals of Ω_m cover 0.7 of the truths
	// temperature of 4
}
