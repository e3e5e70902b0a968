package summary

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"
	"pgregory.net/rapid"

	"darkfield/pkg/field"
)

// closedTriangles lists by hand the ordered triangles of whole wave vectors with one side in ring
// a and two in ring b.
func closedTriangles(n, a, b int) [][3][2]int {
	ring := func(y, x int) int {
		return int(math.Ceil(math.Hypot(float64(y), float64(x))/triangleWidth)) - 1
	}
	var out [][3][2]int
	limit := n / 2
	for y := -limit; y <= limit; y++ {
		for x := -limit; x <= limit; x++ {
			if ring(y, x) != a {
				continue
			}
			for v := -limit; v <= limit; v++ {
				for u := -limit; u <= limit; u++ {
					if ring(v, u) == b && ring(-y-v, -x-u) == b {
						out = append(out, [3][2]int{{y, x}, {v, u}, {-y - v, -x - u}})
					}
				}
			}
		}
	}
	return out
}

func TestTriangles(t *testing.T) {
	for _, n := range []int{7, 13, 24, 32} {
		counts := trianglesOf(n)
		if want := (n - 1) / 6; len(counts.k) != want {
			t.Errorf("side %d: %d rings, want %d", n, len(counts.k), want)
		}
		for b := range counts.k {
			if want := float64(len(closedTriangles(n, b, b))); counts.equilateral[b] != want || want == 0 {
				t.Errorf("side %d, ring %d: %g equilateral triangles, want %g", n, b,
					counts.equilateral[b], want)
			}
			if want := float64(len(closedTriangles(n, 0, b))); counts.squeezed[b] != want {
				t.Errorf("side %d, ring %d: %g squeezed triangles, want %g", n, b, counts.squeezed[b], want)
			}
		}
	}
}

// TestThreeWaves: waves of amplitude A with k₁ + k₂ + k₃ = 0 have modes A/2·Side²·exp(±iφ), which
// close to 2·3! ordered triangles: their product is 2·3!·(A/2)³·Side⁶·cos(φ₁ + φ₂ + φ₃), over
// Side² and all triangles of the bin. Phases alone turn its sign, and two of the waves have no
// bispectrum.
func TestThreeWaves(t *testing.T) {
	box := field.Box{Side: 25, Cells: 32}
	const amplitude = 0.3
	waves := [3][2]int{{0, 5}, {5, 0}, {-5, -5}} // |k| = 5, 5, 7.07
	near := [3][2]int{{1, 4}, {3, -3}, {-4, -1}} // all in the ring (4, 6], next but one
	small := [3][2]int{{1, 1}, {3, -6}, {-4, 5}} // one in the first ring, two in (6, 8]
	for _, c := range []struct {
		name          string
		waves         [3][2]int
		number, ring  int
		squeezed      bool
		phase, factor float64
	}{
		{"equilateral", near, 3, 2, false, 0, 1},
		{"equilateral, turned", near, 3, 2, false, math.Pi, -1},
		{"equilateral, a third", near, 3, 2, false, math.Pi / 3, 0.5},
		{"two waves", near, 2, 2, false, 0, 0},
		{"sides of two rings", waves, 3, 2, false, 0, 0},
		{"squeezed", small, 3, 3, true, math.Pi / 3, 0.5},
	} {
		values := make([]float64, box.Pixels())
		for i := range values {
			values[i] = 7
			for w, k := range c.waves[:c.number] {
				phase := 2 * math.Pi * float64(k[0]*(i/32)+k[1]*(i%32)) / 32
				if w == 0 {
					phase += c.phase
				}
				values[i] += amplitude * math.Cos(phase)
			}
		}
		got := Deviation.BispectrumOf(values, box)
		a, b, bispectrum := c.ring, c.ring, got.Equilateral
		orders := 6.0
		if c.squeezed {
			a, bispectrum, orders = 0, got.Squeezed, 2 // the first side is the one in the first ring
		}
		want := c.factor * 2 * orders * math.Pow(amplitude/2, 3) * math.Pow(25, 4) /
			float64(len(closedTriangles(32, a, b)))
		if !scalar.EqualWithinAbsOrRel(bispectrum[c.ring], want, 1e-9, 1e-9) {
			t.Errorf("%s: B = %g, want %g", c.name, bispectrum[c.ring], want)
		}
	}
}

