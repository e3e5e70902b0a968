package cosmology_test

import (
	"fmt"

	"darkfield/pkg/cosmology"
)

// Growth factor at a = 0.1 and growth rate today in the fiducial model.
func ExampleCosmology_GrowthFactor() {
	u := cosmology.New(cosmology.Fiducial)
	fmt.Printf("D(0.1) = %.3f, f(1) = %.3f\n", u.GrowthFactor(0.1), u.GrowthRate(1))
	// Output: D(0.1) = 0.128, f(1) = 0.513
}

// The linear power spectrum is normalised to σ_8.
func ExampleLinearPower() {
	p := cosmology.NewLinearPower(cosmology.New(cosmology.Params{OmegaM: 0.3, Sigma8: 0.8}))
	fmt.Printf("σ_8 = %.3f\n", p.Sigma(8))
	for _, k := range []float64{0.01, 0.1, 1} {
		fmt.Printf("P(%g h/Mpc) = %.3g (Mpc/h)³\n", k, p.At(k))
	}
	// Output:
	// σ_8 = 0.800
	// P(0.01 h/Mpc) = 2.37e+04 (Mpc/h)³
	// P(0.1 h/Mpc) = 5.32e+03 (Mpc/h)³
	// P(1 h/Mpc) = 62.9 (Mpc/h)³
}

// Parameters as the network sees them, and a value outside the prior.
func ExamplePrior() {
	prior := cosmology.CAMELSPrior()
	fmt.Printf("%.2f\n", prior.Unit(cosmology.Params{OmegaM: 0.2, Sigma8: 0.9}))
	fmt.Println(prior.Check(cosmology.Params{OmegaM: 0.6, Sigma8: 0.9}))
	// Output:
	// [0.25 0.75]
	// Ω_m = 0.6 lies outside the prior [0.1, 0.5]
}
