package study

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

// TestNoise: of 4096 pixels the standard deviation of what is added is known to 1/√8192 = 1.1 %, its mean to 1/64 of it.
func TestNoise(t *testing.T) {
	m := testMap(cosmology.Fiducial, testBox(64), 1, 0)
	before := slices.Clone(m.Values)
	change := Noise(field.Scaling{Min: 9, Max: 13}, 0.02)
	added := func(seed uint64) []float64 {
		out := change.Of(m, seed)
		d := make([]float64, len(m.Values))
		for i := range d {
			d[i] = float64(out.Values[i] - m.Values[i])
		}
		return d
	}
	one := added(1)
	const sigma = 0.02 * 4
	if mean, std := stat.MeanStdDev(one, nil); math.Abs(mean) > 4*sigma/64 || math.Abs(std/sigma-1) > 4*0.011 {
		t.Errorf("noise of mean %.4f and deviation %.4f, want 0 and %.4f", mean, std, sigma)
	}
	if !slices.Equal(one, added(1)) || math.Abs(stat.Correlation(one, added(2), nil)) > 4.0/64 {
		t.Error("noise must depend on the seed, and on nothing else")
	}
	if !slices.Equal(before, m.Values) || change.Name != "noise of 0.02 of the range" {
		t.Errorf("%q has changed its argument, or is called otherwise", change.Name)
	}
}

// TestSmoothing: a plane wave in the density, of wavenumber k, shrinks by exp(−k²σ²/2), and the mass stays. The maps are float32 log10 values: good to
// 1e-6 dex, 2e-6 of the density.
func TestSmoothing(t *testing.T) {
	box := testBox(64)
	const amplitude, mode, sigma = 0.5, 3, 0.8
	k := mode * 2 * math.Pi / box.Side
	wave := func(a float64) field.LogMap {
		m := field.LogMap{Box: box, Values: make([]float32, box.Pixels())}
		for i := range m.Values {
			m.Values[i] = float32(math.Log10(1 + a*math.Cos(k*box.Side*float64(i%64)/64)))
		}
		return m
	}
	got, want := Smoothing(sigma).Of(wave(amplitude), 1), wave(amplitude*math.Exp(-k*k*sigma*sigma/2))
	for i := range got.Values {
		if math.Abs(float64(got.Values[i]-want.Values[i])) > 1e-5 {
			t.Fatalf("pixel %d: %.6f, want %.6f", i, got.Values[i], want.Values[i])
		}
	}
}
