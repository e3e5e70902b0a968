package unet

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// residualLinearAttention adds pre-normed linear attention to x: cost linear in the number of pixels.
func (n *network) residualLinearAttention(x *Node, prefix string) *Node {
	q, k, v := n.heads(n.groupNorm(x, prefix+"fn.norm", 1), prefix) // [B, pixels, heads, width]
	q = MulScalar(Softmax(q, -1), 1/math.Sqrt(float64(n.HeadDim)))
	k = Softmax(k, 1)
	context := Einsum("bnhd,bnhe->bhde", k, v)
	y := Einsum("bnhd,bhde->bnhe", q, context)
	y = n.pointwise(n.join(y, x), prefix+"fn.fn.to_out.0")
	return Add(n.groupNorm(y, prefix+"fn.fn.to_out.1", 1), x)
}

// residualFullAttention adds pre-normed softmax attention over all pairs of pixels to x.
func (n *network) residualFullAttention(x *Node, prefix string) *Node {
	q, k, v := n.heads(n.groupNorm(x, prefix+"fn.norm", 1), prefix)
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
