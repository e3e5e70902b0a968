package field

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"
	"gonum.org/v1/gonum/floats/scalar"
	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"
)

func differences(a, b []float32) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = float64(a[i]) - float64(b[i])
	}
	return out
}

// TestNoise: mean, standard deviation and independence of 256² values, each within 4 standard
// errors; float32 rounds by 5e-7 dex, which is far below.
func TestNoise(t *testing.T) {
	s := Scaling{Min: 9.421, Max: 15.445}
	m := LogMap{Box: Box{Side: 25, Cells: 256}, Values: make([]float32, 256*256)}
	for i := range m.Values {
		m.Values[i] = 11 + float32(i%7)/10
	}
	n := float64(len(m.Values))
	for _, fraction := range []float64{0.01, 0.02, 0.05} {
		noisy := AddNoise(m, s.Dex(fraction), rand.New(rand.NewPCG(1, 2)))
		noise := differences(noisy.Values, m.Values)
		sigma := fraction * 6.024
		mean, std := stat.MeanStdDev(noise, nil)
		if math.Abs(mean) > 4*sigma/math.Sqrt(n) || !scalar.EqualWithinRel(std, sigma, 4/math.Sqrt(2*n)) {
			t.Errorf("%g: noise of %g ± %g dex, want 0 ± %g", fraction, mean, std, sigma)
		}
		if _, std := stat.MeanStdDev(differences(s.Scale(noisy).Values, s.Scale(m).Values),
			nil); !scalar.EqualWithinRel(std, 2*fraction, 4/math.Sqrt(2*n)) {
			t.Errorf("%g: scaled noise of %g, want %g", fraction, std, 2*fraction)
		}
		for _, lag := range []int{1, 256} {
			if c := stat.Correlation(noise[lag:], noise[:len(noise)-lag], nil); math.Abs(c) >
				4/math.Sqrt(n) {
				t.Errorf("%g: pixels %d apart have a correlation of %g", fraction, lag, c)
			}
		}
	}
	again := func(seed uint64) []float32 {
		return AddNoise(m, 0.1, rand.New(rand.NewPCG(seed, 0))).Values
	}
	if !slices.Equal(again(1), again(1)) || slices.Equal(again(1), again(2)) {
		t.Error("the noise does not depend on the seed, or on more than it")
	}
	if got := AddNoise(m, 0, rand.New(rand.NewPCG(1, 2))); got.Box != m.Box ||
		!slices.Equal(got.Values, m.Values) {
		t.Error("no noise changes the map")
	}
}

// transfer is what Smooth's comment says of a mode k along one axis; all lengths in pixels.
func transfer(k, sigma float64) float64 {
	sum := func(k float64) float64 {
		s := 0.0
		for m := -20; m <= 20; m++ {
			s += math.Exp(-0.5 * math.Pow((k+2*math.Pi*float64(m))*sigma, 2))
		}
		return s
	}
	return sum(k) / sum(0)
}

// TestSmoothOneMode: one mode shrinks by the stated factor, which is exp(−k²σ²/2) for σ of a
// pixel or more up to half of Nyquist. An amplitude is projected out of 32² values of about 2,
// each rounded by 1e-7 at most.
func TestSmoothOneMode(t *testing.T) {
	b := Box{Side: 25, Cells: 32}
	for _, mode := range [][2]int{{1, 0}, {0, 3}, {3, 4}, {-5, 7}, {8, 8}, {16, 0}, {15, 16}} {
		m := NewMap(b)
		phase := func(i int) float64 { return 2 * math.Pi * float64(mode[0]*(i/32)+mode[1]*(i%32)) / 32 }
		amplitude := func(m Map) float64 {
			sum, norm := 0.0, 0.0
			for i, v := range m.Values {
				sum, norm = sum+float64(v)*math.Cos(phase(i)), norm+math.Pow(math.Cos(phase(i)), 2)
			}
			return sum / norm
		}
		for i := range m.Values {
			m.Values[i] = float32(1 + math.Cos(phase(i)))
		}
		for _, pixels := range []float64{0.3, 0.7, 1, 2, 4} {
			sigma := pixels * b.CellSide()
			got := amplitude(Smooth(m, sigma)) / amplitude(m)
			ky, kx := 2*math.Pi*float64(mode[0])/32, 2*math.Pi*float64(mode[1])/32
			if want := transfer(ky, pixels) * transfer(kx, pixels); !scalar.EqualWithinAbs(got, want, 2e-7) {
				t.Errorf("mode %v, σ of %g pixels: factor %g, want %g", mode, pixels, got, want)
			}
			k := math.Hypot(float64(mode[0]), float64(mode[1])) * b.KFundamental()
			low := max(math.Abs(ky), math.Abs(kx)) <= math.Pi/2
			if want := math.Exp(-k * k * sigma * sigma / 2); low && pixels >= 1 &&
				!scalar.EqualWithinAbs(got, want, 2e-7+1.2e-4*want) {
				t.Errorf("mode %v, σ of %g pixels: factor %g, want exp(−k²σ²/2) = %g", mode, pixels, got, want)
			}
		}
	}
}

