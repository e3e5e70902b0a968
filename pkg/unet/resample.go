package unet

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Both resamplings are written as 2×2 convolutions, and those as matrix products: the gradient of
// GoMLX v0.28 for the input of a convolution with an even kernel is wrong, as finite differences
// show, and it has none for a dilated one.

// Downsample is the circular 4×4 convolution of stride 2: [B, H, W, C] → [B, H/2, W/2, C]. On
// blocks of 2×2 pixels, taken as channels, it is a 2×2 convolution of stride 1.
func Downsample(scope *model.Scope, x *Node) *Node {
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	x = Wrap(x, 1)                            // [B, H+2, W+2, C]
	x = Reshape(x, b, h/2+1, 2, w/2+1, 2, c)  // tap 2·row+p of each axis
	x = TransposeAllAxes(x, 0, 1, 3, 2, 4, 5) // [B, H/2+1, W/2+1, p, q, C]
	x = Reshape(x, b, h/2+1, w/2+1, 4*c)
	kernel := as(weight(scope, x.Graph(), 16*c, c, c, 4, 4), x)
	kernel = Reshape(kernel, c, c, 2, 2, 2, 2)          // [out, in, row, p, column, q]
	kernel = TransposeAllAxes(kernel, 2, 4, 3, 5, 1, 0) // [row, column, p, q, in, out]
	y := convolve2x2(x, Reshape(kernel, 16*c, c))
	return shifted(y, bias(scope, x.Graph(), 16*c, c))
}

// Upsample is PyTorch's ConvTranspose2d(4×4, stride 2, padding 1): [B, H, W, C] → [B, 2H, 2W, C].
// An output pixel of parity (p, q) sees a 2×2 patch of the zero-padded input through every second
// tap of the kernel, so one 2×2 convolution to 4C channels and an interleave give all of them.
func Upsample(scope *model.Scope, x *Node) *Node {
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	kernel := as(weight(scope, x.Graph(), 16*c, c, c, 4, 4), x) // [in, out, 4, 4]
	taps := reverse(reverse(kernel, 2), 3)
	// [in, out, row, p, column, q]: tap 3 − (2·row + p)
	taps = Reshape(taps, c, c, 2, 2, 2, 2)
	taps = TransposeAllAxes(taps, 2, 4, 0, 3, 5, 1) // [row, column, in, p, q, out]
	y := convolve2x2(zeroPad(zeroPad(x, 1), 2), Reshape(taps, 4*c, 4*c))
	y = Reshape(y, b, h+1, w+1, 2, 2, c)
	var rows []*Node
	for p := range 2 {
		var columns []*Node
		for q := range 2 {
			part := Slice(y, AxisRange(), AxisRange(p, p+h), AxisRange(q, q+w), AxisElem(p),
				AxisElem(q), AxisRange())
			columns = append(columns, Reshape(part, b, h, 1, w, 1, c))
		}
		rows = append(rows, Concatenate(columns, 4)) // [B, H, 1, W, 2, C]
	}
	y = Reshape(Concatenate(rows, 2), b, 2*h, 2*w, c)
	return shifted(y, bias(scope, x.Graph(), 16*c, c))
}

// convolve2x2 slides a 2×2 kernel [(row, column, in), out] over x: [B, H+1, W+1, in] → [B, H, W,
// out].
func convolve2x2(x, kernel *Node) *Node {
	h, w := x.Shape().Dim(1)-1, x.Shape().Dim(2)-1
	var patches []*Node
	for row := range 2 {
		for column := range 2 {
			patches = append(patches, Slice(x, AxisRange(), AxisRange(row, row+h),
				AxisRange(column, column+w)))
		}
	}
	return Einsum("bhwi,io->bhwo", Concatenate(patches, -1), kernel)
}

// zeroPad adds one row of zeros on each side of an axis; GoMLX v0.28 has no gradient for Pad.
func zeroPad(x *Node, axis int) *Node {
	edge := ZerosLike(SliceAxis(x, axis, AxisRange(0, 1)))
	return Concatenate([]*Node{edge, x, edge}, axis)
}

// reverse turns the order of one axis; GoMLX v0.28 has no gradient for Reverse.
func reverse(x *Node, axis int) *Node {
	var parts []*Node
	for i := x.Shape().Dim(axis) - 1; i >= 0; i-- {
		parts = append(parts, SliceAxis(x, axis, AxisRange(i, i+1)))
	}
	return Concatenate(parts, axis)
}
