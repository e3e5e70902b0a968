package figure_test

import (
	"bytes"
	"fmt"

	"darkfield/pkg/evaluate"
	"darkfield/pkg/figure"
)

func ExampleChi2() {
	f := figure.Chi2(evaluate.Chi2{
		LeaveOneOut: []float64{0.9, 1.2, 1.4}, Generated14: []float64{1, 1.3, 1.5},
		Generated15: []float64{0.8, 1.1}, Expectation14: 1.3, Expectation15: 1.2,
	})
	png, err := f.PNG() // Save writes PNG and SVG to files
	fmt.Println(bytes.HasPrefix(png, []byte("\x89PNG")), err)
	// Output: true <nil>
}
