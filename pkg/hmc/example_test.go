package hmc_test

import (
	"context"
	"fmt"

	"darkfield/pkg/hmc"
)

// Two chains of a Gaussian with mean 0.3 and standard deviation 0.02 under a flat prior.
func ExampleNewState() {
	density := func(_ context.Context, points [][]float64) (logp []float64, grad [][]float64,
		err error,
	) {
		for _, x := range points {
			z := (x[0] - 0.3) / 0.02
			logp, grad = append(logp, -z*z/2), append(grad, []float64{-z / 0.02})
		}
		return logp, grad, nil
	}
	c := hmc.Default()
	c.Chains, c.Draws = 2, 2000
	state, err := hmc.NewState(hmc.Box{Low: []float64{0.1}, High: []float64{0.5}}, c, nil)
	if err == nil {
		err = state.Run(context.Background(), density, nil)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	d := hmc.Diagnose(state.Result().Draws)[0]
	fmt.Printf("%.2f ± %.2f, converged: %v\n", d.Mean, d.Std, d.RHat < 1.01)
	// Output: 0.30 ± 0.02, converged: true
}
