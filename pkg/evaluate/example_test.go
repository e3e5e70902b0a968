package evaluate_test

import (
	"fmt"

	"darkfield/pkg/evaluate"
)

func ExampleSummarise() {
	s := evaluate.Summarise([]float64{1.1, 0.9, 7}) // a few bad maps rule the mean of chi²
	fmt.Printf("mean %.2f, median %.2f of %d maps\n", s.Mean, s.Median, s.N)
	// Output: mean 3.00, median 1.10 of 3 maps
}

func ExampleSelection() {
	var table evaluate.Selection
	for step, chi2 := range map[int]float64{1000: 1.9, 2000: 1.3, 3000: 1.4} {
		table.Add("run", step, evaluate.Chi2{Generated15: []float64{chi2}})
	}
	best := table.Candidates[table.Best()]
	fmt.Printf("step %d, mean reduced chi² %.1f\n", best.Step, best.Generated15.Mean)
	// Output: step 2000, mean reduced chi² 1.3
}
