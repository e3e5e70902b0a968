package nbody

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/fft"
)

// Particles are the positions of a finished simulation.
type Particles struct {
	Side      float64      // of the periodic box, Mpc/h
	Positions [3][]float32 // by axis, in [0, Side)
	Universe  cosmology.Cosmology
}

// Simulate runs one universe to today. The same arguments give the same bytes.
func Simulate(ctx context.Context, c Config, params cosmology.Params, seed uint64,
) (*Particles, error) {
	universe := cosmology.New(params)
	if err := cmp.Or(universe.Validate(), c.Validate()); err != nil {
		return nil, fmt.Errorf("nbody: %w", err)
	}
	return Evolve(ctx, c, universe, LinearModes(c, universe, seed))
}

// Evolve runs a universe to today from given modes of the linear overdensity, in the layout and
// normalisation of LinearModes.
func Evolve(ctx context.Context, c Config, universe cosmology.Cosmology, modes []complex64,
) (*Particles, error) {
	if err := cmp.Or(universe.Validate(), c.Validate()); err != nil {
		return nil, fmt.Errorf("nbody: %w", err)
	}
	n := c.Particles
	if want := n * n * (n/2 + 1); len(modes) != want {
		panic(fmt.Sprintf("nbody: %d modes for %d³ particles, want %d", len(modes), n, want))
	}
	d := displace(n, c.BoxSide, shifted(modes, n, c.BoxSide, c.Shift*c.spacing()))
	s := newSimulation(c, universe, d)
	if err := s.evolve(ctx); err != nil {
		return nil, err
	}
	return &Particles{Side: c.BoxSide, Positions: s.positions(), Universe: universe}, nil
}

// simulation is the state of a box between steps.
type simulation struct {
	Config
	*sorted
	universe  cosmology.Cosmology
	plan      *fft.Plan
	potential fft.Potential // 1/k², scaled so that its gradient is the force
	k         []float32     // wavenumbers of derivatives
	density   [3][]float32  // planes of counts: the two being filled, and the last one
}

// newSimulation sets particles on a lattice and moves them by second-order theory.
func newSimulation(c Config, universe cosmology.Cosmology, d displacements) *simulation {
	n := c.Particles
	m := c.mesh()
	s := &simulation{
		Config: c, sorted: newSorted(newMesh(m, c.BoxSide), n*n*n), universe: universe,
		plan: fft.NewPlan(m),
		// Counts become the overdensity when divided by the mean count n³/m³; the round trip of
		// transforms multiplies by m³.
		potential: inverseLaplacian(m, c.BoxSide, 1/float32(n*n*n)),
	}
	_, s.k = wavenumbers(m, c.BoxSide)
	for i := range s.density {
		s.density[i] = make([]float32, m*m)
	}
	a := c.Start
	om := universe.OmegaMAt(a)
	d1 := universe.GrowthFactor(a)
	d2 := -3.0 / 7 * d1 * d1 * math.Pow(om, -1.0/143)
	speed := float64(a) * float64(a) * universe.E(a) // p = a²E dx/dlna
	p1, p2 := speed*d1*universe.GrowthRate(a), speed*d2*2*math.Pow(om, 6.0/11)
	for i := range s.particles {
		p := &s.particles[i]
		for axis, q := range [3]int{i / (n * n), i / n % n, i % n} {
			f, g := float64(d.first[axis][i]), float64(d.second[axis][i])
			p.x[axis] = wrap(float32((float64(q)+c.Shift)*c.spacing()+d1*f+d2*g), float32(c.BoxSide))
			p.p[axis] = float32(p1*f + p2*g)
		}
		p.index, p.strip = int32(i), s.strip(p.x[0], p.x[1])
	}
	return s
}

// wrap brings a position back into [0, side).
func wrap(x, side float32) float32 {
	if x >= 0 && x < side {
		return x
	}
	x -= side * float32(math.Floor(float64(x/side)))
	if !(x < side) { // rounding of a tiny negative number
		x = 0
	}
	return x
}