// TestBispectrumOfNoise: white noise of variance s² and third central moment m has P =
// s²·CellSide² and B = m·CellSide⁴ at every k; exponential values have s = 1 and m = 2, Gaussian
// ones m = 0. Means of 400 maps, within 4 standard errors.
func TestBispectrumOfNoise(t *testing.T) {
	const maps = 400
	rng := rand.New(rand.NewPCG(7, 8))
	box := field.Box{Side: 48, Cells: 24}
	for _, c := range []struct {
		name string
		draw func() float64
		want float64
	}{{"exponential", rng.ExpFloat64, 2 * 16}, {"Gaussian", rng.NormFloat64, 0}} {
		var power, equilateral, squeezed [][]float64
		for range maps {
			values := make([]float64, box.Pixels())
			for i := range values {
				values[i] = c.draw()
			}
			b := Deviation.BispectrumOf(values, box)
			power, equilateral, squeezed = append(power, b.Power), append(equilateral, b.Equilateral),
				append(squeezed, b.Squeezed)
		}
		for name, v := range map[string]struct {
			curves [][]float64
			want   float64
		}{"power": {power, 4}, "equilateral": {equilateral, c.want}, "squeezed": {squeezed, c.want}} {
			s := Stats(v.curves)
			for i, mean := range s.Mean {
				if math.Abs(mean-v.want) > 4*s.Std[i]/math.Sqrt(maps) {
					t.Errorf("%s noise, ring %d: %s %g ± %g, want %g", c.name, i, name, mean,
						s.Std[i]/math.Sqrt(maps), v.want)
				}
			}
		}
	}
}

// TestBispectrumMovesWithTheMap: shifts, turns and flips change nothing, a factor c its cube, and
// the first entries agree.
func TestBispectrumMovesWithTheMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		box := field.Box{Side: 25, Cells: rapid.IntRange(7, 20).Draw(t, "side")}
		m := field.LogMap{
			Box:    box,
			Values: whiteNoise(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)), box),
		}
		a := Deviation.Bispectrum(m)
		b := Deviation.Bispectrum(field.LogMap{Box: box, Values: movedAnyhow(t, m.Values, box)})
		factor := rapid.Float64Range(-3, 3).Draw(t, "factor")
		scaled := widen(m.Values)
		for i := range scaled {
			scaled[i] *= factor
		}
		c := Deviation.BispectrumOf(scaled, box)
		if a.Equilateral[0] != a.Squeezed[0] {
			t.Fatalf("B(k₁, k₁, k₁) = %g and %g", a.Equilateral[0], a.Squeezed[0])
		}
		// Rounding is relative to the largest products, of the order of P^(3/2)·Side.
		for i, p := range a.Power {
			room := 1e-10 * math.Pow(p, 1.5) * box.Side
			cubed := math.Pow(factor, 3)
			if !scalar.EqualWithinAbs(a.Equilateral[i], b.Equilateral[i], room) ||
				!scalar.EqualWithinAbs(a.Squeezed[i], b.Squeezed[i], 10*room) {
				t.Fatalf("ring %d: %g and %g of a moved map, want %g and %g", i, b.Equilateral[i],
					b.Squeezed[i], a.Equilateral[i], a.Squeezed[i])
			}
			if !scalar.EqualWithinAbs(c.Equilateral[i], cubed*a.Equilateral[i], 27*room) {
				t.Fatalf("ring %d: %g of a map times %g, want %g", i, c.Equilateral[i], factor,
					cubed*a.Equilateral[i])
			}
		}
	})
}

// TestReducedBispectrum: x = g + b·g² with white g of unit variance has the third central moment
// 6b + 8b³ and the variance 1 + 2b², so that Q is moment/(3·variance²) at every k. The ratio is
// that of mean spectra: of single maps it is biased by the scatter of their power.
func TestReducedBispectrum(t *testing.T) {
	const maps, b = 400, 0.2
	rng := rand.New(rand.NewPCG(9, 10))
	box := field.Box{Side: 48, Cells: 48}
	values := make([]float64, box.Pixels())
	var powers, equilaterals, squeezeds [][]float64
	for range maps {
		for i := range values {
			g := rng.NormFloat64()
			values[i] = g + b*g*g
		}
		one := Deviation.BispectrumOf(values, box)
		powers, equilaterals, squeezeds = append(powers, one.Power),
			append(equilaterals, one.Equilateral), append(squeezeds, one.Squeezed)
	}
	p, e, s := Stats(powers), Stats(equilaterals), Stats(squeezeds)
	equilateral, squeezed := Bispectrum{Power: p.Mean, Equilateral: e.Mean, Squeezed: s.Mean}.Reduced()
	want := (6*b + 8*b*b*b) / (3 * math.Pow(1+2*b*b, 2))
	// rings of many modes, where power is known far better than the bispectrum
	for i := 2; i < len(equilateral); i++ {
		for name, v := range map[string][2]float64{
			"equilateral": {equilateral[i], e.Std[i] / e.Mean[i]},
			"squeezed":    {squeezed[i], s.Std[i] / s.Mean[i]},
		} {
			if room := 4 * math.Abs(v[0]*v[1]) / math.Sqrt(maps); math.Abs(v[0]-want) > room || room > want {
				t.Errorf("ring %d, %s: Q = %g, want %g ± %g", i, name, v[0], want, room)
			}
		}
	}
}
