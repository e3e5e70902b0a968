package fft

import (
	"math"
	"math/bits"
)

// stages is a complex transform of one length, a power of two >= 4, of many lines side by side: a
// Stockham algorithm of radix 8 and 4.
type stages struct {
	n        int
	radix    []int
	twiddles [2][][]complex64 // by direction and pass
}

func newStages(n int) stages {
	s := stages{n: n}
	for l := n; l > 1; {
		r := 8
		if left := bits.TrailingZeros(uint(l)); left == 2 || left == 4 {
			r = 4
		}
		s.radix = append(s.radix, r)
		for d := range s.twiddles {
			s.twiddles[d] = append(s.twiddles[d], twiddles(l, r, direction(d)))
		}
		l /= r
	}
	return s
}

// twiddles returns exp(∓2πi pj/l) for the rows p = 0…l/radix−1 and legs j = 1…radix−1 of a pass;
// nil where all are 1.
func twiddles(l, radix int, d direction) []complex64 {
	if l == radix {
		return nil
	}
	var t []complex64
	for p := range l / radix {
		for j := 1; j < radix; j++ {
			w := unit(p*j, l)
			if d == inverse {
				w = conj(w)
			}
			t = append(t, w)
		}
	}
	return t
}

// unit returns exp(−2πi k/n).
func unit(k, n int) complex64 {
	s, c := math.Sincos(-2 * math.Pi * float64(k) / float64(n))
	return complex(float32(c), float32(s))
}

// lines says how many lines lie side by side, and how far apart their elements are in src and
// dst, in complex numbers.
type lines struct{ columns, from, to int }

// run transforms the lines src[i·from + column], i = 0…n−1, to dst[i·to + column]; dst may be
// src. The scratch slices hold n·columns numbers each. Nothing is normalised.
func (s stages) run(dst, src []complex64, l lines, d direction, scratch *[2][]complex64) {
	size := s.n * l.columns
	a, b := scratch[0][:size], scratch[1][:size]
	if len(s.radix) == 1 { // a pass cannot work in place
		for i := range s.n {
			copy(a[i*l.columns:(i+1)*l.columns], src[i*l.from:])
		}
		src, l.from = a, l.columns
	}
	length, done, last := s.n, 1, len(s.radix)-1
	for i, r := range s.radix {
		// A row holds the columns of all parts of the lines that are done. The last pass, which would
		// have a single row, takes each part as a row.
		from, to := done*l.columns, done*l.columns
		g := geometry{
			rows: length / r, columns: from, fromLeg: length / r * from, fromRow: from,
			toLeg: to, toRow: r * to,
		}
		if i == 0 {
			g.fromLeg, g.fromRow = length/r*l.from, l.from
		}
		out := a
		if i == last {
			out = dst
			g.rows, g.columns, g.toLeg, g.toRow = done, l.columns, done*l.to, l.to
			if i > 0 {
				g.fromRow = l.columns
			}
		}
		butterflies(r, out, src, g, s.twiddles[d][i], d)
		src, a, b = out, b, a
		length, done = length/r, done*r
	}
}
