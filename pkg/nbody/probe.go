package nbody

import "darkfield/pkg/cosmology"

// LinearModes returns the modes of the linear overdensity today that Simulate starts from,
// [kx][ky][kz] with kz = 0…n/2 for n particles a side: δ(x) = Σ δ_k exp(ik·x), the modes with kz
// < 0 being conjugates.
func LinearModes(c Config, universe cosmology.Cosmology, seed uint64) []complex64 {
	return amplitudes(c.Particles, c.BoxSide, c.linearPower(universe), seed)
}

// Displacements returns the first- and second-order displacements today of n³ particles in Mpc/h
// by axis, from modes as LinearModes returns them and without their growth: x = q + D₁·first +
// D₂·second with D₂ ≈ −3/7 D₁².
func Displacements(n int, side float64, modes []complex64) (first, second [3][]float32) {
	d := displace(n, side, modes)
	return d.first, d.second
}

// Counts returns the number of particles in each cell of a periodic mesh of cells³, a power of
// two, [x][y][z], each particle shared among the 8 nearest cells (cloud in cell). Cell i's centre
// lies at i·Side/cells.
func Counts(p *Particles, cells int) []float32 {
	out := make([]float32, cells*cells*cells)
	newMesh(cells, p.Side).deposit(out, p.Positions)
	return out
}
