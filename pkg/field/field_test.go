package field

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"
	"pgregory.net/rapid"
)

// draw returns a map of positive values over many decades.
func draw(t *rapid.T, cells int) Map {
	m := NewMap(Box{Side: 25, Cells: cells})
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	for i := range m.Values {
		m.Values[i] = float32(math.Pow(10, 11+2*rng.NormFloat64()))
	}
	return m
}

func TestBox(t *testing.T) {
	b := Box{Side: 25, Cells: 64}
	if b.CellSide() != 0.390625 || b.Pixels() != 4096 {
		t.Errorf("pixels of %g Mpc/h, %d of them", b.CellSide(), b.Pixels())
	}
	// Nyquist is half the pixels' wavenumber: Cells/2 fundamental modes.
	if !scalar.EqualWithinRel(b.KNyquist(), 32*b.KFundamental(), 1e-15) ||
		!scalar.EqualWithinRel(b.KFundamental(), 0.25132741228718347, 1e-15) {
		t.Errorf("k from %g to %g h/Mpc", b.KFundamental(), b.KNyquist())
	}
	if err := b.Validate(); err != nil {
		t.Error(err)
	}
	for _, bad := range []Box{
		{Side: 0, Cells: 4},
		{Side: -1, Cells: 4},
		{Side: math.NaN(), Cells: 4},
		{Side: math.Inf(1), Cells: 4},
		{Side: 25},
	} {
		if bad.Validate() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

// TestLogRoundTrip: a log10 near 11 has a float32 spacing of 9.5e-7, half of which times ln 10 is
// an error of 1.1e-6 in the value; values up to 10^20 have twice that.
func TestLogRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := draw(t, 8)
		l, err := m.Log10()
		if err != nil {
			t.Fatal(err)
		}
		back := l.Linear()
		if back.Box != m.Box {
			t.Fatalf("box %+v became %+v", m.Box, back.Box)
		}
		for i, v := range m.Values {
			if !scalar.EqualWithinRel(float64(back.Values[i]), float64(v), 2.5e-6) {
				t.Fatalf("pixel %d: %g became %g", i, v, back.Values[i])
			}
		}
	})
}

func TestOnlyPositivePixelsHaveLogarithms(t *testing.T) {
	for _, v := range []float32{
		0, -1, float32(math.NaN()), float32(math.Inf(1)),
		float32(math.Inf(-1)),
	} {
		m := Map{Box: Box{Side: 1, Cells: 2}, Values: []float32{1, 1, v, 1}}
		_, err := m.Log10()
		var pixel *PixelError
		if !errors.As(err, &pixel) || pixel.Y != 1 || pixel.X != 0 {
			t.Errorf("value %g: %v, want an error at (y=1, x=0)", v, err)
		}
	}
}

// TestScalingRoundTrip: the ends become −1 and 1, and there and back is the identity but for
// float32.
func TestScalingRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(-20, 20).Draw(t, "low")
		s := Scaling{Min: low, Max: low + rapid.Float64Range(0.1, 10).Draw(t, "range")}
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		m := LogMap{Box: Box{Side: 1, Cells: 2}, Values: []float32{
			float32(s.Min), float32(s.Max),
			rapid.Float32Range(-20, 20).Draw(t, "value"), 0,
		}}
		scaled := s.Scale(m)
		// The ends are float32: half a spacing of 20 (1e-6), stretched by 2/range <= 20.
		if !scalar.EqualWithinAbs(float64(scaled.Values[0]), -1, 2e-5) ||
			!scalar.EqualWithinAbs(float64(scaled.Values[1]), 1, 2e-5) {
			t.Fatalf("the ends became %g and %g", scaled.Values[0], scaled.Values[1])
		}
		// A scaled value of up to 801 has a spacing of 6e-5, half of which is stretched by range/2 <=
		// 5; otherwise less.
		for i, v := range s.Unscale(scaled).Values {
			if !scalar.EqualWithinAbs(float64(v), float64(m.Values[i]), 2e-5) {
				t.Fatalf("%g became %g", m.Values[i], v)
			}
		}
	})
	for _, bad := range []Scaling{
		{1, 1},
		{2, 1},
		{math.NaN(), 1},
		{0, math.NaN()},
		{math.Inf(-1), 1},
		{0, math.Inf(1)},
	} {
		if bad.Validate() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

// TestBlockAverageKeepsMass: the mean stays, in two steps as in one, and every block is the mean
// of its own pixels.
func TestBlockAverageKeepsMass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := draw(t, 16)
		at4, err := BlockAverage(m, 4)
		if err != nil {
			t.Fatal(err)
		}
		if at4.Box != (Box{Side: 25, Cells: 4}) {
			t.Fatalf("box %+v", at4.Box)
		}
		// Each of 16 blocks is rounded to float32 once: 6e-8 relative.
		if !scalar.EqualWithinRel(at4.Mean(), m.Mean(), 1e-7) {
			t.Fatalf("mean %g became %g", m.Mean(), at4.Mean())
		}
		at8, err := BlockAverage(m, 8)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := BlockAverage(at8, 4)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range at4.Values {
			if !scalar.EqualWithinRel(float64(v), float64(twice.Values[i]), 2e-7) {
				t.Fatalf("block %d: %g at once, %g in two steps", i, v, twice.Values[i])
			}
		}
	})
	m := Map{Box: Box{Side: 1, Cells: 4}, Values: []float32{
		1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 1,
		1, 0, 0, 1, 5,
	}}
	got, err := BlockAverage(m, 2)
	if err != nil || !slices.Equal(got.Values, []float32{3.5, 5.5, 0, 2}) {
		t.Errorf("blocks %v (%v), want [3.5 5.5 0 2]", got.Values, err)
	}
	for _, cells := range []int{-1, 0, 3, 8} {
		if _, err := BlockAverage(m, cells); err == nil {
			t.Errorf("4 pixels were averaged to %d", cells)
		}
	}
}

