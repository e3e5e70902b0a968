package summary

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/sbinet/npyio/npz"
	"gonum.org/v1/gonum/floats/scalar"
	"pgregory.net/rapid"

	"darkfield/pkg/field"
	"darkfield/pkg/reference"
)

// TestParseval: the weighted powers of the half plane add up to n²·Σx², at even and odd sides.
// Rounding grows with log n only.
func TestParseval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 33).Draw(t, "side")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		p := plansOf(n).Get().(*plan)
		want := 0.0
		for i := range p.values {
			p.values[i] = rng.NormFloat64()
			want += p.values[i] * p.values[i]
		}
		p.transform()
		got := 0.0
		for i, a := range p.modes {
			got += p.rings.weight[i] * (real(a)*real(a) + imag(a)*imag(a))
		}
		if want *= float64(n * n); !scalar.EqualWithinRel(got, want, 1e-12) {
			t.Fatalf("side %d: Σ|F|² = %.15g, want %.15g", n, got, want)
		}
	})
}

// TestRingsHoldEveryMode counts the modes of the whole plane by hand: as many in each ring as
// integer points.
func TestRingsHoldEveryMode(t *testing.T) {
	for _, n := range []int{2, 5, 8, 31, 64} {
		r := newRings(n)
		want := make([]float64, n/2)
		for ky := -(n - 1) / 2; ky <= n/2; ky++ {
			for kx := -(n - 1) / 2; kx <= n/2; kx++ {
				if b := int(math.Ceil(math.Hypot(float64(kx), float64(ky)))) - 1; b >= 0 && b < n/2 {
					want[b]++
				}
			}
		}
		if !slices.Equal(r.modes, want) {
			t.Errorf("side %d: %v modes, want %v", n, r.modes, want)
		}
		if k := r.k[0]; k != 1 {
			t.Errorf("side %d: the first ring lies at %g fundamental modes, want 1", n, k)
		}
	}
}

// TestOneWave gives the amplitude: a wave of amplitude A holds A²/4·Side² in each of its two
// modes, and its ring shares that among the ring's modes.
func TestOneWave(t *testing.T) {
	box := field.Box{Side: 25, Cells: 32}
	const amplitude, k = 0.3, 3
	values := make([]float64, box.Pixels())
	for i := range values {
		values[i] = 7 + amplitude*math.Cos(2*math.Pi*k*float64(i%box.Cells)/float64(box.Cells))
	}
	got := Deviation.PowerOf(values, box)
	modes := newRings(box.Cells).modes[k-1]
	if want := 2 * amplitude * amplitude / 4 * box.Side * box.Side / modes; !scalar.EqualWithinRel(
		got.P[k-1], want, 1e-12) {
		t.Errorf("P = %g, want %g", got.P[k-1], want)
	}
	if got, want := Contrast.PowerOf(values, box).P[k-1],
		got.P[k-1]/49; !scalar.EqualWithinRel(got, want, 1e-12) {
		t.Errorf("power of the contrast = %g, want %g", got, want)
	}
}

// TestPowerAsksForWholeMaps: a wrong call panics, naming the package.
func TestPowerAsksForWholeMaps(t *testing.T) {
	for name, call := range map[string]func(){
		"too few values": func() {
			Deviation.PowerOf(make([]float64, 5), field.Box{Side: 1, Cells: 4})
		},
		"one pixel": func() {
			Deviation.PowerOf(make([]float64, 1), field.Box{Side: 1, Cells: 1})
		},
		"unknown convention": func() {
			Convention(9).PowerOf(make([]float64, 4), field.Box{Side: 1, Cells: 2})
		},
		"no curves":         func() { Stats(nil) },
		"unequal curves":    func() { Stats([][]float64{{1, 2}, {1}}) },
		"a curve too short": func() { ReducedChi2([]float64{1}, Stats([][]float64{{1, 2}, {2, 3}})) },
		"ratios of bins":    func() { Ratios([][]float64{{1, 2}}, [][]float64{{1}}) },
		"one edge":          func() { NewHistogram(nil, []float64{1}) },
		"peaks of a row":    func() { Peaks(make([]float32, 3), field.Box{Side: 1, Cells: 3}) },
		"peaks in no bin": func() {
			PeakDensity(make([]float32, 9), field.Box{Side: 1, Cells: 3},
				[]float64{1})
		},
		"a small excursion": func() {
			MinkowskiOf(make([]float32, 4), field.Box{Side: 1, Cells: 2}, nil)
		},
		"small triangles": func() {
			Deviation.BispectrumOf(make([]float64, 36), field.Box{Side: 1, Cells: 6})
		},
		"bispectrum of sums": func() {
			SumNormalised.BispectrumOf(make([]float64, 49), field.Box{Side: 1, Cells: 7})
		},
		"envelope of unequal": func() {
			Envelope([]Histogram{NewHistogram(nil, []float64{1, 2}), NewHistogram(nil, []float64{1, 3})})
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if s, ok := recover().(string); !ok || len(s) < 9 || s[:9] != "summary: " {
					t.Errorf("panics with %q, want a line of this package", s)
				}
			}()
			call()
			t.Error("no panic")
		})
	}
}

