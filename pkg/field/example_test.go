package field_test

import (
	"fmt"
	"math/rand/v2"

	"darkfield/pkg/field"
)

// From a file's values to what the network sees, and back.
func ExampleScaling() {
	m := field.Map{Box: field.Box{Side: 25, Cells: 2}, Values: []float32{1e10, 1e11, 1e12, 1e13}}
	logs, err := m.Log10()
	if err != nil {
		fmt.Println(err)
		return
	}
	scaling := field.Scaling{Min: 10, Max: 14}
	scaled := scaling.Scale(logs)
	fmt.Println(scaled.Values)
	fmt.Println(scaling.Unscale(scaled).Values)
	// Output:
	// [-1 -0.5 0 0.5]
	// [10 11 12 13]
}

func ExampleMap_Log10() {
	_, err := field.Map{Box: field.Box{Side: 25, Cells: 2}, Values: []float32{1, 10, 0, 1}}.Log10()
	fmt.Println(err)
	// Output: pixel (y=1, x=0) is 0, want a finite value > 0
}

func ExampleBlockAverage() {
	m := field.Map{Box: field.Box{Side: 25, Cells: 2}, Values: []float32{1, 2, 3, 6}}
	coarse, err := field.BlockAverage(m, 1)
	fmt.Println(coarse.Values, coarse.Box.CellSide(), err)
	// Output: [3] 25 <nil>
}

func ExampleSymmetry_ApplyTo() {
	turned := make([]float32, 4)
	field.Symmetry(1).ApplyTo(turned, []float32{1, 2, 3, 4}, 2)
	fmt.Println(turned)
	// Output: [2 4 1 3]
}

func ExampleBox() {
	b := field.Box{Side: 25, Cells: 64}
	fmt.Printf("pixels of %.3f Mpc/h, k from %.3f to %.3f h/Mpc\n", b.CellSide(), b.KFundamental(),
		b.KNyquist())
	// Output: pixels of 0.391 Mpc/h, k from 0.251 to 8.042 h/Mpc
}

// Noise of 2 % of the range that the network sees.
func ExampleAddNoise() {
	logs := field.LogMap{Box: field.Box{Side: 25, Cells: 2}, Values: []float32{10, 11, 12, 13}}
	sigma := field.Scaling{Min: 9.421, Max: 15.445}.Dex(0.02)
	noisy := field.AddNoise(logs, sigma, rand.New(rand.NewPCG(1, 2)))
	fmt.Printf("noise of %.3f dex: %.2f\n", sigma, noisy.Values)
	// Output: noise of 0.120 dex: [10.05 11.01 12.02 12.86]
}

// A bright pixel in a corner of a periodic map.
func ExampleSmooth() {
	m := field.Map{Box: field.Box{Side: 3, Cells: 3}, Values: []float32{9, 0, 0, 0, 0, 0, 0, 0, 0}}
	fmt.Printf("%.2f\n", field.Smooth(m, 0.5).Values)
	// Output: [5.57 0.76 0.76 0.76 0.10 0.10 0.76 0.10 0.10]
}
