package nbody

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"
	"pgregory.net/rapid"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

func small() Config {
	c := Default()
	c.Particles, c.Steps, c.Pixels, c.Neighbours = 16, 10, 32, 32
	return c
}

// wave returns the modes of one plane wave of the linear overdensity today, of n wavelengths
// along axis.
func wave(cells, n, axis int, amplitude float32) []complex64 {
	half := cells/2 + 1
	out := make([]complex64, cells*cells*half)
	k := [3]int{}
	k[axis] = n
	out[(k[0]*cells+k[1])*half+k[2]] = complex(amplitude/2, 0)
	if axis < 2 { // the half plane kz = 0 holds −k too
		k[axis] = cells - n
		out[(k[0]*cells+k[1])*half] = complex(amplitude/2, 0)
	}
	return out
}

func TestPlaneWaveHasNoSecondOrder(t *testing.T) {
	for axis := range 3 {
		d := displace(16, 25, wave(16, 2, axis, 0.5))
		for i := range 3 {
			if m := largest(d.second[i]); m > 1e-6 {
				t.Errorf("wave along %d: second-order displacement %g Mpc/h along %d", axis, m, i)
			}
			// δ = A cos(kx) ⇒ ψ = −A/k sin(kx): the largest displacement is A/k along the wave and none
			// across.
			want := 0.0
			if i == axis {
				want = 0.5 / (2 * math.Pi * 2 / 25)
			}
			if m := largest(d.first[i]); !scalar.EqualWithinAbs(float64(m), want, 1e-5) {
				t.Errorf("wave along %d: first-order displacement %g Mpc/h along %d, want %g", axis, m, i, want)
			}
		}
	}
}

func largest(v []float32) float32 {
	m := float32(0)
	for _, x := range v {
		m = max(m, float32(math.Abs(float64(x))))
	}
	return m
}

// TestSecondOrderOfCrossedWaves: for φ = a cos(kx) + b cos(ky), φ,xx φ,yy = ab k⁴ cos(kx)
// cos(ky), so that ψ₂ = ∇φ₂ with φ₂ = −ab k²/2 cos(kx) cos(ky); in terms of δ = ∇²φ of amplitudes
// A and B, |ψ₂| peaks at AB/(2k).
func TestSecondOrderOfCrossedWaves(t *testing.T) {
	const n, a, b = 16, 0.4, 0.3
	delta := wave(n, 1, 0, a)
	for i, v := range wave(n, 1, 1, b) {
		delta[i] += v
	}
	d := displace(n, 25, delta)
	want := a * b / (2 * 2 * math.Pi / 25)
	for axis, peak := range []float64{want, want, 0} {
		if got := float64(largest(d.second[axis])); !scalar.EqualWithinAbs(got, peak, 1e-3*want) {
			t.Errorf("second-order displacement along %d peaks at %g, want %g", axis, got, peak)
		}
	}
}

// growth runs a small plane wave to today and returns displacement over linear displacement. The
// mesh has one cell a particle: a finer one sees a lattice that nothing but this wave moves.
// TestAddedWaveGrowsLinearly measures the mesh of Default.
func growth(t *testing.T, steps int) float64 {
	t.Helper()
	c := small()
	c.Particles, c.Steps, c.MeshFactor = 32, steps, 1
	d := displace(c.Particles, c.BoxSide, wave(c.Particles, 1, 0, 0.1))
	s := newSimulation(c, cosmology.New(cosmology.Fiducial), d)
	if err := s.evolve(context.Background()); err != nil {
		t.Fatal(err)
	}
	var along, norm float64
	for i, x := range s.positions()[0] {
		q := float64(i/(32*32)) * c.spacing()
		moved := math.Remainder(float64(x)-q, c.BoxSide)
		psi := float64(d.first[0][i])
		along, norm = along+moved*psi, norm+psi*psi
	}
	return along / norm
}

