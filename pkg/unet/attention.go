package unet

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// residualLinearAttention adds pre-normed linear attention to x: cost linear in the number of
// pixels.
//
// The softmaxes over positions and over the head dimension are those of the paper, but the products
// are taken in another order. Values and outputs are linear in x, so k is contracted with x itself
// and q with one small matrix per map; values and outputs of heads, each Heads·HeadDim/C times as
// large as x, are never computed. Pixels run fastest, which is the best layout for XLA's loops and
// products.
func (n *network) residualLinearAttention(x *Node, prefix string) *Node {
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	normed := Reshape(n.groupNorm(x, nil, prefix+"fn.norm", 1), b, h*w, c)
	normed = TransposeAllAxes(normed, 0, 2, 1) // [B, channels, pixels]
	all := Reshape(n.weight(prefix+"fn.fn.to_qkv.weight"), 3, n.Heads*n.HeadDim, c)
	weight := func(i int) *Node { return Squeeze(SliceAxis(all, 0, AxisElem(i)), 0) }
	project := func(rows *Node) *Node { // [B, heads, width, pixels]
		each := BroadcastPrefix(rows, b) // avoids a product whose result XLA would transpose
		return Reshape(Einsum("boc,bcn->bon", each, normed), b, n.Heads, n.HeadDim, h*w)
	}
	// k·xᵀ with k = Softmax over pixels; the division by the sum follows, on fewer numbers.
	k := exponential(project(weight(1)), -1)
	context := Einsum("bhdn,bcn->bhdc", k, normed)
	context = Div(context, ReduceAndKeep(k, ReduceSum, -1))
	context = Einsum("bhdc,hec->bhde", context, Reshape(weight(2), n.Heads, n.HeadDim, c))
	out := Reshape(n.weight(prefix+"fn.fn.to_out.0.weight"), c, n.Heads, n.HeadDim)
	mix := MulScalar(Einsum("bhde,ohe->bhdo", context, out), 1/math.Sqrt(float64(n.HeadDim)))

	q := exponential(project(weight(0)), 2)
	q = Div(q, ReduceAndKeep(q, ReduceSum, 2))
	y := Einsum("bjo,bjn->bon", Reshape(mix, b, n.Heads*n.HeadDim, c),
		Reshape(q, b, n.Heads*n.HeadDim, h*w))
	y = Reshape(TransposeAllAxes(y, 0, 2, 1), b, h, w, c)
	return Add(n.groupNorm(y, n.weight(prefix+"fn.fn.to_out.0.bias"), prefix+"fn.fn.to_out.1", 1), x)
}

// exponential returns exp(x − max x) along an axis: a softmax before the division by its sum.
func exponential(x *Node, axis int) *Node {
	return Exp(Sub(x, StopGradient(ReduceAndKeep(x, ReduceMax, axis))))
}

// residualFullAttention adds pre-normed softmax attention over all pairs of pixels to x.
func (n *network) residualFullAttention(x *Node, prefix string) *Node {
	q, k, v := n.heads(n.groupNorm(x, nil, prefix+"fn.norm", 1), prefix)
	q = MulScalar(q, 1/math.Sqrt(float64(n.HeadDim)))
	weights := Softmax(Einsum("bihd,bjhd->bhij", q, k), -1)
	y := Einsum("bhij,bjhd->bihd", weights, v)
	return Add(n.pointwise(n.join(y, x), prefix+"fn.fn.to_out"), x)
}

// heads projects x to queries, keys and values, each [B, pixels, heads, width].
func (n *network) heads(x *Node, prefix string) (q, k, v *Node) {
	b, h, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	qkv := Reshape(n.project(x, prefix+"fn.fn.to_qkv"), b, h*w, 3, n.Heads, n.HeadDim)
	part := func(i int) *Node {
		return Reshape(Slice(qkv, AxisRange(), AxisRange(), AxisElem(i)), b, h*w, n.Heads, n.HeadDim)
	}
	return part(0), part(1), part(2)
}

// join puts heads back into the channels of maps like x.
func (n *network) join(y, x *Node) *Node {
	return Reshape(y, x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), n.Heads*n.HeadDim)
}