// TestSymmetriesAreAGroup: the eight are all different, keep the pixels, and any two in a row are
// one of them.
func TestSymmetriesAreAGroup(t *testing.T) {
	const n = 3
	src := make([]float32, n*n)
	for i := range src {
		src[i] = float32(i)
	}
	apply := func(s Symmetry, values []float32) []float32 {
		out := make([]float32, n*n)
		s.ApplyTo(out, values, n)
		return out
	}
	var images [][]float32
	for s := range Symmetry(Symmetries) {
		image := apply(s, src)
		if slices.ContainsFunc(images, func(other []float32) bool { return slices.Equal(other, image) }) {
			t.Errorf("symmetry %d is one of those before it", s)
		}
		if !slices.Equal(slices.Sorted(slices.Values(image)), src) {
			t.Errorf("symmetry %d lost a pixel: %v", s, image)
		}
		images = append(images, image)
	}
	if !slices.Equal(images[0], src) {
		t.Errorf("symmetry 0 gives %v, want the map itself", images[0])
	}
	if !slices.Equal(images[2], []float32{8, 7, 6, 5, 4, 3, 2, 1, 0}) {
		t.Errorf("a half turn gives %v", images[2])
	}
	if !slices.Equal(images[4], []float32{2, 1, 0, 5, 4, 3, 8, 7, 6}) {
		t.Errorf("a flip gives %v", images[4])
	}
	for a := range Symmetry(Symmetries) {
		for b := range Symmetry(Symmetries) {
			both := apply(b, apply(a, src))
			if !slices.ContainsFunc(images,
				func(image []float32) bool { return slices.Equal(image, both) }) {
				t.Errorf("symmetry %d and then %d is none of the eight", a, b)
			}
		}
	}
}

// TestAugmentation: the map is rotated and then shifted, and a random augmentation is any of
// them.
func TestAugmentation(t *testing.T) {
	src := []float32{0, 1, 2, 3, 4, 5, 6, 7, 8}
	for p, want := range map[Augmentation][]float32{
		{}:                                  src,
		{Symmetry: 2}:                       {8, 7, 6, 5, 4, 3, 2, 1, 0},
		{ShiftY: 1}:                         {3, 4, 5, 6, 7, 8, 0, 1, 2},
		{ShiftX: 2}:                         {2, 0, 1, 5, 3, 4, 8, 6, 7},
		{Symmetry: 4, ShiftX: 1}:            {1, 0, 2, 4, 3, 5, 7, 6, 8},
		{Symmetry: 4, ShiftY: -1}:           {8, 7, 6, 2, 1, 0, 5, 4, 3},
		{Symmetry: 2, ShiftY: 3, ShiftX: 1}: {7, 6, 8, 4, 3, 5, 1, 0, 2},
	} {
		if got := p.Apply(src, 3); !slices.Equal(got, want) {
			t.Errorf("%+v: %v, want %v", p, got, want)
		}
	}
	seen := map[Augmentation]bool{}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		seen[RandomAugmentation(rng, 3)] = true
	}
	if len(seen) != Symmetries*9 {
		t.Errorf("%d different augmentations of 1000, want all %d", len(seen), Symmetries*9)
	}
}

func TestWrongSymmetryPanics(t *testing.T) {
	for name, call := range map[string]func(){
		"ninth":              func() { Symmetry(8).ApplyTo(make([]float32, 4), make([]float32, 4), 2) },
		"short":              func() { Symmetry(0).ApplyTo(make([]float32, 3), make([]float32, 4), 2) },
		"short augmentation": func() { Augmentation{}.Apply(make([]float32, 3), 2) },
		"not a whole":        func() { Symmetry(0).ApplyTo(make([]float32, 4), make([]float32, 5), 2) },
	} {
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

func BenchmarkLog10(b *testing.B) {
	m := NewMap(Box{Side: 25, Cells: 64})
	for i := range m.Values {
		m.Values[i] = float32(i + 1)
	}
	for b.Loop() {
		if _, err := m.Log10(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSymmetry(b *testing.B) {
	src, dst := make([]float32, 64*64), make([]float32, 64*64)
	for b.Loop() {
		Symmetry(7).ApplyTo(dst, src, 64)
	}
}
