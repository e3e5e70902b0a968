package validation

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"

	"darkfield/pkg/field"
	"darkfield/pkg/nbody"
)

// TestBandPower: a wave inside the band shares A²/2 among the band's modes; one outside leaves
// nothing.
func TestBandPower(t *testing.T) {
	modes := 0.0
	for ky := -5; ky <= 5; ky++ {
		for kx := -5; kx <= 5; kx++ {
			if k := math.Hypot(float64(kx), float64(ky)); k > bandLow && k <= bandHigh {
				modes++
			}
		}
	}
	for _, c := range []struct {
		kx, ky int
		inside bool
	}{{3, 0, true}, {-2, 4, true}, {2, 1, false}, {5, 0, false}} {
		m := field.NewMap(field.Box{Side: 25, Cells: bandSide})
		for i := range m.Values {
			m.Values[i] = float32(
				2 + 0.4*math.Cos(2*math.Pi*float64(c.kx*(i%bandSide)+c.ky*(i/bandSide))/bandSide))
		}
		want := 0.0
		if c.inside {
			want = 0.2 * 0.2 / 2 / modes
		}
		if got := bandPower(m); !scalar.EqualWithinAbs(got, want, 1e-9) {
			t.Errorf("wave (%d, %d): band power %g, want %g", c.kx, c.ky, got, want)
		}
	}
}

// TestDrift: particles that all move together drift by as much as they move; those that move
// apart do not.
func TestDrift(t *testing.T) {
	c := nbody.Default()
	c.Particles = 8
	for _, together := range []bool{true, false} {
		p := &nbody.Particles{Side: c.BoxSide}
		for axis := range p.Positions {
			for i := range 8 * 8 * 8 {
				q := [3]int{i / 64, i / 8 % 8, i % 8}[axis]
				move := -1.0
				if together || i%2 == 0 {
					move = 1
				}
				p.Positions[axis] = append(p.Positions[axis],
					float32(math.Mod(float64(q)*c.BoxSide/8+move+c.BoxSide, c.BoxSide)))
			}
		}
		want := 0.0
		if together {
			want = 1
		}
		if got := drift(p, c); !scalar.EqualWithinAbs(got, want, 1e-6) {
			t.Errorf("together %v: drift %g, want %g", together, got, want)
		}
	}
}

// TestAxesThatDifferAreSeen: boxes of equal axes have z-scores of order 1; an axis with a
// twentieth more power has not.
func TestAxesThatDifferAreSeen(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 5))
	make := func(excess float64) Symmetry {
		var b boxStudy
		for range 50 {
			m := boxMaps{
				K: [][]float64{{0.5, 2, 6, 8}}, Power: [][3][]float64{{}},
				Mass: [3]float64{1, 1, 1 - 3e-7}, MeshMass: 1,
			}
			overall := math.Exp(rng.NormFloat64()) // the boxes' parameters
			for axis := range 3 {
				for range 4 {
					v := overall * math.Exp(0.05*rng.NormFloat64())
					if axis == 1 {
						v *= excess
					}
					m.Power[0][axis] = append(m.Power[0][axis], v)
				}
			}
			b.hypercube = append(b.hypercube, m)
		}
		return b.symmetry(Config{Boxes: 50, Sides: []int{64}})
	}
	fair, unfair := make(1), make(1.05)
	for i := range fair.Z {
		for axis, z := range fair.Z[i] {
			if math.Abs(z) > 4 {
				t.Errorf("equal axes: z = %g along %d in %s", z, axis, fair.Bands[i])
			}
		}
		if z := unfair.Z[i][1]; z < 4 {
			t.Errorf("5 %% more power along y: z = %g in %s, want more than 4", z, fair.Bands[i])
		}
	}
	if !scalar.EqualWithinRel(fair.Mass, 3e-7, 1e-6) {
		t.Errorf("largest deviation of the mass %g, want 3e-7", fair.Mass)
	}
}
