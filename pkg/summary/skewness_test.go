package summary

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"

	"darkfield/pkg/field"
)

// TestSkewnessOfIndependentPixels: cumulants of independent pixels add with powers of the weights,
// so that smoothing with weights w changes their skewness by Σw³/(Σw²)^(3/2). That is 2/(3√π σ) for
// a Gaussian of σ pixels. Exponential pixels have a skewness of 2, normal ones of 0.
func TestSkewnessOfIndependentPixels(t *testing.T) {
	box := field.Box{Side: 200, Cells: 200} // a pixel is 1 Mpc/h
	scales := []float64{0, 1, 2, 4}
	rng := rand.New(rand.NewPCG(1, 3))
	for _, c := range []struct {
		name     string
		draw     func() float64
		skewness float64
	}{
		{"exponential", rng.ExpFloat64, 2},
		{"normal", rng.NormFloat64, 0},
	} {
		const maps = 25
		found := make([][]float64, len(scales))
		values := make([]float32, box.Pixels())
		for range maps {
			for i := range values {
				values[i] = float32(c.draw())
			}
			for i, s := range SmoothedSkewness(values, box, scales) {
				found[i] = append(found[i], s)
			}
		}
		for i, scale := range scales {
			want := c.skewness
			if scale > 0 {
				want *= 2 / (3 * math.Sqrt(math.Pi) * scale)
			}
			mean, std := stat.MeanStdDev(found[i], nil)
			if e := std / math.Sqrt(maps); math.Abs(mean-want) > 4*e || e > 0.05 {
				t.Errorf("%s pixels smoothed by %g: skewness %.4f ± %.4f, want %.4f", c.name, scale, mean,
					e, want)
			}
		}
	}
}

// TestSkewnessKnowsNoDirection: a map that is turned, flipped and shifted has the same skewness,
// one with the opposite sign the opposite one.
func TestSkewnessKnowsNoDirection(t *testing.T) {
	box := field.Box{Side: 25, Cells: 16}
	scales := []float64{0, 1.5, 3}
	rapid.Check(t, func(t *rapid.T) {
		values := whiteNoise(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)), box)
		minus := make([]float32, len(values))
		for i, v := range values {
			minus[i] = -v
		}
		want := SmoothedSkewness(values, box, scales)
		turned := SmoothedSkewness(movedAnyhow(t, values, box), box, scales)
		opposite := SmoothedSkewness(minus, box, scales)
		for i, w := range want {
			if math.Abs(turned[i]-w) > 1e-4 || math.Abs(opposite[i]+w) > 1e-4 {
				t.Fatalf("scale %g: skewness %g, turned %g, of opposite sign %g", scales[i], w, turned[i],
					opposite[i])
			}
		}
	})
}
