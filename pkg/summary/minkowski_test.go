package summary

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"
	"pgregory.net/rapid"

	"darkfield/pkg/field"
)

// TestBlock: a block of a×b pixels of 1 in a map of 0 has, at a level between, straight sides of
// a − 1 and b − 1 pixels, and corners cut at 1 − level: closed forms of all three functionals.
func TestBlock(t *testing.T) {
	box := field.Box{Side: 20, Cells: 10}
	const a, b = 4, 3
	values := make([]float32, 100)
	for y := range a {
		for x := range b {
			values[(y+8)%10*10+(x+9)%10] = 1 // across both edges
		}
	}
	levels := []float64{0.25, 0.5, 0.9}
	m := MinkowskiOf(values, box, levels)
	for i, level := range levels {
		pixels := 2*(a-1+b-1) + 4*math.Sqrt2*(1-level)
		if want := 2 * pixels / 400; !scalar.EqualWithinRel(m.Length[i], want, 1e-12) {
			t.Errorf("level %g: length %g, want %g", level, m.Length[i], want)
		}
		if m.Area[i] != 0.12 || m.Euler[i] != 1.0/400 {
			t.Errorf("level %g: area %g, Euler characteristic %g, want 0.12 and 1/400", level,
				m.Area[i], m.Euler[i])
		}
	}
}

// cone falls from the centre of the box, in pixels.
func cone(n int, y, x float64) []float32 {
	out := make([]float32, n*n)
	for i := range out {
		out[i] = -float32(math.Hypot(float64(i/n)-y, float64(i%n)-x))
	}
	return out
}

// TestDisc: the contour is a polygon inscribed in a circle up to the curvature of the field along
// sides, so that its length is short by some 1/r² of itself; the area counts points of a lattice,
// with an error of about the root of the circumference.
func TestDisc(t *testing.T) {
	box := field.Box{Side: 64, Cells: 64}
	for _, r := range []float64{5, 10, 20} {
		m := MinkowskiOf(cone(64, 31.3, 32.4), box, []float64{-r})
		if want := 2 * math.Pi * r / 4096; math.Abs(m.Length[0]/want-1) > 0.5/(r*r) {
			t.Errorf("radius %g: length %g of the circle", r, m.Length[0]/want)
		}
		if want := math.Pi * r * r; math.Abs(4096*m.Area[0]-want) > 2*math.Sqrt(2*math.Pi*r) {
			t.Errorf("radius %g: area %g, want %g", r, 4096*m.Area[0], want)
		}
		if m.Euler[0]*4096 != 1 {
			t.Errorf("radius %g: Euler characteristic %g, want 1", r, m.Euler[0]*4096)
		}
	}
}

// TestEulerByShape counts parts less holes where the answer is plain.
func TestEulerByShape(t *testing.T) {
	box := field.Box{Side: 1, Cells: 12}
	for name, c := range map[string]struct {
		inside func(y, x int) bool
		want   float64
	}{
		"nothing":   {func(int, int) bool { return false }, 0},
		"all":       {func(int, int) bool { return true }, 0}, // a torus
		"one pixel": {func(y, x int) bool { return y == 0 && x == 11 }, 1},
		"ring":      {func(y, x int) bool { return max(abs(y-5), abs(x-5)) == 2 }, 0},
		"ring and disc": {
			func(y, x int) bool { r := max(abs(y-5), abs(x-5)); return r == 2 || r == 0 },
			1,
		},
		"two holes": {func(y, x int) bool {
			return (y != 3 || x != 3) && (y != 7 || x != 8) && y < 11 &&
				x < 11
		}, -1},
		"stripe":      {func(y, _ int) bool { return y < 3 }, 0},
		"all but one": {func(y, x int) bool { return y+x > 0 }, -1},
	} {
		values := make([]float32, 144)
		for i := range values {
			if c.inside(i/12, i%12) {
				values[i] = 1
			}
		}
		if got := MinkowskiOf(values, box, []float64{0.5}).Euler[0]; got != c.want {
			t.Errorf("%s: Euler characteristic %g, want %g", name, got, c.want)
		}
	}
}

func abs(i int) int { return max(i, -i) }

// TestSaddle: two pixels that touch at a corner are one part below the mean of the four, two
// above it.
func TestSaddle(t *testing.T) {
	values := make([]float32, 36)
	values[7], values[14] = 1, 1
	m := MinkowskiOf(values, field.Box{Side: 1, Cells: 6}, []float64{0.4, 0.6})
	if m.Euler[0] != 1 || m.Euler[1] != 2 {
		t.Errorf("Euler characteristics %v, want 1 and 2", m.Euler)
	}
	// Eight corners cut at 0.4 above; below, two corners of the middle are cut off from the other
	// side, at 0.4 too.
	for i, want := range []float64{(6*0.6 + 2*0.4) * math.Sqrt2 / 6, 8 * 0.4 * math.Sqrt2 / 6} {
		if !scalar.EqualWithinRel(m.Length[i], want, 1e-6) {
			t.Errorf("length %g, want %g", m.Length[i], want)
		}
	}
}

// TestEulerCountsParts: above the mean of any two opposite corners nothing is joined across a
// corner, so that the Euler characteristic is the number of parts by sides less that of holes,
// whose pixels do touch at corners. An empty rim keeps shapes from winding.
func TestEulerCountsParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 10).Draw(t, "side")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		share := rapid.Float64Range(0.2, 0.9).Draw(t, "share")
		values := make([]float32, n*n)
		for i := range values {
			if i/n > 0 && i%n > 0 && rng.Float64() < share {
				values[i] = 1
			}
		}
		want := parts(values, n, 1, false) - (parts(values, n, 0, true) - 1)
		if got := MinkowskiOf(values, field.Box{Side: 1, Cells: n}, []float64{0.75}).Euler[0]; got !=
			float64(want) {
			t.Fatalf("Euler characteristic %g, want %d: %v", got, want, values)
		}
	})
}

