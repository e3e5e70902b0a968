package nbody

// particle has a position in Mpc/h, in [0, side), and a momentum p = a³E dx/da in Mpc/h.
type particle struct {
	x, p  [3]float32
	index int32 // on the initial lattice, [x][y][z]
	strip int32 // of the mesh, in which it lies
}

// sorted holds particles in the order of the strips they lie in: strips of a few cells along y,
// within layers of one cell along x. A mesh can then be filled and read plane by plane: the working
// set stays in the L1/L2 cache, and no mesh of the density or of the force is kept.
type sorted struct {
	mesh
	particles []particle
	other     []particle // scratch
	start     []int32    // where each strip starts
}

// stripWidth is the cells of a strip along y.
const stripWidth = 4

func newSorted(m mesh, particles int) *sorted {
	return &sorted{
		mesh: m, particles: make([]particle, particles), other: make([]particle, particles),
		start: make([]int32, m.cells*m.cells/stripWidth+1),
	}
}

// strip returns the one that a position lies in, whatever its z.
func (m mesh) strip(x, y float32) int32 {
	return int32((m.cloud(x).i*m.cells + m.cloud(y).i) / stripWidth)
}

// sort orders the particles by their strips; those of a strip stay in their order.
func (s *sorted) sort() {
	clear(s.start)
	for i := range s.particles {
		s.start[s.particles[i].strip+1]++
	}
	for i := range s.start[1:] {
		s.start[i+1] += s.start[i]
	}
	for i := range s.particles {
		p := &s.particles[i]
		at := &s.start[p.strip]
		s.other[*at] = *p
		*at++
	}
	// Each strip's start has moved to the next one's.
	copy(s.start[1:], s.start)
	s.start[0] = 0
	s.particles, s.other = s.other, s.particles
}

// layer returns the particles between two planes of the mesh.
func (s *sorted) layer(x int) []particle {
	strips := s.cells / stripWidth
	return s.particles[s.start[x*strips]:s.start[(x+1)*strips]]
}

// positions returns them by axis, in the order of the initial lattice.
func (s *sorted) positions() (x [3][]float32) {
	for axis := range x {
		x[axis] = make([]float32, len(s.particles))
	}
	for _, p := range s.particles {
		for axis := range x {
			x[axis][p.index] = p.x[axis]
		}
	}
	return x
}
