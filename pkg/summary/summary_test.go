package summary

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/sbinet/npyio/npz"
	"gonum.org/v1/gonum/floats/scalar"
	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"

	"darkfield/pkg/field"
	"darkfield/pkg/reference"
)

// TestGolden compares spectra and chi² with those of the paper's code; all is in float64 but k,
// which is stored in float32.
func TestGolden(t *testing.T) {
	r, err := npz.Open(reference.Path(t, "golden", "reference_dim8_side32.npz"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	read := func(name string) []float64 {
		var v []float64
		if err := r.Read(name+".npy", &v); err != nil {
			t.Fatal(name, err)
		}
		return v
	}
	var k32 []float32
	if err := r.Read("k.npy", &k32); err != nil {
		k32 = nil
		for _, v := range read("k") {
			k32 = append(k32, float32(v))
		}
	}
	fields, pk := read("fields"), read("pk")
	box := field.Box{Side: 25, Cells: 32}
	var spectra [][]float64
	for m := range 30 {
		s := SumNormalised.PowerOf(fields[m*1024:(m+1)*1024], box)
		for b := range 16 {
			if want := pk[m*16+b]; !scalar.EqualWithinRel(s.P[b], want, 1e-12) {
				t.Fatalf("map %d, bin %d: P = %g, want %g", m, b, s.P[b], want)
			}
			if want := float64(k32[b]) * box.KFundamental(); !scalar.EqualWithinRel(s.K[b], want, 1e-5) {
				t.Fatalf("bin %d: k = %g, want %g", b, s.K[b], want)
			}
		}
		spectra = append(spectra, pk[m*16:(m+1)*16])
	}
	compare := func(name string, got []float64) {
		for i, want := range read(name) {
			if !scalar.EqualWithinRel(got[i], want, 1e-10) {
				t.Errorf("%s[%d] = %.12g, want %.12g", name, i, got[i], want)
			}
		}
	}
	compare("rchisq_loo", LeaveOneOut(spectra[:15]))
	var against []float64
	for _, s := range spectra[15:] {
		against = append(against, ReducedChi2(s, Stats(spectra[:15])))
	}
	compare("rchisq_gen_vs_true15", against)
}

func randomMap(rng *rand.Rand, cells int) field.Map {
	m := field.NewMap(field.Box{Side: 25, Cells: cells})
	for i := range m.Values {
		m.Values[i] = float32(math.Exp(rng.NormFloat64()))
	}
	return m
}

// TestWhiteNoise: white noise of variance s² has the power s²·CellSide² at every k. The mean over
// 200 maps and all bins has a relative error of about 1/√(200·modes) ≈ 2e-3.
func TestWhiteNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	box := field.Box{Side: 25, Cells: 32}
	const s = 0.7
	var all []float64
	for range 200 {
		values := make([]float64, box.Pixels())
		for i := range values {
			values[i] = s * rng.NormFloat64()
		}
		all = append(all, Deviation.PowerOf(values, box).P[8:]...)
	}
	want := s * s * box.CellSide() * box.CellSide()
	if got := stat.Mean(all, nil); !scalar.EqualWithinRel(got, want, 0.02) {
		t.Errorf("P = %g, want %g", got, want)
	}
}

func TestPlaneWaveLandsInOneBin(t *testing.T) {
	box := field.Box{Side: 25, Cells: 32}
	for _, k := range [][2]int{{3, 0}, {0, 5}, {3, 4}, {-3, 4}} {
		values := make([]float64, box.Pixels())
		for y := range box.Cells {
			for x := range box.Cells {
				values[y*box.Cells+x] = math.Cos(2 * math.Pi * float64(k[0]*y+k[1]*x) / float64(box.Cells))
			}
		}
		p := Deviation.PowerOf(values, box).P
		bin := int(math.Ceil(math.Hypot(float64(k[0]), float64(k[1])))) - 1
		for i := range p {
			if i != bin && p[i] > 1e-10*p[bin] {
				t.Errorf("wave %v: bin %d holds %g, its own bin %d %g", k, i, p[i], bin, p[bin])
			}
		}
	}
}

// TestPowerInvariances: shifts, turns and flips leave P alone; scaling a map leaves the contrast
// alone and scales the deviation's power by the square.
func TestPowerInvariances(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		m := randomMap(rng, 16)
		want := Overdensity(m).P
		turned := field.NewMap(m.Box)
		field.Symmetry(rng.IntN(field.Symmetries)).ApplyTo(turned.Values, m.Values, 16)
		shifted := field.NewMap(m.Box)
		dy, dx := rng.IntN(16), rng.IntN(16)
		for i, v := range m.Values {
			shifted.Values[(i/16+dy)%16*16+(i%16+dx)%16] = v
		}
		scaled := field.NewMap(m.Box)
		for i, v := range m.Values {
			scaled.Values[i] = 4 * v
		}
		for i := range want {
			for name, got := range map[string]float64{
				"turned":  Overdensity(turned).P[i],
				"shifted": Overdensity(shifted).P[i], "scaled": Overdensity(scaled).P[i],
			} {
				if !scalar.EqualWithinRel(got, want[i], 1e-9) {
					t.Fatalf("%s: P[%d] = %g, want %g", name, i, got, want[i])
				}
			}
			if got, want := Deviation.PowerOf(widen(scaled.Values), m.Box).P[i],
				16*Deviation.PowerOf(widen(m.Values), m.Box).P[i]; !scalar.EqualWithinRel(got, want, 1e-9) {
				t.Fatalf("deviation of a map times 4: P[%d] = %g, want %g", i, got, want)
			}
		}
	})
}