// parts counts connected sets of pixels of one value, across corners or not.
func parts(values []float32, n int, value float32, corners bool) int {
	seen, count := make([]bool, n*n), 0
	var visit func(y, x int)
	visit = func(y, x int) {
		i := (y+n)%n*n + (x+n)%n
		if seen[i] || values[i] != value {
			return
		}
		seen[i] = true
		for dy := -1; dy <= 1; dy++ {
			for dx := -1; dx <= 1; dx++ {
				if corners || dy*dx == 0 {
					visit((y+dy+n)%n, (x+dx+n)%n)
				}
			}
		}
	}
	for i, v := range values {
		if v == value && !seen[i] {
			count++
			visit(i/n, i%n)
		}
	}
	return count
}

// TestMinkowskiOfTheOtherSide: the set below a level has the rest of the area, the same boundary,
// and less the Euler characteristic, which adds up to that of the torus, 0. Shifts, turns and
// flips change nothing but the order of sums.
func TestMinkowskiOfTheOtherSide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		box := field.Box{Side: 25, Cells: rapid.IntRange(3, 12).Draw(t, "side")}
		values := whiteNoise(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)), box)
		level := rapid.Float64Range(-2, 2).Draw(t, "level")
		negative := make([]float32, len(values))
		for i, v := range values {
			negative[i] = -v
		}
		a := MinkowskiOf(values, box, []float64{level})
		b := MinkowskiOf(negative, box, []float64{-level})
		c := MinkowskiOf(movedAnyhow(t, values, box), box, []float64{level})
		for name, v := range map[string][2]float64{
			"area below": {b.Area[0], 1 - a.Area[0]}, "length below": {b.Length[0], a.Length[0]},
			"Euler below": {b.Euler[0], -a.Euler[0]},
			"area moved":  {c.Area[0], a.Area[0]}, "length moved": {c.Length[0], a.Length[0]},
			"Euler moved": {c.Euler[0], a.Euler[0]},
		} {
			if !scalar.EqualWithinAbsOrRel(v[0], v[1], 1e-12, 1e-12) {
				t.Fatalf("%s: %g, want %g", name, v[0], v[1])
			}
		}
	})
}

// gaussianField returns a Gaussian field of power ∝ exp(−k²R²), R in pixels, of unit variance:
// the mean of |∇f|² is 1/R².
func gaussianField(n int, smoothing float64, rng *rand.Rand) []float32 {
	p := plansOf(n).Get().(*plan)
	for i := range p.values {
		p.values[i] = rng.NormFloat64()
	}
	p.transform()
	sum := 0.0
	amplitude := func(i int) float64 {
		ky, kx := i/(n/2+1), i%(n/2+1)
		if 2*ky > n {
			ky -= n
		}
		k := 2 * math.Pi / float64(n) * math.Hypot(float64(ky), float64(kx))
		return math.Exp(-k * k * smoothing * smoothing / 2)
	}
	for i := range p.modes {
		a := amplitude(i)
		sum += p.rings.weight[i] * a * a
		p.modes[i] *= complex(a, 0)
	}
	p.inverse()
	out := make([]float32, n*n)
	for i, v := range p.values {
		out[i] = float32(v * float64(n) / math.Sqrt(sum))
	}
	return out
}

// TestMinkowskiOfGaussianFields: with σ₁² the mean of |∇f|² and σ₀ = 1, Tomita's (1986)
// expectations in two dimensions are erfc(ν/√2)/2, σ₁·exp(−ν²/2)/√8 and
// σ₁²/2·ν·exp(−ν²/2)/(2π)^(3/2). Tolerances are 4 standard errors over the maps, and for a
// contour between pixels R = 3 pixels wide a relative 1/(4·R²) ≈ 3 %: a sine of wavenumber k,
// linear between points, is too low by up to (kh)²/8.
func TestMinkowskiOfGaussianFields(t *testing.T) {
	const smoothing, maps = 3.0, 400
	box := field.Box{Side: 64, Cells: 64} // lengths in pixels
	rng := rand.New(rand.NewPCG(3, 3))
	levels := []float64{-2, -1, -0.5, 0, 0.5, 1, 2}
	var area, length, euler [][]float64
	for range maps {
		m := MinkowskiOf(gaussianField(64, smoothing, rng), box, levels)
		area, length, euler = append(area, m.Area), append(length, m.Length), append(euler, m.Euler)
	}
	for i, nu := range levels {
		bell := math.Exp(-nu * nu / 2)
		for name, c := range map[string]struct {
			curves [][]float64
			want   float64
			bias   float64
		}{
			"V0": {area, math.Erfc(nu/math.Sqrt2) / 2, 0},
			"V1": {length, bell / smoothing / math.Sqrt(8), 1 / (4 * smoothing * smoothing)},
			"V2": {
				euler, nu * bell / (2 * smoothing * smoothing * math.Pow(2*math.Pi, 1.5)),
				1 / (4 * smoothing * smoothing),
			},
		} {
			s := Stats(c.curves)
			if d := math.Abs(s.Mean[i] - c.want); d > 4*s.Std[i]/math.Sqrt(maps)+c.bias*math.Abs(c.want) {
				t.Errorf("%s(%g) = %g ± %g, want %g", name, nu, s.Mean[i], s.Std[i]/math.Sqrt(maps), c.want)
			}
		}
	}
}
