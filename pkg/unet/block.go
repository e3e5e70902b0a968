package unet

import (
	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
)

const epsilon = 1e-5 // of every group normalisation

// resnet is the residual block [B, H, W, in] → [B, H, W, out], conditioned on time and θ between
// its halves.
func (n *network) resnet(x *Node, prefix string, out int) *Node {
	h := n.block(x, prefix+"block1.")
	// [B, out]
	condition := Add(n.linear(n.time, prefix+"mlp.1"), n.linear(n.theta, prefix+"cond_mlp.1"))
	if n.Conditioning != ScaleShift {
		h = n.block(Add(h, InsertAxes(condition, 1, 1)), prefix+"block2.")
	} else {
		// The normalisation of block2 removes a common scale of its input, so the scale before it
		// weights channels relative to each other, and the one after it the output of the block.
		scale := OnePlus(Add(n.linear(n.time, prefix+"scale_mlp.1"),
			n.linear(n.theta, prefix+"scale_cond_mlp.1"))) // [B, 2·out]
		before, after := Slice(scale, AxisRange(), AxisRange(0, out)),
			Slice(scale, AxisRange(), AxisRange(out))
		h = Add(Mul(h, InsertAxes(before, 1, 1)), InsertAxes(condition, 1, 1))
		h = Mul(n.block(h, prefix+"block2."), InsertAxes(after, 1, 1))
	}
	if x.Shape().Dim(-1) != out {
		x = n.pointwise(x, prefix+"res_conv")
	}
	return Add(h, x)
}

// block is Conv 3×3 → GroupNorm → SiLU. The normalisation adds the bias of the convolution.
func (n *network) block(x *Node, prefix string) *Node {
	h := n.convolve(x, prefix+"proj")
	return silu(n.groupNorm(h, n.weight(prefix+"proj.bias"), prefix+"norm", n.Groups))
}

// convolve applies a circular 3×3 convolution without bias.
func (n *network) convolve(x *Node, name string) *Node {
	kernel := TransposeAllAxes(n.weight(name+".weight"), 2, 3, 1, 0) // [height, width, in, out]
	return Convolve(Wrap(x, 1), kernel).NoPadding().Done()
}

// Wrap pads both axes of pixels periodically: [B, H, W, C] → [B, H+2·pad, W+2·pad, C].
func Wrap(x *Node, pad int) *Node {
	g := x.Graph()
	// The pure-Go backend lacks the operation.
	if !g.Backend().Capabilities().Operations[compute.OpTypeDynamicUpdateSlice] {
		return wrapAxis(wrapAxis(x, 1, pad), 2, pad)
	}
	// The edges are written beside x into one array. XLA on a CPU would fuse a concatenation with what
	// computes x, pixel by pixel with branches, which is slower.
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	out := BroadcastToDims(ScalarZero(g, x.DType()), b, h+2*pad, w+2*pad, c)
	write := func(part *Node, row, column int) {
		at := []*Node{
			Const(g, int32(0)), Const(g, int32(row)), Const(g, int32(column)),
			Const(g, int32(0)),
		}
		out = DynamicUpdateSlice(out, part, at)
	}
	write(x, pad, pad)
	write(SliceAxis(x, 2, AxisRange(w-pad, w)), pad, 0)
	write(SliceAxis(x, 2, AxisRange(0, pad)), pad, pad+w)
	write(wrapAxis(SliceAxis(x, 1, AxisRange(h-pad, h)), 2, pad), 0, 0)
	write(wrapAxis(SliceAxis(x, 1, AxisRange(0, pad)), 2, pad), pad+h, 0)
	return out
}

// wrapAxis pads one axis by concatenation; GoMLX v0.28 has no gradient for Pad.
func wrapAxis(x *Node, axis, pad int) *Node {
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

// groupNorm adds a bias by channel, which may be nil, normalises each group of channels of each map
// to mean 0 and variance 1, then scales and shifts by channel. Sums over pixels are taken channel
// by channel and the bias is added to the sums, which saves XLA a pass over the pixels.
func (n *network) groupNorm(x, bias *Node, name string, groups int) *Node {
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	rows := Reshape(x, b, h*w, c)
	// mean is over pixels: [B, 1, C].
	mean := func(rows *Node) *Node {
		return MulScalar(ReduceAndKeep(rows, ReduceSum, 1), 1/float64(h*w))
	}
	// overGroup is the mean over the group that a channel is in: [B, 1, C].
	overGroup := func(x *Node) *Node {
		x = ReduceAndKeep(Reshape(x, b, groups, c/groups), ReduceMean, 2)
		return Reshape(BroadcastToDims(x, b, groups, c/groups), b, 1, c)
	}
	centre := mean(rows)
	if bias != nil {
		bias = InsertAxes(bias, 0, 0)
		centre = Sub(overGroup(Add(centre, bias)), bias)
	} else {
		centre = overGroup(centre)
	}
	rows = Sub(rows, centre)
	// GoMLX v0.28 has no gradient for Rsqrt
	scale := Div(InsertAxes(n.weight(name+".weight"), 0, 0),
		Sqrt(AddScalar(overGroup(mean(Square(rows))), epsilon)))
	return Reshape(Add(Mul(rows, scale), InsertAxes(n.weight(name+".bias"), 0, 0)), b, h, w, c)
}
