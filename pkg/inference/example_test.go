package inference_test

import (
	"fmt"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/inference"
	"darkfield/pkg/likelihood"
)

func ExampleInference_Quality() {
	row := func(truth, best float64) inference.Prediction {
		return inference.Prediction{
			Truth:  cosmology.Params{OmegaM: truth, Sigma8: 0.8},
			OmegaM: likelihood.Marginal{Best: best, Low: best - 0.02, High: best + 0.02},
			Sigma8: likelihood.Marginal{Best: 0.8, Low: 0.78, High: 0.82},
		}
	}
	f := inference.Inference{Rows: []inference.Prediction{row(0.30, 0.31), row(0.20, 0.17)}}
	omegaM, _ := f.Quality()
	fmt.Printf("mean |z| %.2f, %.0f %% of truths inside\n", omegaM.MeanAbsZ, 100*omegaM.Coverage)
	// Output: mean |z| 1.00, 50 % of truths inside
}
