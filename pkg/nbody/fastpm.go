package nbody

import (
	"context"
	"fmt"
	"math"

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
func Simulate(ctx context.Context, c Config, params cosmology.Params, seed uint64) (*Particles, error) {
	universe := cosmology.New(params)
	if err := universe.Validate(); err != nil {
		return nil, fmt.Errorf("nbody: %w", err)
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("nbody: %w", err)
	}
	delta := amplitudes(c.Particles, c.BoxSide, cosmology.NewLinearPower(universe), seed)
	s := newSimulation(c, universe, displace(c.Particles, c.BoxSide, delta))
	if err := s.evolve(ctx); err != nil {
		return nil, err
	}
	return &Particles{Side: c.BoxSide, Positions: s.x, Universe: universe}, nil
}

// simulation is a universe under way. Momenta are p = a³E dx/da in Mpc/h.
type simulation struct {
	Config
	universe cosmology.Cosmology
	x, p     [3][]float32
	force    [3][]float32 // −∇∇⁻²δ at the particles
	plan     *fft.Plan
	mesh     []float32
	modes    []complex64
}

// newSimulation sets particles on a lattice and moves them by second-order theory.
func newSimulation(c Config, universe cosmology.Cosmology, d displacements) *simulation {
	s := &simulation{Config: c, universe: universe, plan: fft.NewPlan(c.mesh())}
	m := c.mesh()
	s.mesh, s.modes = make([]float32, m*m*m), make([]complex64, m*m*s.plan.Modes())
	a := c.Start
	om := universe.OmegaMAt(a)
	d1 := universe.GrowthFactor(a)
	d2 := -3.0 / 7 * d1 * d1 * math.Pow(om, -1.0/143)
	speed := float64(a) * float64(a) * universe.E(a) // p = a²E dx/dlna
	p1, p2 := speed*d1*universe.GrowthRate(a), speed*d2*2*math.Pow(om, 6.0/11)
	n := c.Particles
	for axis := range 3 {
		s.x[axis], s.p[axis], s.force[axis] = make([]float32, n*n*n), make([]float32, n*n*n), make([]float32, n*n*n)
		for i := range n * n * n {
			q := float64([3]int{i / (n * n), i / n % n, i % n}[axis]) * c.spacing()
			f, g := float64(d.first[axis][i]), float64(d.second[axis][i])
			s.x[axis][i] = wrap(float32(q+d1*f+d2*g), float32(c.BoxSide))
			s.p[axis][i] = float32(p1*f + p2*g)
		}
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

// evolve takes the kick-drift-kick steps to today.
func (s *simulation) evolve(ctx context.Context) error {
	times := s.times()
	s.accelerate()
	for i := range s.Steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		from, to := times[i], times[i+1]
		middle := midpoint(from, to)
		s.kick(from, middle, from)
		s.drift(from, to, middle)
		s.accelerate()
		s.kick(middle, to, to)
	}
	return nil
}

// times returns the steps' scale factors, uniform in a^1.5.
func (s *simulation) times() []cosmology.ScaleFactor {
	out := make([]cosmology.ScaleFactor, s.Steps+1)
	low := math.Pow(float64(s.Start), 1.5)
	for i := range out {
		u := low + (1-low)*float64(i)/float64(s.Steps)
		out[i] = cosmology.ScaleFactor(math.Cbrt(u * u))
	}
	out[s.Steps] = 1
	return out
}

// midpoint is half way in a^1.5.
func midpoint(a, b cosmology.ScaleFactor) cosmology.ScaleFactor {
	u := (math.Pow(float64(a), 1.5) + math.Pow(float64(b), 1.5)) / 2
	return cosmology.ScaleFactor(math.Cbrt(u * u))
}

// momentumGrowth is G_p = a³E dD/da: the growth of linear momenta.
func (s *simulation) momentumGrowth(a cosmology.ScaleFactor) float64 {
	return float64(a*a) * s.universe.E(a) * s.universe.GrowthRate(a) * s.universe.GrowthFactor(a)
}

// kick changes momenta by F [G_p(to) − G_p(from)]/D(at), the force known at time at. It is exact for linear growth.
func (s *simulation) kick(from, to, at cosmology.ScaleFactor) {
	factor := float32((s.momentumGrowth(to) - s.momentumGrowth(from)) / s.universe.GrowthFactor(at))
	for axis := range 3 {
		p, f := s.p[axis], s.force[axis]
		for i := range p {
			p[i] += factor * f[i]
		}
	}
}

// drift moves particles by p [D(to) − D(from)]/G_p(at), the momentum known at time at.
func (s *simulation) drift(from, to, at cosmology.ScaleFactor) {
	factor := float32((s.universe.GrowthFactor(to) - s.universe.GrowthFactor(from)) / s.momentumGrowth(at))
	side := float32(s.BoxSide)
	for axis := range 3 {
		x, p := s.x[axis], s.p[axis]
		for i := range x {
			x[i] = wrap(x[i]+factor*p[i], side)
		}
	}
}

// accelerate computes the force at every particle.
func (s *simulation) accelerate() {
	m := s.mesh3()
	clear(s.mesh)
	m.deposit(s.mesh, s.x)
	s.plan.Forward(s.modes, s.mesh)
	perParticle := 1 / float32(len(s.x[0])) // mean count a cell × cells: turns counts into overdensity and undoes the round trip
	for axis := range 3 {
		s.plan.Inverse(s.mesh, s.modes, gradient(m.cells, s.BoxSide, axis, perParticle))
		m.gather(s.force[axis], s.mesh, s.x)
	}
}

func (s *simulation) mesh3() mesh { return mesh{cells: s.Config.mesh(), side: float32(s.BoxSide)} }