// TestLongWaveGrowsLinearly: kicks and drifts are exact for linear growth, so that a long wave
// grows as D whatever the number of steps. Clouds in cells smooth the force twice by sinc²(kΔ/2),
// together 1 − (kΔ)²/6, which in the matter era slows dlnD/dlna by 0.6 of that: a deficit that
// adds up over ln(1/a_start).
func TestLongWaveGrowsLinearly(t *testing.T) {
	c := small()
	step := 2 * math.Pi / 32
	deficit := 0.6 * step * step / 6 * math.Log(1/float64(c.Start))
	for _, steps := range []int{3, 10, 30} {
		if got := growth(t, steps); !scalar.EqualWithinAbs(got, 1, 2*deficit) {
			t.Errorf("%d steps: displacement today is %g of the linear one, want 1 within %g", steps,
				got, 2*deficit)
		}
	}
}

func TestUniformParticlesFeelNoForce(t *testing.T) {
	c := small()
	s := newSimulation(c, cosmology.New(cosmology.Fiducial),
		displace(c.Particles, c.BoxSide, make([]complex64, 16*16*9)))
	s.step(1, 0)
	for _, p := range s.particles {
		if m := largest(p.p[:]); m > 1e-5 {
			t.Fatalf("force %g Mpc/h at %v", m, p.x)
		}
	}
}

func TestDepositConservesMass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 50).Draw(t, "particles")
		var x [3][]float32
		for axis := range x {
			for _, v := range rapid.SliceOfN(rapid.Float32Range(-60, 85), n, n).Draw(t, "positions, Mpc/h") {
				x[axis] = append(x[axis], wrap(v, 25))
			}
		}
		m := newMesh(8, 25)
		cells := make([]float32, 512)
		m.deposit(cells, x)
		sum := 0.0
		for _, v := range cells {
			sum += float64(v)
		}
		if !scalar.EqualWithinRel(sum, float64(n), 1e-5) {
			t.Fatalf("mass on the mesh %v, want %d", sum, n)
		}
		ones := planes{slices.Repeat([]float32{1}, 64), slices.Repeat([]float32{1}, 64)}
		for i := range n {
			fx, fy, fz := m.gather(&[3]planes{ones, ones, ones}, x[0][i], x[1][i], x[2][i])
			for _, v := range []float32{fx, fy, fz} {
				if !scalar.EqualWithinAbs(float64(v), 1, 1e-5) {
					t.Fatalf("gathered %v from a mesh of ones", v)
				}
			}
		}
	})
}

// TestStepsConverge: the leapfrog is of second order, so halving the steps quarters the error of
// positions. Small σ_8 keeps chaos inside haloes out; a late start makes steps short against the
// time since a = 0, where a^1.5 is not smooth.
func TestStepsConverge(t *testing.T) {
	run := func(steps int) [3][]float32 {
		c := small()
		c.Steps, c.Start = steps, 0.3
		p, err := Simulate(context.Background(), c, cosmology.Params{OmegaM: 0.3, Sigma8: 0.2}, 3)
		if err != nil {
			t.Fatal(err)
		}
		return p.Positions
	}
	best := run(160)
	var logs []float64
	for _, steps := range []int{5, 10, 20} {
		sum := 0.0
		for axis, x := range run(steps) {
			for i, v := range x {
				d := math.Remainder(float64(v-best[axis][i]), 25)
				sum += d * d
			}
		}
		logs = append(logs, math.Log2(math.Sqrt(sum)))
	}
	if slope := (logs[0] - logs[2]) / 2; slope < 1.5 || slope > 2.6 {
		t.Errorf("error falls as steps^−%.2f (log2 errors %.2f), want order 2", slope, logs)
	}
}

func TestModesAreSharedByResolutions(t *testing.T) {
	power := cosmology.NewLinearPower(cosmology.New(cosmology.Fiducial))
	a, b := amplitudes(8, 25, power, 7), amplitudes(16, 25, power, 7)
	for _, k := range [][3]int{{1, 0, 0}, {-1, 2, 0}, {3, -3, 2}, {-2, -1, 3}} {
		at := func(n int, m []complex64) complex64 {
			return m[((k[0]+n)%n*n+(k[1]+n)%n)*(n/2+1)+k[2]]
		}
		if at(8, a) != at(16, b) || at(8, a) == 0 {
			t.Errorf("mode %v: %v on 8³, %v on 16³", k, at(8, a), at(16, b))
		}
	}
}

