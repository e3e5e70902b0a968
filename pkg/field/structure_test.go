package field

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestSmoothestStructure: of a plane, wrapped, there is none but at the seam; of white noise it
// grows with its standard deviation; and noise is seen beside a few peaks.
func TestSmoothestStructure(t *testing.T) {
	const n = 64
	m := LogMap{Box: Box{Side: 25, Cells: n}, Values: make([]float32, n*n)}
	for i := range m.Values {
		m.Values[i] = float32(i%n) / 64
	}
	if got := SmoothestStructure(m); got > 1e-7 {
		t.Errorf("a plane has structure of %g dex", got)
	}
	noise := func(sigma float64) LogMap { return AddNoise(m, sigma, rand.New(rand.NewPCG(1, 0))) }
	one, two := SmoothestStructure(noise(0.05)), SmoothestStructure(noise(0.1))
	// the 2 % quantile of a mean of nine correlated squares, whose own error is 10 % or less
	if math.Abs(two/one-2) > 0.01 || one < 0.3*0.05 || one > 0.6*0.05 {
		t.Errorf("%g of noise of 0.05 dex, %g of twice that", one, two)
	}
	for i := 0; i < n*n; i += 97 {
		m.Values[i] += 2
	}
	if peaks, both := SmoothestStructure(m), SmoothestStructure(noise(0.05)); peaks > 0.1*one ||
		math.Abs(both/one-1) > 0.2 {
		t.Errorf("%g of peaks, %g with noise, want about %g", peaks, both, one)
	}
}
