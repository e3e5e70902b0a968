package fft

import (
	"fmt"
	"iter"
)

// Potential is a real filter that depends on |k_x|, |k_y| and k_z alone: the value for the indices
// (x, y, z) = 0…n/2 is at [(y·Modes + x)·Modes + z], in the order in which lines along x are
// filtered.
type Potential []float32

// Gradient filters a mesh and returns the gradient of the result: with X the modes of the mesh,
// component j is the unnormalised inverse transform of i·k_j·potential·X. k holds the wavenumbers
// of the n indices; that of the Nyquist index should be 0, because a real mesh has no derivative
// there. A round trip multiplies by Side³.
//
// Meshes are passed plane by plane, so that none is held in memory: plane(x) must return [y][z]
// for x = 0…n−1, in this order, before the first plane of the gradient is returned. A returned
// plane is valid until the second one after it.
//
// Along x the components y and z share one inverse transform.
func (p *Plan) Gradient(plane func(x int) []float32, potential Potential, k []float32,
) iter.Seq2[int, [3][]float32] {
	n, m := p.n, p.Modes()
	if len(potential) != m*m*m || len(k) != n {
		panic(fmt.Sprintf("fft: a potential of %d numbers and %d wavenumbers for a side of %d",
			len(potential), len(k), n))
	}
	return func(yield func(int, [3][]float32) bool) {
		modes, along := p.mesh(0), p.mesh(1)
		for x := range n {
			p.forwardPlane(modes[x*n*m:(x+1)*n*m], plane(x))
		}
		for y := range n {
			for c, end := range blocks(m) {
				p.gradientLines(modes, along, y, c, end, potential, k)
			}
		}
		work := make([]complex64, n*m)
		var planes [2][3][]float32
		for i := range planes {
			for axis := range 3 {
				planes[i][axis] = make([]float32, n*n)
			}
		}
		for x := range n {
			out := planes[x%2]
			here := modes[x*n*m : (x+1)*n*m]
			for y := range n {
				scale(work[y*m:(y+1)*m], here[y*m:(y+1)*m], k[y])
			}
			p.inversePlane(out[0], along[x*n*m:(x+1)*n*m], nil)
			p.inversePlane(out[1], work, nil)
			p.inversePlane(out[2], here, k[:m])
			if !yield(x, out) {
				return
			}
		}
	}
}

// gradientLines completes the transform of a block of lines along x and filters it. It transforms
// back i·potential·X, in place, and k_x times that, into along.
func (p *Plan) gradientLines(modes, along []complex64, y, c, end int, potential Potential,
	k []float32,
) {
	n, m, w := p.n, p.Modes(), end-c
	at := y*m + c
	p.full.run(p.a, modes[at:], lines{w, n * m, w}, forward, &p.scratch)
	for x := range n {
		row, times := p.a[x*w:(x+1)*w], p.b[x*w:(x+1)*w]
		timesI(row, potential[(min(y, n-y)*m+min(x, n-x))*m+c:][:w])
		scale(times, row, k[x])
	}
	p.full.run(modes[at:], p.a, lines{w, w, n * m}, inverse, &p.scratch)
	p.full.run(along[at:], p.b, lines{w, w, n * m}, inverse, &p.scratch)
}
