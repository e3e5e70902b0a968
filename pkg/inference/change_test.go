package inference

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/heldout/whitenoise"
)

// TestNoise: of 4096 pixels the standard deviation of what is added is known to 1/√8192 = 1.1 %,
// its mean to 1/64 of it.
func TestNoise(t *testing.T) {
	const sigma = 0.08 // dex
	m := whitenoise.Map(cosmology.Fiducial, whitenoise.Box(64), 1, 0)
	before := slices.Clone(m.Values)
	change := Observed{Noise: sigma}.Change()
	added := func(seed uint64) []float64 {
		out := change.Of(m, seed)
		d := make([]float64, len(m.Values))
		for i := range d {
			d[i] = float64(out.Values[i] - m.Values[i])
		}
		return d
	}
	one := added(1)
	if mean, std := stat.MeanStdDev(one, nil); math.Abs(mean) > 4*sigma/64 ||
		math.Abs(std/sigma-1) > 4*0.011 {
		t.Errorf("noise of mean %.4f and deviation %.4f, want 0 and %.4f", mean, std, sigma)
	}
	if !slices.Equal(one, added(1)) || math.Abs(stat.Correlation(one, added(2), nil)) > 4.0/64 {
		t.Error("noise must depend on the seed, and on nothing else")
	}
	if !slices.Equal(before, m.Values) || change.Name != "noise of 0.08 dex" {
		t.Errorf("%q has changed its argument, or is called otherwise", change.Name)
	}
}

// TestSmoothing: a plane wave in the density, of wavenumber k, shrinks by exp(−k²σ²/2), and the
// mass stays. The maps are float32 log10 values: good to 1e-6 dex, 2e-6 of the density.
func TestSmoothing(t *testing.T) {
	box := whitenoise.Box(64)
	const amplitude, mode, sigma = 0.5, 3, 0.8
	k := mode * 2 * math.Pi / box.Side
	wave := func(a float64) field.LogMap {
		m := field.LogMap{Box: box, Values: make([]float32, box.Pixels())}
		for i := range m.Values {
			m.Values[i] = float32(math.Log10(1 + a*math.Cos(k*box.Side*float64(i%64)/64)))
		}
		return m
	}
	got := Observed{Beam: sigma}.Change().Of(wave(amplitude), 1)
	want := wave(amplitude * math.Exp(-k*k*sigma*sigma/2))
	for i := range got.Values {
		if math.Abs(float64(got.Values[i]-want.Values[i])) > 1e-5 {
			t.Fatalf("pixel %d: %.6f, want %.6f", i, got.Values[i], want.Values[i])
		}
	}
}

// TestRaised: a map with less noise is given the rest, one with as much stays as it is; more noise
// and another beam are refused.
func TestRaised(t *testing.T) {
	m := whitenoise.Map(cosmology.Fiducial, whitenoise.Box(64), 1, 0)
	cal := Calibration{Observed: Observed{Beam: 0.5, Noise: 0.1}}
	raised := func(has Observed) float64 {
		t.Helper()
		out, err := cal.Raised(m, has)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := cal.Raised(m, has)
		d := make([]float64, len(m.Values))
		for i := range d {
			d[i] = float64(out.Values[i] - m.Values[i])
		}
		if !slices.Equal(out.Values, again.Values) {
			t.Error("the noise that is added is not the same each time")
		}
		return stat.StdDev(d, nil)
	}
	// 4096 pixels know a standard deviation to 1.1 %
	for has, want := range map[float64]float64{0: 0.1, 0.06: 0.08, 0.1: 0} {
		if got := raised(Observed{Beam: 0.5, Noise: has}); math.Abs(got-want) > 0.045*want {
			t.Errorf("to noise of %g dex %g is added, want %g", has, got, want)
		}
	}
	for _, has := range []Observed{{}, {Beam: 0.4, Noise: 0.1}, {Beam: 0.5, Noise: 0.11}} {
		if _, err := cal.Raised(m, has); err == nil ||
			!strings.Contains(err.Error(), fmt.Sprintf("--beam %g --noise %g", has.Beam, has.Noise)) {
			t.Errorf("%+v: error %v, want the remedy", has, err)
		}
	}
	if (Observed{}).Change() != nil {
		t.Error("nothing declared is a change")
	}
}

// TestGenerated: each map of each simulation has one of its own, at its simulation's parameters.
func TestGenerated(t *testing.T) {
	s := universeOf(t, 4)
	maps := s.Suite.Sets[camels.LH]
	var asked []cosmology.Params
	generate := func(_ context.Context, params []cosmology.Params,
		_ uint64,
	) ([]field.LogMap, error) {
		asked = params
		out := make([]field.LogMap, len(params))
		for i := range out {
			out[i] = field.LogMap{Box: s.Box, Values: make([]float32, s.Box.Pixels())}
			out[i].Values[0] = float32(i)
		}
		return out, nil
	}
	change, err := Generated(ctx, generate, "generated, seed 7", maps, []int{3, 1}, 7)
	if err != nil || change.Name != "generated, seed 7" {
		t.Fatalf("%q, %v", change.Name, err)
	}
	if want := []cosmology.Params{
		maps.Params(3), maps.Params(3), maps.Params(1),
		maps.Params(1),
	}; !slices.Equal(asked, want) {
		t.Errorf("parameters %v, want %v", asked, want)
	}
	for i, p := range []uint64{place(3, 0), place(3, mapOf(1)), place(1, 0), place(1, mapOf(1))} {
		if got := change.Of(field.LogMap{}, p); len(got.Values) != s.Box.Pixels() ||
			got.Values[0] != float32(i) {
			t.Errorf("place %d: a map that begins with %v, want %d", p, got.Values[:min(1, len(got.Values))],
				i)
		}
	}
}