// TestPowerFromManyGoroutines: plans are shared but not their scratch.
func TestPowerFromManyGoroutines(t *testing.T) {
	m := randomMap(rand.New(rand.NewPCG(9, 9)), 32)
	want := Overdensity(m)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if got := Overdensity(m); !slices.Equal(got.P, want.P) || !slices.Equal(got.K, want.K) {
					t.Error("another spectrum of the same map")
				}
			}
		})
	}
	wg.Wait()
}

// TestQuijote compares k²P of real maps with numbers that others computed and wrote beside them.
// Their rings are centred on whole multiples of the fundamental mode and ours end there, so the
// comparison is at our mean k, by interpolation in the logarithm of their table. That has an
// error of some per cent where the spectrum bends; a factor 2π or a lost pixel area would be
// seen. They took off the mean of both kinds of field and divided by none.
func TestQuijote(t *testing.T) {
	pack, err := npz.Open(reference.Path(t, "data", "quijote", "quijote_lh_150x15x64.npz"))
	if err != nil {
		t.Fatal(err)
	}
	defer pack.Close()
	var level []uint8
	if err := pack.Read("level.npy", &level); err != nil {
		t.Fatal(err)
	}
	k := []float64{0.073, 0.145, 0.290, 0.581, 1.16, 1.74, 2.32}
	for _, c := range []struct {
		log  bool
		want []float64
	}{
		{true, []float64{0.0411, 0.0933, 0.164, 0.212, 0.154, 0.0634, 0.0233}},
		{false, []float64{1.37, 3.67, 8.61, 17.8, 22.2, 13.1, 5.87}},
	} {
		mean := meanSpectrum(level, c.log)
		for i, x := range mean.K {
			if x < k[0] || x > 2 {
				continue // below and beyond their table, and next to Nyquist where rings matter most
			}
			want := logInterpolate(k, c.want, x)
			if got := x * x * mean.P[i]; math.Abs(got/want-1) > 0.15 {
				t.Errorf("log %v: k²P(%.3f) = %.4g, want about %.4g", c.log, x, got, want)
			}
		}
	}
}

// meanSpectrum averages the spectra of every third Quijote map, given as grey levels.
func meanSpectrum(level []uint8, log bool) Spectrum {
	box := field.Box{Side: 86.7, Cells: 64}
	values := make([]float64, box.Pixels())
	var all [][]float64
	var k []float64
	for first := 0; first < len(level); first += 3 * box.Pixels() {
		for i := range values {
			values[i] = math.Log10(0.5) + math.Log10(2000)*float64(level[first+i])/255
			if !log {
				values[i] = math.Pow(10, values[i])
			}
		}
		s := Deviation.PowerOf(values, box)
		all, k = append(all, s.P), s.K
	}
	return Spectrum{K: k, P: Stats(all).Mean}
}

func logInterpolate(xs, ys []float64, x float64) float64 {
	i := 1
	for i < len(xs)-1 && xs[i] < x {
		i++
	}
	f := math.Log(x/xs[i-1]) / math.Log(xs[i]/xs[i-1])
	return math.Exp((1-f)*math.Log(ys[i-1]) + f*math.Log(ys[i]))
}
