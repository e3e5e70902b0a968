package nbody

import (
	"darkfield/pkg/fft"
)

// displacements are the first- and second-order Lagrangian displacements today of every particle,
// in Mpc/h by axis, without their growth: x = q + D₁ψ₁ + D₂ψ₂ with D₂ ≈ −3/7 D₁².
type displacements struct {
	first, second [3][]float32
}

// displace computes displacements from the modes of the linear overdensity, on the particles' own
// mesh.
func displace(n int, side float64, delta []complex64) displacements {
	p := fft.NewPlan(n)
	var d displacements
	for axis := range 3 {
		d.first[axis] = make([]float32, n*n*n)
		p.Inverse(d.first[axis], delta, gradient(n, side, axis, 1)) // ψ₁ = −∇φ, ∇²φ = δ: ik/k² δ
		d.second[axis] = make([]float32, n*n*n)
	}
	source := secondOrder(p, n, side, delta)
	modes := make([]complex64, n*n*p.Modes())
	p.Forward(modes, source)
	norm := 1 / float32(n*n*n)
	for axis := range 3 {
		// ψ₂ = ∇φ₂, ∇²φ₂ = source: −ik/k²
		p.Inverse(d.second[axis], modes, gradient(n, side, axis, -norm))
	}
	return d
}

// secondOrder returns Σ_{i<j} φ,ii φ,jj − φ,ij² with ∇²φ = δ.
func secondOrder(p *fft.Plan, n int, side float64, delta []complex64) []float32 {
	second := func(i, j int) []float32 {
		out := make([]float32, n*n*n)
		p.Inverse(out, delta, hessian(n, side, i, j))
		return out
	}
	xx, yy, zz := second(0, 0), second(1, 1), second(2, 2)
	xy, xz, yz := second(0, 1), second(0, 2), second(1, 2)
	out := make([]float32, n*n*n)
	for i := range out {
		out[i] = xx[i]*yy[i] + xx[i]*zz[i] + yy[i]*zz[i] - xy[i]*xy[i] - xz[i]*xz[i] - yz[i]*yz[i]
	}
	return out
}

// wavenumbers returns the wavenumber of each index along an axis, in h/Mpc, and the same for
// derivatives: there the Nyquist wavenumber counts as 0, because a real mesh has no derivative at
// it.
func wavenumbers(n int, side float64) (k, derivative []float32) {
	k, derivative = make([]float32, n), make([]float32, n)
	for i := range k {
		k[i] = float32(twoPi / side * float64(signed(i, n)))
		if i != n/2 {
			derivative[i] = k[i]
		}
	}
	return k, derivative
}

const twoPi = 6.283185307179586

// gradient returns the filter scale·ik/k² along an axis: −∇∇⁻² for scale 1.
func gradient(n int, side float64, axis int, scale float32) fft.Filter {
	k, d := wavenumbers(n, side)
	return func(x, y int, dst, src []complex64) {
		across := k[x]*k[x] + k[y]*k[y]
		for z, v := range src {
			kz := k[z]
			k2 := across + kz*kz
			if k2 == 0 {
				dst[z] = 0
				continue
			}
			f := scale * [3]float32{d[x], d[y], d[z]}[axis] / k2
			dst[z] = complex(-f*imag(v), f*real(v))
		}
	}
}

// inverseLaplacian returns the filter scale/k², 0 for k = 0.
func inverseLaplacian(n int, side float64, scale float32) fft.Potential {
	k, _ := wavenumbers(n, side)
	k = k[:n/2+1]
	out := make(fft.Potential, 0, len(k)*len(k)*len(k))
	for _, x := range k {
		for _, y := range k {
			for _, z := range k {
				out = append(out, scale/(x*x+y*y+z*z))
			}
		}
	}
	out[0] = 0
	return out
}

// hessian returns the filter k_i k_j/k²: second derivatives of φ with ∇²φ = δ.
func hessian(n int, side float64, i, j int) fft.Filter {
	k, d := wavenumbers(n, side)
	return func(x, y int, dst, src []complex64) {
		for z, v := range src {
			c := [3]float32{k[x], k[y], k[z]}
			k2 := c[0]*c[0] + c[1]*c[1] + c[2]*c[2]
			if k2 == 0 {
				dst[z] = 0
				continue
			}
			e := [3]float32{d[x], d[y], d[z]}
			f := e[i] * e[j] / k2
			dst[z] = complex(f*real(v), f*imag(v))
		}
	}
}