// TestSmoothWhiteNoise: the variance falls to CellSide²/(4πσ²). Smoothed pixels are correlated as
// exp(−r²/4σ²), so that the variance of the sample variance is that of N·CellSide²/(2πσ²)
// independent ones. At σ of 2 pixels the sum of squared weights is the integral to e^(−4π²).
func TestSmoothWhiteNoise(t *testing.T) {
	b := Box{Side: 25, Cells: 256}
	m := NewMap(b)
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range m.Values {
		m.Values[i] = float32(rng.NormFloat64())
	}
	for _, pixels := range []float64{2, 4} {
		got := stat.Variance(differences(Smooth(m, pixels*b.CellSide()).Values,
			make([]float32, len(m.Values))), nil)
		want := 1 / (4 * math.Pi * pixels * pixels)
		independent := float64(b.Pixels()) / (2 * math.Pi * pixels * pixels)
		if !scalar.EqualWithinRel(got, want, 4*math.Sqrt(2/independent)) {
			t.Errorf("σ of %g pixels: variance %g, want %g", pixels, got, want)
		}
	}
}

// TestSmoothProperties: for maps over many decades and any σ, mass stays, and every
// pixel lies between the least and the largest of before: positive stays positive, and uniform
// stays uniform. Each pixel is rounded to float32 once.
func TestSmoothProperties(t *testing.T) {
	const rounding = 1e-7
	rapid.Check(t, func(t *rapid.T) {
		m := draw(t, rapid.SampledFrom([]int{1, 2, 8, 15}).Draw(t, "cells"))
		sigma := rapid.Float64Range(0, 25).Draw(t, "σ, Mpc/h")
		got := Smooth(m, sigma)
		if got.Box != m.Box || !scalar.EqualWithinRel(got.Mean(), m.Mean(), rounding) {
			t.Fatalf("mean %g became %g", m.Mean(), got.Mean())
		}
		low, high := float64(slices.Min(m.Values)), float64(slices.Max(m.Values))
		for i, v := range got.Values {
			if !(float64(v) >= low*(1-rounding) && float64(v) <= high*(1+rounding)) {
				t.Fatalf("pixel %d became %g, outside of %g to %g", i, v, low, high)
			}
		}
		if _, err := got.Log10(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSmoothingInTheTransformWouldRing is why Smooth does not multiply the transform by
// exp(−k²σ²/2): one bright pixel then makes others negative, where sampled weights make none.
func TestSmoothingInTheTransformWouldRing(t *testing.T) {
	const n = 32
	row := make([]float64, n)
	row[n/2] = 1
	fft := fourier.NewFFT(n)
	modes := fft.Coefficients(nil, row)
	for i := range modes {
		modes[i] *= cmplx.Exp(complex(-0.5*math.Pow(2*math.Pi*float64(i)/n, 2), 0)) / n
	}
	if low := slices.Min(fft.Sequence(nil, modes)); low > -1e-4 {
		t.Errorf(
			"the least pixel of the transform's way is %g, want it negative: Smooth could be simpler", low)
	}
	m := NewMap(Box{Side: n, Cells: n})
	m.Values[n*n/2+n/2] = 1
	if low := slices.Min(Smooth(m, 1).Values); low < 0 {
		t.Errorf("the least pixel is %g, want none below 0", low)
	}
}

// TestSmoothWrapsAround: mass at an edge comes in on the other side.
func TestSmoothWrapsAround(t *testing.T) {
	m := NewMap(Box{Side: 16, Cells: 16})
	m.Values[0] = 1
	got := Smooth(m, 1.5)
	if far := float64(got.Values[15*16+15]); far <= 1e-3 {
		t.Errorf("the opposite corner holds %g", far)
	}
	if !scalar.EqualWithinRel(got.Mean(), m.Mean(), 1e-7) {
		t.Errorf("mean %g became %g", m.Mean(), got.Mean())
	}
	for i, want := range map[int]int{-1: 3, -4: 0, -5: 3, 0: 0, 4: 0, 9: 1} {
		if got := wrap(i, 4); got != want {
			t.Errorf("wrap(%d, 4) = %d, want %d", i, got, want)
		}
	}
	if got := Smooth(m, 0); !slices.Equal(got.Values, m.Values) {
		t.Error("σ = 0 changes the map")
	}
}

// TestSymmetriesCommute with block averages and with smoothing, but for float32, and keep every
// value. Sums in another order differ by 1e-15, which may tip the rounding of a float32.
func TestSymmetriesCommute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := draw(t, 12)
		s := Symmetry(rapid.IntRange(0, Symmetries-1).Draw(t, "symmetry"))
		turn := func(m Map) Map {
			out := NewMap(m.Box)
			s.ApplyTo(out.Values, m.Values, m.Box.Cells)
			return out
		}
		if !slices.Equal(slices.Sorted(slices.Values(turn(m).Values)),
			slices.Sorted(slices.Values(m.Values))) {
			t.Fatal("values were lost or made")
		}
		coarse := func(m Map) Map {
			out, err := BlockAverage(m, 4)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		smooth := func(m Map) Map { return Smooth(m, 3) }
		for name, do := range map[string]func(Map) Map{"block average": coarse, "smoothing": smooth} {
			a, b := turn(do(m)).Values, do(turn(m)).Values
			for i := range a {
				if !scalar.EqualWithinRel(float64(a[i]), float64(b[i]), 1.3e-7) {
					t.Fatalf("%s: pixel %d is %g or %g", name, i, a[i], b[i])
				}
			}
		}
	})
}

// TestEverySymmetryHasAnInverse: together with TestSymmetriesAreAGroup (closed, all different,
// the identity among them) the eight form a group; composing functions is associative.
func TestEverySymmetryHasAnInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := draw(t, 5)
		s := Symmetry(rapid.IntRange(0, Symmetries-1).Draw(t, "symmetry"))
		there, back := make([]float32, 25), make([]float32, 25)
		s.ApplyTo(there, m.Values, 5)
		inverses := 0
		for i := range Symmetry(Symmetries) {
			if i.ApplyTo(back, there, 5); slices.Equal(back, m.Values) {
				inverses++
			}
		}
		if inverses != 1 {
			t.Fatalf("symmetry %d has %d inverses", s, inverses)
		}
	})
}

