package suite

import (
	"context"
	"math"
	"testing"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/nbody"
)

// TestContentsOfBoxes: maps of simulated boxes at the four corners of the prior, at any number of
// pixels, look like what they are in every unit, and so far from the borders between contents
// that no true map is taken for another.
func TestContentsOfBoxes(t *testing.T) {
	c := nbody.Default()
	c.Particles, c.Steps, c.Pixels, c.Neighbours = 32, 5, 64, 32
	prior := cosmology.CAMELSPrior()
	// mean over the border of surface densities, in powers of ten
	least, most := math.Inf(1), math.Inf(-1)
	lowest, highest := math.Inf(1), math.Inf(-1)
	for corner, p := range []cosmology.Params{
		prior.Min, prior.Max,
		{OmegaM: prior.Min.OmegaM, Sigma8: prior.Max.Sigma8},
		{OmegaM: prior.Max.OmegaM, Sigma8: prior.Min.Sigma8},
	} {
		maps, err := nbody.Universe(context.Background(), c, p, uint64(corner)+1, 64)
		if err != nil {
			t.Fatal(err)
		}
		whole := 0.0
		for _, m := range maps {
			whole += m.Mean() / float64(len(maps))
		}
		for i, fine := range maps {
			for _, side := range []int{64, 32, 8} {
				m, err := field.BlockAverage(fine, side)
				if err != nil {
					t.Fatal(err)
				}
				l, err := m.Log10()
				if err != nil {
					t.Fatal(err)
				}
				mean := m.Mean()
				for name, v := range map[string]struct {
					values []float32
					want   camels.Content
				}{
					"as CAMELS stores them": {m.Values, camels.Surface},
					"in 1e10": {
						change(m.Values, func(x float64) float64 { return x * 1e-10 }),
						camels.Surface1e10,
					},
					"per (kpc/h)²": {
						change(m.Values, func(x float64) float64 { return x * 1e-6 }),
						camels.SurfaceKpc,
					},
					"log10": {l.Values, camels.LogSurface},
					"over the map's mean": {
						change(m.Values, func(x float64) float64 { return x / mean }),
						camels.Density,
					},
					"over the mean of all maps": {
						change(m.Values, func(x float64) float64 { return x / whole }),
						camels.Density,
					},
					"contrast to the map's mean": {
						change(m.Values, func(x float64) float64 { return x/mean - 1 }), camels.Contrast,
					},
					"log10 over the mean": {
						change(m.Values, func(x float64) float64 { return math.Log10(x / mean) }),
						camels.UnknownContent,
					},
					"scaled for the network": {
						change(l.Values, func(x float64) float64 { return 2*(x-9.421)/6.024 - 1 }),
						camels.UnknownContent,
					},
					"minus mean, over deviation": {standard(m.Values), camels.UnknownContent},
					"contrast, to all maps' mean": {
						change(m.Values, func(x float64) float64 { return x/whole - 1 }), "",
					},
				} {
					var sum camels.Values
					sum.Add(v.values)
					got := sum.Content()
					// a slab of it has no mean of 0, so that only a skewed one is told
					if name == "contrast, to all maps' mean" {
						if got != camels.Contrast && got != camels.UnknownContent {
							t.Errorf("%v map %d, %d², %s: looks like %q", p, i, side, name, got)
						}
						continue
					}
					// as sparse as slabs of Ω_m = 0.1 are
					ambiguous := got == camels.Density && v.want == camels.Surface1e10 && mean < 4e10
					if got != v.want && !ambiguous {
						t.Errorf("%v map %d, %d², %s: looks like %q (%g to %g, mean %g), want %q", p, i, side, name,
							got, sum.Min, sum.Max, sum.Mean(), v.want)
					}
				}
				far := math.Log10(mean / 1e8)
				least, most = min(least, far), max(most, far)
				low, high := l.Range()
				lowest, highest = min(lowest, low), max(highest, high)
			}
		}
	}
	t.Logf("means of true maps lie %.1f to %.1f powers of ten above the border of surface "+
		"densities; log10 of pixels %.2f to %.2f", least, most, lowest, highest)
	if least < 1 {
		t.Errorf("a true map lies %.2f powers of ten above the border, want more than 1", least)
	}
}

func change(values []float32, f func(x float64) float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(f(float64(v)))
	}
	return out
}

// standard subtracts the mean and divides by the standard deviation.
func standard(values []float32) []float32 {
	n, sum, squares := float64(len(values)), 0.0, 0.0
	for _, v := range values {
		sum, squares = sum+float64(v), squares+float64(v)*float64(v)
	}
	std := math.Sqrt(squares/n - sum*sum/n/n)
	return change(values, func(x float64) float64 { return (x - sum/n) / std })
}
