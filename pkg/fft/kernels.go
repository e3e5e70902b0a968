package fft

import "fmt"

// The kernels below are all the arithmetic of this package. Each has a portable form in Go and
// one for AVX2 (kernels_amd64.s), whose fused multiply-add rounds differently. All kernels but
// scale and timesI work on rows of equal length, at least 4 columns, and their dst and src must
// not overlap.

// direction of a transform.
type direction int

const (
	forward direction = iota // exp(−ik·x)
	inverse                  // exp(+ik·x)
)

// rotations holds the sign bits that make (im, re) into −i or +i times (re, im).
var rotations = [2][8]uint32{
	forward: {0, signBit, 0, signBit, 0, signBit, 0, signBit},
	inverse: {signBit, 0, signBit, 0, signBit, 0, signBit, 0},
}

const signBit = 1 << 31

// geometry says where a pass finds its numbers: leg j of row i starts at j·leg + i·row, counted in
// complex numbers.
type geometry struct {
	rows, columns    int
	fromLeg, fromRow int
	toLeg, toRow     int
}

// butterflies transforms the legs of each row, 4 or 8 as radix says, and multiplies leg j > 0 of
// the result by the row's twiddle factor j − 1; nil twiddles are all 1.
func butterflies(radix int, dst, src []complex64, g geometry, twiddles []complex64, d direction) {
	if last := (radix-1)*g.fromLeg + (g.rows-1)*g.fromRow + g.columns; last > len(src) {
		panic(fmt.Sprintf("fft: a pass reads %d of %d numbers", last, len(src)))
	}
	if last := (radix-1)*g.toLeg + (g.rows-1)*g.toRow + g.columns; last > len(dst) {
		panic(fmt.Sprintf("fft: a pass writes %d of %d numbers", last, len(dst)))
	}
	var first *complex64
	if twiddles != nil {
		first = &twiddles[:(radix-1)*g.rows][0]
	}
	switch {
	case vector && radix == 8:
		radix8AVX2(&dst[0], &src[0], &g, first, &rotations[d])
	case vector:
		radix4AVX2(&dst[0], &src[0], &g, first, &rotations[d])
	default:
		portable(radix, dst, src, g, twiddles, d)
	}
}

// portable is butterflies in Go.
func portable(radix int, dst, src []complex64, g geometry, twiddles []complex64, d direction) {
	var x [8]complex64
	for row := range g.rows {
		for column := range g.columns {
			from, to := src[row*g.fromRow+column:], dst[row*g.toRow+column:]
			for j := range radix {
				x[j] = from[j*g.fromLeg]
			}
			if radix == 8 {
				eight(&x, d)
			} else {
				x[0], x[1], x[2], x[3] = four(x[0], x[1], x[2], x[3], d)
			}
			to[0] = x[0]
			for j := 1; j < radix; j++ {
				if twiddles != nil {
					x[j] *= twiddles[row*(radix-1)+j-1]
				}
				to[j*g.toLeg] = x[j]
			}
		}
	}
}

// rotate multiplies by −i (forward) or i.
func rotate(z complex64, d direction) complex64 {
	if d == forward {
		return complex(imag(z), -real(z))
	}
	return complex(-imag(z), real(z))
}

// four is the transform of four numbers.
func four(a, b, c, d complex64, dir direction) (w, x, y, z complex64) {
	s, t, u, v := a+c, a-c, b+d, rotate(b-d, dir)
	return s + u, t + v, s - u, t - v
}

// eight is the transform of eight numbers: one transform of four over the sums and one over the
// differences times the eighth roots of unity.
func eight(x *[8]complex64, d direction) {
	const root = 0.70710678118654752440
	var s, t [4]complex64
	for j := range 4 {
		s[j], t[j] = x[j]+x[j+4], x[j]-x[j+4]
	}
	x[0], x[2], x[4], x[6] = four(s[0], s[1], s[2], s[3], d)
	t[1], t[3] = root*(t[1]+rotate(t[1], d)), root*(rotate(t[3], d)-t[3])
	x[1], x[3], x[5], x[7] = four(t[0], t[1], rotate(t[2], d), t[3], d)
}

// realSplit is the pre- and post-processing of a real transform of length n that is done as a
// complex one of length n/2 (even real numbers as real parts, odd ones as imaginary parts): it
// separates the two interleaved spectra, or interleaves them again. For each row a, counted
// upwards from above, row b, counted downwards from below, and factor u it writes
//
//	scale·(a + b*) + u·(a − b*)          to the rows from up, upwards, and
//	(scale·(a + b*) − u·(a − b*))*       to the rows from down, downwards.
type realSplit struct {
	up, down, above, below int // index of the first row of each
	rows, columns          int
	scale                  float32
}

func (t realSplit) run(dst, src, factors []complex64) {
	c := t.columns
	reach := (t.rows - 1) * c
	_, _, _, _ = src[t.above:t.above+reach+c], src[t.below-reach:t.below+c], dst[t.up:t.up+reach+c],
		dst[t.down-reach:t.down+c]
	factors = factors[:t.rows]
	if vector {
		realSplitAVX2(&dst[t.up], &dst[t.down], &src[t.above], &src[t.below], t.rows, c,
			&factors[0], t.scale)
		return
	}
	scale := complex(t.scale, 0)
	for row, u := range factors {
		up, down, above, below := dst[t.up+row*c:], dst[t.down-row*c:], src[t.above+row*c:],
			src[t.below-row*c:]
		for q := range c {
			a, b := above[q], conj(below[q])
			even, odd := scale*(a+b), u*(a-b)
			down[q], up[q] = conj(even-odd), even+odd
		}
	}
}

func conj(z complex64) complex64 { return complex(real(z), -imag(z)) }

// transpose writes rows of columns of src as columns of dst; dstRow and srcRow are the distances
// of rows.
func transpose(dst, src []complex64, dstRow, srcRow, rows, columns int) {
	_, _ = dst[(columns-1)*dstRow+rows-1], src[(rows-1)*srcRow+columns-1]
	if vector {
		transposeAVX2(&dst[0], &src[0], dstRow, srcRow, rows, columns)
		return
	}
	for r := range rows {
		for c, v := range src[r*srcRow : r*srcRow+columns] {
			dst[c*dstRow+r] = v
		}
	}
}

// scale writes factor times the row src to dst; both may be the same row.
func scale(dst, src []complex64, factor float32) {
	dst = dst[:len(src)]
	done := 0
	if vector && len(src) >= 4 {
		done = len(src) &^ 3
		scaleAVX2(&dst[0], &src[0], factor, done)
	}
	for i, v := range src[done:] {
		dst[done+i] = complex(factor*real(v), factor*imag(v))
	}
}

// timesI multiplies each number of a row by i and by its own real factor.
func timesI(row []complex64, factors []float32) {
	factors = factors[:len(row)]
	done := 0
	if vector && len(row) >= 4 {
		done = len(row) &^ 3
		timesIAVX2(&row[0], &factors[0], done, &rotations[inverse])
	}
	for i := done; i < len(row); i++ {
		row[i] = complex(-factors[i]*imag(row[i]), factors[i]*real(row[i]))
	}
}
