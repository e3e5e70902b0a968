// Package fft transforms real float32 meshes in three dimensions. It is the inner loop of the simulator and knows nothing else.
//
// Lines are transformed many at a time by a radix-4 Stockham algorithm whose inner loops run over neighbouring memory.
package fft

import (
	"fmt"
	"math"
)

// Plan transforms meshes of Side³ real numbers, Side a power of two >= 8. It holds scratch memory: use one for each
// goroutine.
type Plan struct {
	n       int
	full    stages // along x and y
	half    stages // along z: n real numbers are n/2 complex ones
	twist   []complex64
	a, b, c []complex64 // scratch of one plane each
	columns []complex64 // scratch of one mesh, for Inverse
}

// Modes is the number of complex numbers along z.
func (p *Plan) Modes() int { return p.n/2 + 1 }

// NewPlan returns a plan. It panics unless side is a power of two >= 8.
func NewPlan(side int) *Plan {
	if side < 8 || side&(side-1) != 0 {
		panic(fmt.Sprintf("fft: side %d, want a power of two >= 8", side))
	}
	p := &Plan{n: side, full: newStages(side), half: newStages(side / 2), twist: make([]complex64, side/2+1)}
	for k := range p.twist {
		p.twist[k] = unit(k, side)
	}
	plane := side * (side/2 + 1)
	p.a, p.b, p.c = make([]complex64, plane), make([]complex64, plane), make([]complex64, plane)
	p.columns = make([]complex64, side*plane)
	return p
}

// unit returns exp(−2πi k/n).
func unit(k, n int) complex64 {
	s, c := math.Sincos(-2 * math.Pi * float64(k) / float64(n))
	return complex(float32(c), float32(s))
}

// Forward writes the unnormalised transform Σ x exp(−ik·x) of the mesh src[x][y][z] to dst[kx][ky][kz], kz = 0…n/2.
func (p *Plan) Forward(dst []complex64, src []float32) {
	n, m := p.n, p.Modes()
	p.check(dst, src)
	for x := range n {
		plane := dst[x*n*m : (x+1)*n*m]
		p.realLines(plane, src[x*n*n:(x+1)*n*n])
		copy(plane, p.full.run(plane, p.a, m, false))
	}
	for y := range n {
		for x := range n {
			copy(p.a[x*m:(x+1)*m], dst[(x*n+y)*m:])
		}
		out := p.full.run(p.a, p.b, m, false)
		for x := range n {
			copy(dst[(x*n+y)*m:(x*n+y+1)*m], out[x*m:])
		}
	}
}

// Filter multiplies a row of modes kz = 0…n/2 at (kx, ky) on its way into Inverse: dst = src times something.
type Filter func(kx, ky int, dst, src []complex64)

// Inverse writes the unnormalised inverse transform Σ X exp(+ik·x) of the filtered modes src to dst. A round trip multiplies
// by Side³. src is left as it is.
func (p *Plan) Inverse(dst []float32, src []complex64, filter Filter) {
	n, m := p.n, p.Modes()
	p.check(src, dst)
	for y := range n {
		for x := range n {
			filter(x, y, p.a[x*m:(x+1)*m], src[(x*n+y)*m:(x*n+y+1)*m])
		}
		out := p.full.run(p.a, p.b, m, true)
		for x := range n {
			copy(p.columns[(x*n+y)*m:(x*n+y+1)*m], out[x*m:])
		}
	}
	for x := range n {
		plane := p.full.run(p.columns[x*n*m:(x+1)*n*m], p.a, m, true)
		p.realLinesBack(dst[x*n*n:(x+1)*n*n], plane)
	}
}

func (p *Plan) check(modes []complex64, mesh []float32) {
	if len(mesh) != p.n*p.n*p.n || len(modes) != p.n*p.n*p.Modes() {
		panic(fmt.Sprintf("fft: %d numbers and %d modes for a side of %d", len(mesh), len(modes), p.n))
	}
}

// realLines transforms n lines of n real numbers: as n/2 complex numbers each, whose spectrum is then taken apart.
func (p *Plan) realLines(dst []complex64, src []float32) {
	n, h := p.n, p.n/2
	work := p.a[:h*n]
	for line := range n {
		row := src[line*n : (line+1)*n]
		for z := range h {
			work[z*n+line] = complex(row[2*z], row[2*z+1])
		}
	}
	out := p.half.run(work, p.b[:h*n], n, false)
	m := h + 1
	for k := range m {
		ahead, back, w := out[(k%h)*n:][:n], out[((h-k)%h)*n:][:n], p.twist[k]
		for line, a := range ahead {
			b := back[line]
			conj := complex(real(b), -imag(b))
			even, odd := a+conj, a-conj
			odd = complex(imag(odd), -real(odd)) * w // −i·odd·w
			dst[line*m+k] = complex(0.5*(real(even)+real(odd)), 0.5*(imag(even)+imag(odd)))
		}
	}
}

// realLinesBack is the inverse of realLines times n.
func (p *Plan) realLinesBack(dst []float32, src []complex64) {
	n, h := p.n, p.n/2
	m := h + 1
	work, other := p.b[:h*n], p.c[:h*n]
	for k := range h {
		w := p.twist[k]
		w = complex(real(w), -imag(w))
		for line := range n {
			a, b := src[line*m+k], src[line*m+h-k]
			conj := complex(real(b), -imag(b))
			even, odd := a+conj, (a-conj)*w
			work[k*n+line] = complex(real(even)-imag(odd), imag(even)+real(odd)) // even + i·odd
		}
	}
	out := p.half.run(work, other, n, true)
	for line := range n {
		row := dst[line*n : (line+1)*n]
		for z := range h {
			v := out[z*n+line]
			row[2*z], row[2*z+1] = real(v), imag(v)
		}
	}
}
