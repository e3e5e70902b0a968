package figure

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"darkfield/pkg/evaluate"
	"darkfield/pkg/summary"
)

// syntheticNonGaussian is shaped like the comparison of an emulator whose curves are off by bias
// standard deviations of single maps.
func syntheticNonGaussian(bias float64) evaluate.NonGaussian {
	rng := rand.New(rand.NewPCG(31, 32))
	out := evaluate.NonGaussian{Caption: mockCaption}
	nu := []float64{-2, -1, 0, 1, 2, 3}
	k := []float64{0.35, 0.8, 1.3, 1.8, 2.3}
	for _, field := range []string{evaluate.LogField, evaluate.DensityField} {
		for _, name := range []string{
			evaluate.Peaks, evaluate.ExcursionArea, evaluate.Boundary,
			evaluate.EulerCharacteristic, evaluate.Equilateral, evaluate.Squeezed, evaluate.Skewness,
		} {
			s := evaluate.NonGaussianStatistic{Field: field, Statistic: name, X: nu, Ratio: 1 + bias}
			switch name {
			case evaluate.Equilateral, evaluate.Squeezed, evaluate.Skewness:
				s.X = k
			}
			for range 5 {
				s.Rows = append(s.Rows, syntheticRow(s.X, bias, rng))
			}
			out.Statistics = append(out.Statistics, s)
		}
	}
	return out
}

func syntheticRow(x []float64, bias float64, rng *rand.Rand) evaluate.NonGaussianRow {
	stats := func(offset float64) summary.BinStats {
		var b summary.BinStats
		for _, at := range x {
			b.Mean = append(b.Mean, math.Exp(-at*at/2)+0.1*(offset+0.2*rng.NormFloat64()))
			b.Std = append(b.Std, 0.1)
		}
		return b
	}
	r := evaluate.NonGaussianRow{True: stats(0), Generated: stats(bias), Scored: make([]bool, len(x))}
	for i := range x {
		r.Scored[i] = i > 0
	}
	return r
}

// TestBrokenNonGaussian: numbers that cannot be drawn give a figure, and so do a single parameter
// and points that nothing is scored at.
func TestBrokenNonGaussian(t *testing.T) {
	b := syntheticNonGaussian(1)
	for _, s := range b.Statistics {
		for _, r := range s.Rows {
			poison(r.True.Mean, r.Generated.Mean, r.Generated.Std)
		}
	}
	must(t, NonGaussian(b, evaluate.LogField))
	b = syntheticNonGaussian(1)
	for i := range b.Statistics {
		b.Statistics[i].Rows = b.Statistics[i].Rows[:1]
		clear(b.Statistics[i].Rows[0].Scored)
		b.Statistics[i].X = b.Statistics[i].X[:1]
	}
	must(t, NonGaussian(b, evaluate.DensityField))
}

// TestLargeOffsetsAreDrawn: their axis grows with them.
func TestLargeOffsetsAreDrawn(t *testing.T) {
	f := NonGaussian(syntheticNonGaussian(30), evaluate.LogField)
	if strings.Contains(f.Note(), "Offsets: 1") {
		t.Errorf("offsets of 30 are cut: %s", f.Note())
	}
}
