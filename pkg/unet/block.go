package unet

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Block says how a ResNet block is built; the zero value is not valid.
type Block struct {
	Channels int // of its output
	Groups   int // of its normalisations
	// Conditioning says how time and θ enter.
	Conditioning Conditioning
	// Type is that of the output and of the products but the first: Float32 or BFloat16; 0: that of
	// the input.
	Type dtypes.DType
}

// ResNet is the residual block [B, H, W, in] → [B, H, W, Channels], conditioned on time and θ
// between its halves.
func ResNet(scope *model.Scope, x *Node, c Condition, o Block) *Node {
	if o.Type == dtypes.InvalidDType {
		o.Type = x.DType()
	}
	output := func(h *Node) *Node { return ConvertDType(h, o.Type) }
	h := half(in(scope, "block1"), x, o)
	condition := Add(Linear(in(scope, "mlp.1"), c.Time, o.Channels), // [B, Channels]
		Linear(in(scope, "cond_mlp.1"), c.Theta, o.Channels))
	if o.Conditioning != ScaleShift {
		h = half(in(scope, "block2"), output(Add(h, InsertAxes(condition, 1, 1))), o)
	} else {
		// The normalisation of block2 removes a common scale of its input, so the scale before it
		// weights channels relative to each other, and the one after it the output of the block.
		scale := OnePlus(Add(zeroLinear(in(scope, "scale_mlp.1"), c.Time, 2*o.Channels),
			zeroLinear(in(scope, "scale_cond_mlp.1"), c.Theta, 2*o.Channels))) // [B, 2·Channels]
		before, after := Slice(scale, AxisRange(), AxisRange(0, o.Channels)),
			Slice(scale, AxisRange(), AxisRange(o.Channels))
		h = output(Add(Mul(h, InsertAxes(before, 1, 1)), InsertAxes(condition, 1, 1)))
		h = Mul(half(in(scope, "block2"), h, o), InsertAxes(after, 1, 1))
	}
	if x.Shape().Dim(-1) != o.Channels {
		x = Pointwise(in(scope, "res_conv"), x, o.Channels)
	}
	return output(Add(h, full(x)))
}

// half is Conv 3×3 → GroupNorm → SiLU, in float32 after the convolution. The normalisation adds the
// bias of the convolution.
func half(scope *model.Scope, x *Node, o Block) *Node {
	proj := in(scope, "proj")
	h := convolve(proj, x, o.Channels)
	b := bias(proj, x.Graph(), 9*x.Shape().Dim(-1), o.Channels)
	return SiLU(groupNorm(in(scope, "norm"), h, b, o.Groups))
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
