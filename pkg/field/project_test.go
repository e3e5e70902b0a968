package field

import (
	"math"
	"math/rand/v2"
	"testing"
)

// cube returns planes of random densities, some of them empty.
func cube(n int, seed uint64) [][]float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([][]float32, n)
	for x := range out {
		out[x] = make([]float32, n*n)
		for i := range out[x] {
			out[x][i] = float32(1e10 * math.Exp(2*rng.NormFloat64()))
		}
	}
	return out
}

// TestProjectionConservesMass: the maps of an axis hold the mass of the cube, for numbers of
// voxels that the slabs cut and that they do not. float32 rounds each pixel to 6e-8, and the sum
// of positive numbers to as much.
func TestProjectionConservesMass(t *testing.T) {
	for _, c := range []struct{ n, slabs int }{{10, 5}, {8, 5}, {7, 3}, {16, 1}, {6, 6}} {
		box := Box{Side: 25, Cells: c.n}
		p, mass := NewProjection(box, c.slabs), 0.0
		for x, plane := range cube(c.n, 3) {
			p.Add(x, plane)
			for _, v := range plane {
				mass += float64(v) * math.Pow(box.CellSide(), 3)
			}
		}
		maps := p.Maps()
		if len(maps) != 3*c.slabs {
			t.Fatalf("%d maps, want %d", len(maps), 3*c.slabs)
		}
		for axis := range 3 {
			got := 0.0
			for _, m := range maps[axis*c.slabs : (axis+1)*c.slabs] {
				got += m.Mean() * box.Side * box.Side
			}
			if math.Abs(got/mass-1) > 1e-7 {
				t.Errorf("%d voxels a side, %d slabs, axis %d: mass %g, want %g", c.n, c.slabs, axis, got, mass)
			}
		}
	}
}

// TestProjectionGeometry: a single voxel appears in its slab of each axis, at its place; one that
// a border cuts appears in two, by volume.
func TestProjectionGeometry(t *testing.T) {
	const n, slabs = 8, 5 // borders at 1.6, 3.2, 4.8 and 6.4 voxels
	box := Box{Side: 16, Cells: n}
	p := NewProjection(box, slabs)
	const x, y, z = 1, 5, 6
	plane := make([]float32, n*n)
	plane[y*n+z] = 3
	for i := range n {
		if i == x {
			p.Add(i, plane)
		} else {
			p.Add(i, make([]float32, n*n))
		}
	}
	maps := p.Maps()
	at := func(axis, slab, row, column int) float64 {
		return float64(maps[axis*slabs+slab].Values[row*n+column])
	}
	for _, c := range []struct {
		axis, slab, row, column int
		want                    float64 // density 3 times a voxel of 2 Mpc/h times the part in the slab
	}{
		{0, 0, y, z, 6 * 0.6}, {0, 1, y, z, 6 * 0.4}, // 1 to 2 is cut at 1.6
		{1, 3, z, x, 6},                              // 5 to 6 lies between 4.8 and 6.4
		{2, 3, x, y, 6 * 0.4}, {2, 4, x, y, 6 * 0.6}, // 6 to 7 is cut at 6.4
	} {
		if got := at(c.axis, c.slab, c.row, c.column); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("axis %d slab %d has %g at (%d, %d), want %g", c.axis, c.slab, got, c.row,
				c.column, c.want)
		}
	}
	total := 0.0
	for _, m := range maps {
		total += m.Mean() * float64(box.Pixels())
	}
	if math.Abs(total-18) > 1e-5 {
		t.Errorf("all pixels sum to %g, want 18", total)
	}
}
