package unet

import (
	. "github.com/gomlx/gomlx/core/graph"
)

const epsilon = 1e-5 // of every group normalisation

// resnet is the residual block [B, H, W, in] → [B, H, W, out], conditioned on time and θ between its halves.
func (n *network) resnet(x *Node, prefix string, out int) *Node {
	h := n.block(x, prefix+"block1.")
	condition := Add(n.linear(n.time, prefix+"mlp.1"), n.linear(n.theta, prefix+"cond_mlp.1")) // [B, out]
	h = Add(h, InsertAxes(condition, 1, 1))
	h = n.block(h, prefix+"block2.")
	if x.Shape().Dim(-1) != out {
		x = n.pointwise(x, prefix+"res_conv")
	}
	return Add(h, x)
}

// block is Conv 3×3 → GroupNorm → SiLU.
func (n *network) block(x *Node, prefix string) *Node {
	h := n.convolve(x, prefix+"proj", 1, 1)
	return silu(n.groupNorm(h, prefix+"norm", n.Groups))
}

// convolve applies a circular convolution: x is wrapped by pad pixels on each side.
func (n *network) convolve(x *Node, name string, stride, pad int) *Node {
	kernel := TransposeAllAxes(n.weight(name+".weight"), 2, 3, 1, 0) // [height, width, in, out]
	y := Convolve(Wrap(Wrap(x, 1, pad), 2, pad), kernel).Strides(stride).NoPadding().Done()
	return Add(y, InsertAxes(n.weight(name+".bias"), 0, 0, 0))
}

// Wrap pads one axis of x with pad entries of its own opposite edge, as the periodic box wants it; GoMLX v0.28 has no gradient for Pad.
func Wrap(x *Node, axis, pad int) *Node {
	size := x.Shape().Dim(axis)
	head := SliceAxis(x, axis, AxisRange(0, pad))
	tail := SliceAxis(x, axis, AxisRange(size-pad, size))
	return Concatenate([]*Node{tail, x, head}, axis)
}

// pointwise is a 1×1 convolution, written as the matrix product that it is.
func (n *network) pointwise(x *Node, name string) *Node {
	return Add(n.project(x, name), InsertAxes(n.weight(name+".bias"), 0, 0, 0))
}

// project is a 1×1 convolution without bias.
func (n *network) project(x *Node, name string) *Node {
	w := n.weight(name + ".weight")                    // [out, in, 1, 1]
	w = Reshape(w, w.Shape().Dim(0), w.Shape().Dim(1)) // [out, in]
	return Einsum("bhwi,oi->bhwo", x, w)
}

// groupNorm normalises each group of channels of each map to mean 0 and variance 1, then scales and shifts by channel.
func (n *network) groupNorm(x *Node, name string, groups int) *Node {
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	g := Reshape(x, b, h*w, groups, c/groups)
	mean := ReduceAndKeep(g, ReduceMean, 1, 3) // [B, 1, groups, 1]
	g = Sub(g, mean)
	variance := ReduceAndKeep(Square(g), ReduceMean, 1, 3)
	g = Div(g, Sqrt(AddScalar(variance, epsilon))) // GoMLX v0.28 has no gradient for Rsqrt
	y := Reshape(g, b, h, w, c)
	y = Mul(y, InsertAxes(n.weight(name+".weight"), 0, 0, 0))
	return Add(y, InsertAxes(n.weight(name+".bias"), 0, 0, 0))
}
