package field

import "fmt"

// Projection projects a cube of densities, plane after plane, onto maps of slabs across each of
// its axes, so that the cube need not be held in memory.
//
// The cube has cells³ voxels over a box of Side Mpc/h; slab s of an axis lies between s and s+1
// times the side over the number of slabs. A pixel of a map is the integral of the density over
// the thickness of its slab: a density per (Mpc/h)³ becomes a surface density per (Mpc/h)². A
// voxel that the border of two slabs cuts is shared by volume, so that mass is conserved for any
// number of voxels, as of CMD's 128 by 5 slabs.
type Projection struct {
	box   Box
	slabs int
	sums  [3][][]float64 // [axis][slab][pixel], in units of the voxels' density
}

// NewProjection returns an empty projection. It panics unless there is a voxel and a slab, and no
// more slabs than voxels a side.
func NewProjection(box Box, slabs int) *Projection {
	if box.Cells < 1 || slabs < 1 || slabs > box.Cells {
		panic(fmt.Sprintf("field: a projection of %d voxels a side onto %d slabs", box.Cells, slabs))
	}
	p := &Projection{box: box, slabs: slabs}
	for axis := range p.sums {
		p.sums[axis] = make([][]float64, slabs)
		for s := range p.sums[axis] {
			p.sums[axis][s] = make([]float64, box.Pixels())
		}
	}
	return p
}

// share is a slab and the part of a layer of voxels that lies in it.
type share struct {
	slab int
	part float64
}

// shares returns the slabs that a layer lies in.
func (p *Projection) shares(layer int) []share {
	n := p.box.Cells
	var out []share
	// in units of 1/slabs of a layer, whole numbers
	for s := layer * p.slabs / n; s < p.slabs && s*n < (layer+1)*p.slabs; s++ {
		low, high := max(layer*p.slabs, s*n), min((layer+1)*p.slabs, (s+1)*n)
		out = append(out, share{s, float64(high-low) / float64(p.slabs)})
	}
	return out
}

// Add adds the plane of voxels at x along the first axis, whose values are row-major: [y, z]. It
// panics on a plane of another size.
func (p *Projection) Add(x int, plane []float32) {
	n := p.box.Cells
	if x < 0 || x >= n || len(plane) != n*n {
		panic(fmt.Sprintf("field: plane %d of %d voxels of a cube of %d a side", x, len(plane), n))
	}
	for _, s := range p.shares(x) {
		sum := p.sums[0][s.slab]
		for i, v := range plane {
			sum[i] += s.part * float64(v)
		}
	}
	for layer := range n {
		for _, s := range p.shares(layer) {
			alongY, alongZ := p.sums[1][s.slab], p.sums[2][s.slab]
			for i := range n {
				alongY[i*n+x] += s.part * float64(plane[layer*n+i]) // [z, x]
				alongZ[x*n+i] += s.part * float64(plane[i*n+layer]) // [x, y]
			}
		}
	}
}

// Maps returns the maps of all slabs, axis by axis; those of an axis look along it. Their mean
// over an axis is the mean density of the cube times the thickness of a slab.
func (p *Projection) Maps() []Map {
	var out []Map
	for _, slabs := range p.sums {
		for _, sum := range slabs {
			m := NewMap(p.box)
			for i, v := range sum {
				m.Values[i] = float32(v * p.box.CellSide())
			}
			out = append(out, m)
		}
	}
	return out
}
