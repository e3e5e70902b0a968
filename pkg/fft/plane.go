package fft

import "fmt"

// ForwardPlane writes the unnormalised transform Σ x exp(−ik·x) of the plane src[y][x] to
// dst[ky][kx], kx = 0…n/2.
func (p *Plan) ForwardPlane(dst []complex64, src []float32) {
	p.checkPlane(dst, src)
	p.forwardPlane(dst, src)
}

// InversePlane writes the unnormalised inverse transform Σ X exp(+ik·x) of the modes src to dst.
// A round trip multiplies by Side². src is overwritten.
func (p *Plan) InversePlane(dst []float32, src []complex64) {
	p.checkPlane(src, dst)
	p.inversePlane(dst, src, nil)
}

func (p *Plan) checkPlane(modes []complex64, plane []float32) {
	if len(plane) != p.n*p.n || len(modes) != p.n*p.Modes() {
		panic(fmt.Sprintf("fft: %d numbers and %d modes of a plane for a side of %d", len(plane),
			len(modes), p.n))
	}
}