// TestSumNormalisedIsContrast: the paper's normalisation by the sum is the usual overdensity in
// other words.
func TestSumNormalisedIsContrast(t *testing.T) {
	m := randomMap(rand.New(rand.NewPCG(3, 4)), 32)
	a, b := SumNormalised.PowerOf(widen(m.Values), m.Box).P, Overdensity(m).P
	for i := range a {
		if !scalar.EqualWithinRel(a[i], b[i], 1e-9) {
			t.Errorf("bin %d: %g and %g", i, a[i], b[i])
		}
	}
}

// TestGaussianExpectation draws curves that a perfect emulator would: the mean of 20000 values
// with a relative spread of about √(2/64)·1.5 has an error of 0.2 %.
func TestGaussianExpectation(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const bins, references = 64, 15
	draw := func() []float64 {
		c := make([]float64, bins)
		for i := range c {
			c[i] = 3 + 2*rng.NormFloat64()
		}
		return c
	}
	var values []float64
	for range 2000 {
		var curves [][]float64
		for range references {
			curves = append(curves, draw())
		}
		reference := Stats(curves)
		for range 10 {
			values = append(values, ReducedChi2(draw(), reference))
		}
	}
	if got, want := stat.Mean(values, nil),
		GaussianExpectation(references, bins); !scalar.EqualWithinRel(got, want, 0.01) {
		t.Errorf("mean reduced chi² = %g, want %g", got, want)
	}
	if got := GaussianExpectation(14, 128); math.Abs(got-1.28) > 0.005 {
		t.Errorf("leave-one-out of 15 with 128 bins: %g, want 1.28", got)
	}
}

func TestHistogramKeepsEveryValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float32Range(-3, 3), 1, 200).Draw(t, "values")
		h := NewHistogram(values, []float64{-1, -0.5, 0, 1.5})
		sum := h.Under + h.Over
		for i, d := range h.Density {
			sum += d * (h.Edges[i+1] - h.Edges[i])
		}
		if !scalar.EqualWithinAbs(sum, 1, 1e-9) {
			t.Fatalf("shares add up to %g", sum)
		}
	})
}

func TestRatiosOfAMultipleAreExact(t *testing.T) {
	fiducial := [][]float64{{1, 2}, {3, 4}}
	ratios := Ratios([][]float64{{2, 6}, {6, 12}}, fiducial)
	mean, std := ratios.Mean, ratios.Std
	if mean[0] != 2 || mean[1] != 3 || std[0] != 0 || std[1] != 0 {
		t.Errorf("mean %v, std %v", mean, std)
	}
}

func BenchmarkPower(b *testing.B) {
	for _, side := range []int{64, 256} {
		b.Run(strconv.Itoa(side), func(b *testing.B) {
			m := randomMap(rand.New(rand.NewPCG(7, 8)), side)
			b.ReportAllocs()
			for b.Loop() {
				Overdensity(m)
			}
		})
	}
}
