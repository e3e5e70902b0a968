package fft

import "math/bits"

// stages holds the twiddles of complex transforms of one length: for each radix-4 stage of length l the triples
// (w, w², w³), w = exp(−2πi p/l), p = 0…l/4−1.
type stages struct {
	n        int
	twiddles [][]complex64
}

func newStages(n int) stages {
	s := stages{n: n}
	for l := n; l >= 4; l /= 4 {
		var t []complex64
		for p := range l / 4 {
			t = append(t, unit(p, l), unit(2*p, l), unit(3*p, l))
		}
		s.twiddles = append(s.twiddles, t)
	}
	return s
}

// odd reports whether a radix-2 stage is left at the end.
func (s stages) odd() bool { return bits.TrailingZeros(uint(s.n))%2 == 1 }

// run transforms m interleaved lines x[i·m + line], i = 0…n−1, using y as scratch, and returns x or y, whichever holds the
// result. Nothing is normalised.
func (s stages) run(x, y []complex64, m int, inverse bool) []complex64 {
	l, stride := s.n, m
	x, y = x[:s.n*m], y[:s.n*m]
	for _, w := range s.twiddles {
		radix4(x, y, w, l, stride, inverse)
		l, stride = l/4, stride*4
		x, y = y, x
	}
	if s.odd() {
		a, b := x[:stride], x[stride:2*stride]
		u, v := y[:stride], y[stride:2*stride]
		for q, c := range a {
			d := b[q]
			u[q], v[q] = c+d, c-d
		}
		return y
	}
	return x
}

// radix4 is one Stockham stage.
func radix4(x, y, twiddles []complex64, l, stride int, inverse bool) {
	quarter := l / 4
	for p := range quarter {
		w1, w2, w3 := twiddles[3*p], twiddles[3*p+1], twiddles[3*p+2]
		if inverse {
			w1, w2, w3 = conj(w1), conj(w2), conj(w3)
		}
		a, b := x[p*stride:][:stride], x[(p+quarter)*stride:][:stride]
		c, d := x[(p+2*quarter)*stride:][:stride], x[(p+3*quarter)*stride:][:stride]
		out := y[4*p*stride:][:4*stride]
		butterflies(a, b, c, d, out, w1, w2, w3, inverse)
	}
}

func conj(z complex64) complex64 { return complex(real(z), -imag(z)) }

// butterflies combines four quarters, element by element.
func butterflies(a, b, c, d, out []complex64, w1, w2, w3 complex64, inverse bool) {
	n := len(a)
	b, c, d = b[:n], c[:n], d[:n]
	o0, o1, o2, o3 := out[:n], out[n:2*n], out[2*n:3*n], out[3*n:4*n]
	o0, o1, o2, o3 = o0[:n], o1[:n], o2[:n], o3[:n]
	sign := float32(1)
	if inverse {
		sign = -1
	}
	r1, i1, r2, i2, r3, i3 := real(w1), imag(w1), real(w2), imag(w2), real(w3), imag(w3)
	for q := range n {
		va, vb, vc, vd := a[q], b[q], c[q], d[q]
		sr, si := real(va)+real(vc), imag(va)+imag(vc)
		dr, di := real(va)-real(vc), imag(va)-imag(vc)
		tr, ti := real(vb)+real(vd), imag(vb)+imag(vd)
		er, ei := sign*(imag(vb)-imag(vd)), -sign*(real(vb)-real(vd)) // ∓i(b − d)
		o0[q] = complex(sr+tr, si+ti)
		pr, pi := dr+er, di+ei
		o1[q] = complex(pr*r1-pi*i1, pr*i1+pi*r1)
		pr, pi = sr-tr, si-ti
		o2[q] = complex(pr*r2-pi*i2, pr*i2+pi*r2)
		pr, pi = dr-er, di-ei
		o3[q] = complex(pr*r3-pi*i3, pr*i3+pi*r3)
	}
}
