package nbody

// mesh is a periodic cube of cells³ cells [x][y][z]; cell i's centre lies at i·side/cells.
type mesh struct {
	cells int
	side  float32
	per   float32 // cells per Mpc/h
}

func newMesh(cells int, side float64) mesh {
	return mesh{cells, float32(side), float32(float64(cells) / side)}
}

// cloud is where a particle's cloud-in-cell weights fall along one axis: cells i and j with 1 − w
// and w.
type cloud struct {
	i, j int
	w    float32
}

func (m mesh) cloud(x float32) cloud {
	u := x * m.per
	i := int(u)
	w := u - float32(i)
	i &= m.cells - 1 // a power of two; rounding may have reached the end
	return cloud{i, (i + 1) & (m.cells - 1), w}
}

// planes are the two adjacent planes of a mesh, [y][z], between which a particle lies.
type planes struct{ low, high []float32 }

// deposit adds one for each particle to dst, shared among the 8 nearest cells (cloud in cell).
// Positions must lie in [0, side).
func (m mesh) deposit(dst []float32, x [3][]float32) {
	n := m.cells * m.cells
	for p := range x[0] {
		a := m.cloud(x[0][p])
		m.share(planes{dst[a.i*n:][:n], dst[a.j*n:][:n]}, x[0][p], x[1][p], x[2][p])
	}
}

// share adds a particle to the cells of its two planes.
func (m mesh) share(dst planes, x, y, z float32) {
	a, b, c := m.cloud(x), m.cloud(y), m.cloud(z)
	ii, ij, ji, jj := b.i*m.cells+c.i, b.i*m.cells+c.j, b.j*m.cells+c.i, b.j*m.cells+c.j
	w00, w01, w10, w11 := (1-b.w)*(1-c.w), (1-b.w)*c.w, b.w*(1-c.w), b.w*c.w
	low, high := dst.low, dst.high
	v := 1 - a.w
	low[ii] += v * w00
	low[ij] += v * w01
	low[ji] += v * w10
	low[jj] += v * w11
	high[ii] += a.w * w00
	high[ij] += a.w * w01
	high[ji] += a.w * w10
	high[jj] += a.w * w11
}

// gather reads the three components of src at a particle with the weights of share, so that a
// particle exerts no force on itself.
func (m mesh) gather(src *[3]planes, x, y, z float32) (fx, fy, fz float32) {
	a, b, c := m.cloud(x), m.cloud(y), m.cloud(z)
	ii, ij, ji, jj := b.i*m.cells+c.i, b.i*m.cells+c.j, b.j*m.cells+c.i, b.j*m.cells+c.j
	w00, w01, w10, w11 := (1-b.w)*(1-c.w), (1-b.w)*c.w, b.w*(1-c.w), b.w*c.w
	within := func(p []float32) float32 { return w00*p[ii] + w01*p[ij] + w10*p[ji] + w11*p[jj] }
	between := func(p *planes) float32 {
		low := within(p.low)
		return low + a.w*(within(p.high)-low)
	}
	return between(&src[0]), between(&src[1]), between(&src[2])
}