// evolve takes the kick-drift-kick steps to today. The second kick of a step and the first one of
// the next use the same force and are done as one; the last kick of all moves no particle and is
// left out.
func (s *simulation) evolve(ctx context.Context) error {
	from := s.Start
	for i := range s.Steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		step := float64(i)
		at, half, end := s.time(step), s.time(step+0.5), s.time(step+1)
		s.step(s.kick(from, half, at), s.drift(at, end, half))
		from = half
	}
	return nil
}

// timeExponent is the power of the scale factor in which steps have equal length: the one of 0.5,
// 0.75, 1, 1.25, 1.5 and 2 with which maps depend least on the number of steps.
const timeExponent = 1.25

// time returns the scale factor after a number of steps, whole or not.
func (s *simulation) time(steps float64) cosmology.ScaleFactor {
	start := math.Pow(float64(s.Start), timeExponent)
	u := start + (1-start)*steps/float64(s.Steps)
	return cosmology.ScaleFactor(math.Pow(u, 1/timeExponent))
}

// momentumGrowth is G_p = a³E dD/da: the growth of linear momenta.
func (s *simulation) momentumGrowth(a cosmology.ScaleFactor) float64 {
	return float64(a*a) * s.universe.E(a) * s.universe.GrowthRate(a) * s.universe.GrowthFactor(a)
}

// kick returns the change of momentum per unit of the force at scale factor at:
// [G_p(to) − G_p(from)]/D(at), exact for linear growth.
func (s *simulation) kick(from, to, at cosmology.ScaleFactor) float32 {
	return float32((s.momentumGrowth(to) - s.momentumGrowth(from)) / s.universe.GrowthFactor(at))
}

// drift returns the displacement per unit of the momentum at scale factor at:
// [D(to) − D(from)]/G_p(at), exact for linear growth.
func (s *simulation) drift(from, to, at cosmology.ScaleFactor) float32 {
	return float32((s.universe.GrowthFactor(to) - s.universe.GrowthFactor(from)) /
		s.momentumGrowth(at))
}

// step changes momenta by kick times the force −∇∇⁻²δ, then positions by drift times the momentum.
func (s *simulation) step(kick, drift float32) {
	s.sort()
	var first, low [3][]float32
	for x, high := range s.plan.Gradient(s.counts(), s.potential, s.k) {
		if x == 0 {
			for axis := range first {
				first[axis] = slices.Clone(high[axis])
			}
		} else {
			s.move(x-1, low, high, kick, drift)
		}
		low = high
	}
	s.move(s.cells-1, low, first, kick, drift)
}

// counts returns a function that returns, for each plane of the mesh in turn, the number of
// particles in its cells.
func (s *simulation) counts() func(x int) []float32 {
	last := s.cells - 1
	low, high, end := s.density[0], s.density[1], s.density[2]
	clear(low)
	clear(end)
	s.fill(last, planes{end, low})
	return func(x int) []float32 {
		switch x {
		case last:
			return end
		case last - 1:
			high = end
		default:
			clear(high)
		}
		s.fill(x, planes{low, high})
		done := low
		low, high = high, low
		return done
	}
}

// fill adds the particles of a layer to its planes.
func (s *simulation) fill(layer int, dst planes) {
	l := s.layer(layer)
	for i := range l {
		x := &l[i].x
		s.share(dst, x[0], x[1], x[2])
	}
}

// move kicks and drifts the particles of a layer between two planes of the force, and updates their
// strips.
func (s *simulation) move(layer int, low, high [3][]float32, kick, drift float32) {
	var force [3]planes
	for axis := range force {
		force[axis] = planes{low[axis], high[axis]}
	}
	l := s.layer(layer)
	for i := range l {
		p := &l[i]
		x, y, z := p.x[0], p.x[1], p.x[2]
		fx, fy, fz := s.gather(&force, x, y, z)
		px, py, pz := p.p[0]+kick*fx, p.p[1]+kick*fy, p.p[2]+kick*fz
		x, y, z = wrap(x+drift*px, s.side), wrap(y+drift*py, s.side), wrap(z+drift*pz, s.side)
		p.x, p.p, p.strip = [3]float32{x, y, z}, [3]float32{px, py, pz}, s.strip(x, y)
	}
}
