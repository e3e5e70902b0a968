package nbody

// mesh is a periodic cube of cells³ cells [x][y][z]; cell i's centre lies at i·side/cells, so that every particle of the initial
// lattice starts at a centre.
type mesh struct {
	cells int
	side  float32
}

// cloud is where a particle's cloud-in-cell weights fall along one axis: cells i and j with 1 − w and w.
type cloud struct {
	i, j int
	w    float32
}

func (m mesh) cloud(x float32) cloud {
	u := x * (float32(m.cells) / m.side)
	i := int(u)
	w := u - float32(i)
	i &= m.cells - 1 // a power of two; rounding may have reached the end
	return cloud{i, (i + 1) & (m.cells - 1), w}
}

// deposit adds one for each particle to dst, shared among the 8 nearest cells (cloud in cell). Positions must lie in
// [0, side).
func (m mesh) deposit(dst []float32, x [3][]float32) {
	n := m.cells
	for p := range x[0] {
		a, b, c := m.cloud(x[0][p]), m.cloud(x[1][p]), m.cloud(x[2][p])
		ai, aj, bi, bj := a.i*n*n, a.j*n*n, b.i*n, b.j*n
		w00, w01, w10, w11 := (1-a.w)*(1-b.w), (1-a.w)*b.w, a.w*(1-b.w), a.w*b.w
		v := 1 - c.w
		dst[ai+bi+c.i] += w00 * v
		dst[ai+bi+c.j] += w00 * c.w
		dst[ai+bj+c.i] += w01 * v
		dst[ai+bj+c.j] += w01 * c.w
		dst[aj+bi+c.i] += w10 * v
		dst[aj+bi+c.j] += w10 * c.w
		dst[aj+bj+c.i] += w11 * v
		dst[aj+bj+c.j] += w11 * c.w
	}
}

// gather reads src at every particle with the weights of deposit, so that a particle exerts no force on itself.
func (m mesh) gather(dst, src []float32, x [3][]float32) {
	n := m.cells
	for p := range x[0] {
		a, b, c := m.cloud(x[0][p]), m.cloud(x[1][p]), m.cloud(x[2][p])
		ai, aj, bi, bj := a.i*n*n, a.j*n*n, b.i*n, b.j*n
		v := 1 - c.w
		r00 := src[ai+bi+c.i]*v + src[ai+bi+c.j]*c.w
		r01 := src[ai+bj+c.i]*v + src[ai+bj+c.j]*c.w
		r10 := src[aj+bi+c.i]*v + src[aj+bi+c.j]*c.w
		r11 := src[aj+bj+c.i]*v + src[aj+bj+c.j]*c.w
		dst[p] = (1-a.w)*((1-b.w)*r00+b.w*r01) + a.w*((1-b.w)*r10+b.w*r11)
	}
}