// TestPowerOfModes: the mean of |δ_k|² over a shell of seeds is P(k)/V. 100 seeds of a mode and
// its 5 turned companions give 600 exponential values: 4 %.
func TestPowerOfModes(t *testing.T) {
	power := cosmology.NewLinearPower(cosmology.New(cosmology.Fiducial))
	sum, n := 0.0, 0
	for seed := range uint64(100) {
		m := amplitudes(8, 25, power, seed)
		for _, k := range [][3]int{{1, 2, 0}, {2, 1, 0}, {7, 2, 0}, {0, 1, 2}, {1, 0, 2}, {0, 2, 1}} {
			v := complex128(m[(k[0]*8+k[1])*5+k[2]])
			sum += real(v)*real(v) + imag(v)*imag(v)
			n++
		}
	}
	k := 2 * math.Pi / 25 * math.Sqrt(5)
	if got, want := sum/float64(n), power.At(k)/(25*25*25); !scalar.EqualWithinRel(got, want, 0.12) {
		t.Errorf("mean |δ_k|² = %g, want %g", got, want)
	}
}

func TestRadiiAgainstBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var x [3][]float32
	for axis := range x {
		for range 300 {
			x[axis] = append(x[axis], 10*rng.Float32()*rng.Float32())
		}
	}
	radii := newTree(10, x).radii(8)
	for i := range 300 {
		var all []float64
		for j := range 300 {
			sum := 0.0
			for axis := range 3 {
				d := math.Remainder(float64(x[axis][i])-float64(x[axis][j]), 10)
				sum += d * d
			}
			all = append(all, math.Sqrt(sum))
		}
		slices.Sort(all)
		if !scalar.EqualWithinAbs(float64(radii[i]), all[8], 1e-5) {
			t.Fatalf("point %d: 8th neighbour at %g, want %g", i, radii[i], all[8])
		}
	}
}

// TestMapsHoldTheDarkMatter: same seed, same bytes; every axis holds the mass of the whole box.
func TestMapsHoldTheDarkMatter(t *testing.T) {
	p := cosmology.Params{OmegaM: 0.3, Sigma8: 0.8}
	maps, err := Universe(context.Background(), small(), p, 5, 16)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Universe(context.Background(), small(), p, 5, 16)
	if err != nil {
		t.Fatal(err)
	}
	want := (0.3 - 0.049) * 2.7754e11 * 5
	for axis := range 3 {
		sum := 0.0
		for slab := range 5 {
			m := maps[axis*5+slab]
			if !slices.Equal(m.Values, again[axis*5+slab].Values) {
				t.Fatal("the same seed gave other maps")
			}
			sum += m.Mean() / 5
		}
		if !scalar.EqualWithinRel(sum, want, 1e-5) {
			t.Errorf("axis %d: mean surface density %g, want %g (Msun/h)/(Mpc/h)²", axis, sum, want)
		}
	}
}

// TestNoPixelIsEmpty: a cluster in a corner of an otherwise empty slab leaves no pixel without
// mass, and loses none.
func TestNoPixelIsEmpty(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 3))
	p := &Particles{Side: 25, Universe: cosmology.New(cosmology.Fiducial)}
	for axis := range p.Positions {
		for range 500 {
			p.Positions[axis] = append(p.Positions[axis], 25*rng.Float32()*rng.Float32())
		}
	}
	maps, err := Project(p, 4, 64)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, m := range maps {
		sum += m.Mean() / slabs / 3
	}
	// The 5 slabs of an axis together hold the box.
	if want := (0.3 - 0.049) * criticalDensity * 25 / slabs; !scalar.EqualWithinRel(sum, want, 1e-5) {
		t.Errorf("mean surface density %g, want %g (Msun/h)/(Mpc/h)²", sum, want)
	}
	if slices.ContainsFunc(maps, func(m field.Map) bool { return slices.Min(m.Values) <= 0 }) {
		t.Error("a pixel is empty")
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Simulate(ctx, small(), cosmology.Fiducial, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}

func TestConfigNamesEveryFault(t *testing.T) {
	c := Default()
	c.Particles, c.Steps = 48, 0
	if err := c.Validate(); err == nil {
		t.Error("48 particles and no steps were accepted")
	}
}
