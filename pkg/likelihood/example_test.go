package likelihood_test

import (
	"context"
	"fmt"
	"math"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// gaussian is −ln L of a measurement Ω_m = 0.3 ± 0.02, σ_8 = 0.8 ± 0.03, as a single term.
func gaussian(_ context.Context, thetas []cosmology.Params) ([][]float64, error) {
	out := make([][]float64, len(thetas))
	for i, p := range thetas {
		out[i] = []float64{(math.Pow((p.OmegaM-0.3)/0.02, 2) + math.Pow((p.Sigma8-0.8)/0.03, 2)) / 2}
	}
	return out, nil
}

// A likelihood on a grid over the whole prior, its best point and the errors of the parameters.
func ExampleEvaluate() {
	grid := likelihood.WholePrior(cosmology.CAMELSPrior(), 81)
	terms, err := likelihood.Evaluate(context.Background(), gaussian, grid, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	surface := likelihood.Sum(terms)
	omegaM, sigma8 := surface.Marginals()
	fmt.Printf("best: %v\n", surface.Best())
	fmt.Printf("Ω_m = %.3f ± %.3f\n", omegaM.Mean, omegaM.Std)
	fmt.Printf("σ_8 = %.3f ± %.3f, 95 %% below %.2f\n", sigma8.Mean, sigma8.Std, sigma8.Quantile(0.95))
	// Output:
	// best: Ω_m=0.300 σ_8=0.800
	// Ω_m = 0.300 ± 0.020
	// σ_8 = 0.800 ± 0.030, 95 % below 0.85
}

// The same from a few evaluations, with the contour of two standard deviations.
func ExampleInterpolate() {
	whole := likelihood.WholePrior(cosmology.CAMELSPrior(), 2)
	in, err := likelihood.Interpolate(context.Background(), gaussian, whole,
		likelihood.DefaultInterpolation(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	surface, err := in.Resolved()
	if err != nil {
		fmt.Println(err)
		return
	}
	omegaM, _ := surface.Marginals()
	lines := surface.Contour(likelihood.Level2Sigma)
	fmt.Printf("within the tolerance: %v\n", in.Within)
	fmt.Printf("Ω_m = %.3f ± %.3f, %d contour\n", omegaM.Mean, omegaM.Std, len(lines))
	// Output:
	// within the tolerance: true
	// Ω_m = 0.300 ± 0.020, 1 contour
}
