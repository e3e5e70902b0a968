package unet

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// LinearAttention adds pre-normed linear attention to x [B, H, W, C]: cost linear in the number of
// pixels.
//
// The softmaxes over positions and over the head dimension are those of the paper, but the products
// are taken in another order. Values and outputs are linear in x, so k is contracted with x itself
// and q with one small matrix per map; values and outputs of heads, each heads·width/C times as
// large as x, are never computed. Pixels run fastest, which is the best layout for XLA's loops and
// products.
func LinearAttention(scope *model.Scope, x *Node, heads, width int) *Node {
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	g, hidden := x.Graph(), heads*width
	normed := Reshape(GroupNorm(in(scope, "fn.norm"), x, 1), b, h*w, c)
	normed = TransposeAllAxes(normed, 0, 2, 1) // [B, channels, pixels]
	all := Reshape(weight(in(scope, "fn.fn.to_qkv"), g, c, 3*hidden, c, 1, 1), 3, hidden, c)
	part := func(i int) *Node { return Squeeze(SliceAxis(all, 0, AxisElem(i)), 0) }
	project := func(rows *Node) *Node { // [B, heads, width, pixels]
		each := BroadcastPrefix(as(rows, x), b) // avoids a product whose result XLA would transpose
		return Reshape(Einsum("boc,bcn->bon", each, normed), b, heads, width, h*w)
	}
	// k·xᵀ with k = Softmax over pixels; the division by the sum follows, on fewer numbers.
	k := exponential(project(part(1)), -1)
	context := full(Einsum("bhdn,bcn->bhdc", as(k, x), normed))
	context = Div(context, ReduceAndKeep(k, ReduceSum, -1))
	context = Einsum("bhdc,hec->bhde", context, Reshape(part(2), heads, width, c))
	to := in(scope, "fn.fn.to_out.0")
	out := Reshape(weight(to, g, hidden, c, hidden, 1, 1), c, heads, width)
	mix := MulScalar(Einsum("bhde,ohe->bhdo", context, out), 1/math.Sqrt(float64(width)))

	q := exponential(project(part(0)), 2)
	q = Div(q, ReduceAndKeep(q, ReduceSum, 2))
	y := Einsum("bjo,bjn->bon", as(Reshape(mix, b, hidden, c), x), as(Reshape(q, b, hidden, h*w), x))
	y = Reshape(TransposeAllAxes(y, 0, 2, 1), b, h, w, c)
	y = groupNorm(in(scope, "fn.fn.to_out.1"), y, bias(to, g, hidden, c), 1)
	return as(Add(y, full(x)), x)
}

// exponential returns exp(x − max x) along an axis, in float32: a softmax before the division by
// its sum.
func exponential(x *Node, axis int) *Node {
	x = full(x)
	return Exp(Sub(x, StopGradient(ReduceAndKeep(x, ReduceMax, axis))))
}

// FullAttention adds pre-normed softmax attention over all pairs of pixels to x [B, H, W, C]. It is
// computed in float32, which costs little on the few pixels of the coarsest level.
func FullAttention(scope *model.Scope, x *Node, heads, width int) *Node {
	return as(fullAttention(scope, full(x), heads, width), x)
}

func fullAttention(scope *model.Scope, x *Node, heads, width int) *Node {
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	qkv := project(in(scope, "fn.fn.to_qkv"), GroupNorm(in(scope, "fn.norm"), x, 1), 3*heads*width)
	qkv = Reshape(qkv, b, h*w, 3, heads, width)
	part := func(i int) *Node { // [B, pixels, heads, width]
		return Squeeze(Slice(qkv, AxisRange(), AxisRange(), AxisElem(i)), 2)
	}
	q := MulScalar(part(0), 1/math.Sqrt(float64(width)))
	weights := Softmax(Einsum("bihd,bjhd->bhij", q, part(1)), -1)
	y := Reshape(Einsum("bhij,bjhd->bihd", weights, part(2)), b, h, w, heads*width)
	return Add(Pointwise(in(scope, "fn.fn.to_out"), y, c), x)
}
