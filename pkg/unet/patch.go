package unet

import . "github.com/gomlx/gomlx/core/graph"

// ToChannels takes each square of side×side pixels as one pixel, with their channels row by row:
// [B, H, W, C] → [B, H/side, W/side, side·side·C].
func ToChannels(x *Node, side int) *Node {
	if side == 1 {
		return x
	}
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1)/side, x.Shape().Dim(2)/side, x.Shape().Dim(3)
	x = TransposeAllAxes(Reshape(x, b, h, side, w, side, c), 0, 1, 3, 2, 4, 5)
	return Reshape(x, b, h, w, side*side*c)
}

// ToPixels is the inverse of ToChannels: [B, H, W, side·side·C] → [B, H·side, W·side, C].
func ToPixels(x *Node, side int) *Node {
	if side == 1 {
		return x
	}
	b, h, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	c := x.Shape().Dim(3) / (side * side)
	x = TransposeAllAxes(Reshape(x, b, h, w, side, side, c), 0, 1, 3, 2, 4, 5)
	return Reshape(x, b, h*side, w*side, c)
}