// TestScalingRoundTripToRounding: Unscale after Scale returns a value to the rounding of the
// scaled value, stretched back by half the range, and of the value itself. Half a spacing of a
// float32 x is 2⁻²⁴·|x|.
func TestScalingRoundTripToRounding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(-20, 20).Draw(t, "low")
		s := Scaling{Min: low, Max: low + rapid.Float64Range(0.1, 10).Draw(t, "range")}
		v := rapid.Float32Range(-20, 20).Draw(t, "value")
		m := LogMap{Box: Box{Side: 1, Cells: 1}, Values: []float32{v}}
		scaled := s.Scale(m)
		back := s.Unscale(scaled).Values[0]
		allowed := 0x1p-24 * (math.Abs(float64(scaled.Values[0]))*(s.Max-s.Min)/2 + math.Abs(float64(v)))
		// Denormals, and float64 arithmetic on numbers up to 400·range.
		if math.Abs(float64(back)-float64(v)) > 1.01*allowed+1e-12 {
			t.Fatalf("%g became %g, off by %g, allowed %g", v, back, back-v, allowed)
		}
	})
}

func TestWrongDistortionsPanic(t *testing.T) {
	b := Box{Side: 25, Cells: 4}
	m, l, rng := NewMap(b), LogMap{Box: b, Values: make([]float32, 16)}, rand.New(rand.NewPCG(1, 2))
	calls := map[string]func(){}
	for _, v := range []float64{-1, math.NaN(), math.Inf(1)} {
		calls[fmt.Sprintf("noise of %g", v)] = func() { AddNoise(l, v, rng) }
		calls[fmt.Sprintf("σ of %g", v)] = func() { Smooth(m, v) }
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			call()
		})
	}
}

func BenchmarkSmooth(b *testing.B) {
	for _, n := range []int{64, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := NewMap(Box{Side: 25, Cells: n})
			for i := range m.Values {
				m.Values[i] = float32(i + 1)
			}
			for b.Loop() {
				Smooth(m, 0.5)
			}
		})
	}
}
