package summary_test

import (
	"fmt"
	"math"

	"darkfield/pkg/field"
	"darkfield/pkg/summary"
)

// The spectrum of a map with one wave: all power is in one ring.
func ExampleOverdensity() {
	m := field.NewMap(field.Box{Side: 25, Cells: 16})
	for i := range m.Values {
		m.Values[i] = float32(1 + 0.5*math.Cos(2*math.Pi*3*float64(i%16)/16))
	}
	s := summary.Overdensity(m)
	for i := range 4 {
		fmt.Printf("k = %.2f h/Mpc, P = %.2f (Mpc/h)²\n", s.K[i], s.P[i])
	}
	// Output:
	// k = 0.25 h/Mpc, P = 0.00 (Mpc/h)²
	// k = 0.43 h/Mpc, P = 0.00 (Mpc/h)²
	// k = 0.65 h/Mpc, P = 4.88 (Mpc/h)²
	// k = 0.88 h/Mpc, P = 0.00 (Mpc/h)²
}

// The expectation of a perfect emulator is not 1, and depends on how many true maps it is
// compared with.
func ExampleGaussianExpectation() {
	fmt.Printf("leave-one-out of 15: %.3f\n", summary.GaussianExpectation(14, 128))
	fmt.Printf("against all 15:      %.3f\n", summary.GaussianExpectation(15, 128))
	// Output:
	// leave-one-out of 15: 1.276
	// against all 15:      1.254
}

func ExampleReducedChi2() {
	reference := summary.Stats([][]float64{{1, 10}, {2, 20}, {3, 30}})
	fmt.Println(summary.ReducedChi2([]float64{2, 20}, reference),
		summary.ReducedChi2([]float64{3, 10}, reference))
	// Output: 0 2
}

func ExampleLeaveOneOut() {
	fmt.Printf("%.1f\n", summary.LeaveOneOut([][]float64{{1, 1}, {2, 2}, {3, 3}, {6, 6}}))
	// Output: [3.3 0.6 0.0 32.0]
}

func ExampleNewHistogram() {
	h := summary.NewHistogram([]float32{0.1, 0.2, 0.6, 2}, []float64{0, 0.5, 1})
	fmt.Println(h.Density, "above:", h.Over)
	// Output: [1 0.5] above: 0.25
}

func ExampleRatios() {
	ratios := summary.Ratios([][]float64{{2, 3}, {2, 5}}, [][]float64{{1, 1}, {1, 1}})
	fmt.Printf("%.2f ± %.2f\n", ratios.Mean, ratios.Std)
	// Output: [2.00 4.00] ± [0.00 1.41]
}

// The one-point distribution of a density: its shape in numbers, its median and its PDF.
func ExampleOnePlusDelta() {
	m := field.Map{Box: field.Box{Side: 25, Cells: 2}, Values: []float32{1e10, 1e10, 1e10, 5e10}}
	density := summary.OnePlusDelta(m)
	fmt.Println(density, "median", summary.Quantiles(density, 0.5))
	fmt.Println("PDF", summary.NewHistogram(density, []float64{0, 1, 3}).Density)
	// Output:
	// [0.5 0.5 0.5 2.5] median [0.5]
	// PDF [0.75 0.125]
}
