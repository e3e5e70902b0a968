// Package fft does Fourier transforms of real float32 meshes in three dimensions and of planes. It
// is the inner loop of the simulator and knows no cosmology and no particles.
//
// Lines are transformed many at a time, so that the inner loops run over contiguous memory
// (stages.go) and the working set stays in the L1/L2 cache. On processors with AVX2 the inner loops
// are in assembly (kernels_amd64.s). The same mesh gives the same bytes on the same machine; other
// machines may round differently.
package fft

import (
	"fmt"
	"unsafe"
)

// width is how many lines are transformed at a time: 16 lines of 128 numbers and as much scratch
// are 32 KiB.
const width = 16

// Plan transforms meshes of Side³ real numbers, Side a power of two >= 8. It holds scratch
// memory: use one for each goroutine.
type Plan struct {
	n       int
	full    stages // along x and y
	half    stages // along z: n real numbers are transformed as n/2 complex ones
	factors [2][]complex64
	scratch [2][]complex64 // of stages, for one block of lines
	a, b    []complex64    // one block of lines each
	meshes  [2][]complex64 // the modes of a whole mesh each; nil until used
}

// Modes is the number of complex numbers along z.
func (p *Plan) Modes() int { return p.n/2 + 1 }

// NewPlan returns a plan. It panics unless side is a power of two >= 8.
func NewPlan(side int) *Plan {
	if side < 8 || side&(side-1) != 0 {
		panic(fmt.Sprintf("fft: side %d, want a power of two >= 8", side))
	}
	p := &Plan{n: side, full: newStages(side), half: newStages(side / 2)}
	for k := range side/4 + 1 {
		w := unit(k, side)
		p.factors[forward] = append(p.factors[forward], complex(0.5*imag(w), -0.5*real(w))) // −i·w/2
		p.factors[inverse] = append(p.factors[inverse], complex(imag(w), real(w)))          // i·w*
	}
	for _, s := range []*[]complex64{&p.scratch[0], &p.scratch[1], &p.a, &p.b} {
		*s = make([]complex64, 2*width*side)
	}
	return p
}

// Forward writes the unnormalised transform Σ x exp(−ik·x) of the mesh src[x][y][z] to
// dst[kx][ky][kz], kz = 0…n/2.
func (p *Plan) Forward(dst []complex64, src []float32) {
	n, m := p.n, p.Modes()
	p.check(dst, src)
	for x := range n {
		p.forwardPlane(dst[x*n*m:(x+1)*n*m], src[x*n*n:(x+1)*n*n])
	}
	for c, end := range blocks(n * m) {
		p.full.run(dst[c:], dst[c:], lines{end - c, n * m, n * m}, forward, &p.scratch)
	}
}

// Filter multiplies a row of modes kz = 0…n/2 at (kx, ky) on its way into Inverse: dst = src
// times something.
type Filter func(kx, ky int, dst, src []complex64)

// Inverse writes the unnormalised inverse transform Σ X exp(+ik·x) of the filtered modes src to
// dst. A round trip multiplies by Side³. src is left as it is.
func (p *Plan) Inverse(dst []float32, src []complex64, filter Filter) {
	n, m := p.n, p.Modes()
	p.check(src, dst)
	work := p.mesh(0)
	for row := range n * n {
		filter(row/n, row%n, work[row*m:(row+1)*m], src[row*m:(row+1)*m])
	}
	for c, end := range blocks(n * m) {
		p.full.run(work[c:], work[c:], lines{end - c, n * m, n * m}, inverse, &p.scratch)
	}
	for x := range n {
		p.inversePlane(dst[x*n*n:(x+1)*n*n], work[x*n*m:(x+1)*n*m], nil)
	}
}

func (p *Plan) check(modes []complex64, mesh []float32) {
	if len(mesh) != p.n*p.n*p.n || len(modes) != p.n*p.n*p.Modes() {
		panic(fmt.Sprintf("fft: %d numbers and %d modes for a side of %d", len(mesh), len(modes), p.n))
	}
}

// mesh returns scratch memory for the modes of a mesh, one of two.
func (p *Plan) mesh(i int) []complex64 {
	if p.meshes[i] == nil {
		p.meshes[i] = make([]complex64, p.n*p.n*p.Modes())
	}
	return p.meshes[i]
}

// blocks yields the start and end of blocks of columns that are at least width wide, if there are
// so many columns, and less than twice that.
func blocks(columns int) func(yield func(start, end int) bool) {
	return func(yield func(start, end int) bool) {
		for c := 0; c < columns; {
			end := c + width
			if end+width > columns {
				end = columns
			}
			if !yield(c, end) {
				return
			}
			c = end
		}
	}
}

// forwardPlane transforms the plane src[y][z] along z and y to dst[ky][kz].
func (p *Plan) forwardPlane(dst []complex64, src []float32) {
	m := p.Modes()
	p.realLines(dst, pairs(src))
	for c, end := range blocks(m) {
		p.full.run(dst[c:], dst[c:], lines{end - c, m, m}, forward, &p.scratch)
	}
}

// inversePlane is the inverse of forwardPlane times n²; weights, if not nil, multiply the modes
// along kz. It overwrites src.
func (p *Plan) inversePlane(dst []float32, src []complex64, weights []float32) {
	m := p.Modes()
	for c, end := range blocks(m) {
		p.full.run(src[c:], src[c:], lines{end - c, m, m}, inverse, &p.scratch)
	}
	p.realLinesBack(pairs(dst), src, weights)
}

// pairs returns the memory of x as complex numbers of consecutive real and imaginary parts.
func pairs(x []float32) []complex64 {
	return unsafe.Slice((*complex64)(unsafe.Pointer(unsafe.SliceData(x))), len(x)/2)
}

// realLines transforms n lines of n real numbers each, as n/2 complex numbers whose spectrum
// realSplit then separates.
func (p *Plan) realLines(dst, src []complex64) {
	n, h, m := p.n, p.n/2, p.Modes()
	w := min(width, n)
	for line := 0; line < n; line += w {
		transpose(p.a, src[line*h:], w, h, w, h)
		p.half.run(p.b, p.a, lines{w, w, w}, forward, &p.scratch)
		realSplit{up: 0, down: h * w, above: 0, below: 0, rows: 1, columns: w, scale: 0.5}.run(p.a, p.b,
			p.factors[forward])
		realSplit{
			up: w, down: (h - 1) * w, above: w, below: (h - 1) * w, rows: h / 2, columns: w,
			scale: 0.5,
		}.run(p.a, p.b, p.factors[forward][1:])
		transpose(dst[line*m:], p.a, m, w, m, w)
	}
}

// realLinesBack is the inverse of realLines times n.
func (p *Plan) realLinesBack(dst, src []complex64, weights []float32) {
	n, h, m := p.n, p.n/2, p.Modes()
	w := min(width, n)
	for line := 0; line < n; line += w {
		transpose(p.a, src[line*m:], w, m, w, m)
		for k, weight := range weights {
			row := p.a[k*w : (k+1)*w]
			scale(row, row, weight)
		}
		realSplit{up: 0, down: 0, above: 0, below: h * w, rows: 1, columns: w, scale: 1}.run(p.b, p.a,
			p.factors[inverse])
		realSplit{
			up: w, down: (h - 1) * w, above: w, below: (h - 1) * w, rows: h / 2, columns: w,
			scale: 1,
		}.run(p.b, p.a, p.factors[inverse][1:])
		p.half.run(p.b, p.b, lines{w, w, w}, inverse, &p.scratch)
		transpose(dst[line*h:], p.b, h, w, h, w)
	}
}
