package nbody

import (
	"math"

	"darkfield/pkg/cosmology"
)

// amplitudes returns the Fourier modes of the linear overdensity today on a mesh of n³ cells:
// δ(x) = Σ δ_k exp(ik·x), modes [kx][ky][kz] with kz = 0…n/2. Modes at the Nyquist wavenumber are
// zero, so that every resolution contains the modes of all coarser ones.
func amplitudes(n int, side float64, power cosmology.LinearPower, seed uint64) []complex64 {
	half := n/2 + 1
	out := make([]complex64, n*n*half)
	unit := 2 * math.Pi / side
	volume := side * side * side
	spectrum := tabulate(power, unit, n)
	for x := range n {
		for y := range n {
			for z := range n / 2 {
				kx, ky := signed(x, n), signed(y, n)
				if kx == -n/2 || ky == -n/2 {
					continue
				}
				a, b := gaussians(seed, kx, ky, z)
				s := math.Sqrt(spectrum(kx*kx+ky*ky+z*z) / (2 * volume))
				out[(x*n+y)*half+z] = complex(float32(s*a), float32(s*b))
			}
		}
	}
	return out
}

// shifted returns the modes of δ(x + s), s being the same distance along each axis.
func shifted(delta []complex64, n int, side, s float64) []complex64 {
	if s == 0 {
		return delta
	}
	half := n/2 + 1
	out := make([]complex64, len(delta))
	for i, v := range delta {
		x, y, z := signed(i/(n*half), n), signed(i/half%n, n), i%half
		sin, cos := math.Sincos(2 * math.Pi / side * s * float64(x+y+z))
		out[i] = v * complex(float32(cos), float32(sin))
	}
	return out
}

// tabulate returns P at integer squared wavenumbers in units of the fundamental one, computed
// once each.
func tabulate(power cosmology.LinearPower, unit float64, n int) func(k2 int) float64 {
	table := make([]float64, 3*n*n/4+1)
	for i := range table {
		table[i] = -1
	}
	return func(k2 int) float64 {
		if table[k2] < 0 {
			table[k2] = power.At(unit * math.Sqrt(float64(k2)))
		}
		return table[k2]
	}
}

// signed turns an index into the wavenumber −n/2…n/2−1.
func signed(i, n int) int {
	if i >= n/2 {
		return i - n
	}
	return i
}

// gaussians returns the two standard normal numbers of a mode. The mode −k gets the complex
// conjugate of k's, DC zero.
func gaussians(seed uint64, kx, ky, kz int) (re, im float64) {
	sign := 1.0
	switch {
	case kx == 0 && ky == 0 && kz == 0:
		return 0, 0
	case kz < 0 || kz == 0 && (ky < 0 || ky == 0 && kx < 0):
		kx, ky, kz, sign = -kx, -ky, -kz, -1
	}
	h := mix(seed)
	for _, k := range []int{kx, ky, kz} {
		h = mix(h ^ uint64(int64(k)))
	}
	u, v := uniform(mix(h^1)), uniform(mix(h^2))
	r := math.Sqrt(-2 * math.Log(u))
	return r * math.Cos(2*math.Pi*v), sign * r * math.Sin(2*math.Pi*v)
}

// uniform maps 64 bits to (0, 1].
func uniform(z uint64) float64 { return (float64(z>>11) + 1) / (1 << 53) }

// mix is the finaliser of splitmix64.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}
