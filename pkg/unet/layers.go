package unet

import (
	"math"
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/network"
)

// in returns the scope below scope of a name such as block1.proj.
func in(scope *model.Scope, name string) *model.Scope {
	for part := range strings.SplitSeq(name, ".") {
		scope = scope.At("%s", part)
	}
	return scope
}

// Layers compute products in the type of x, float32 or bfloat16, to which they round their weights,
// and return that type. What is summed over pixels is float32 before: bfloat16 has too few digits
// for sums and for the gradients of biases.

// full returns x in float32.
func full(x *Node) *Node { return ConvertDType(x, dtypes.Float32) }

// as returns y in the type of x.
func as(y, x *Node) *Node { return ConvertDType(y, x.DType()) }

// weight makes the variable weight of a scope, of a layer each of whose outputs has fanIn inputs,
// with PyTorch's default initial values: uniform in ±1/√fanIn. It is float32.
func weight(scope *model.Scope, g *Graph, fanIn int, dims ...int) *Node {
	return network.Uniform(scope, "weight", 1/math.Sqrt(float64(fanIn)), dims...).NodeValue(g)
}

// bias is like weight for the variable bias.
func bias(scope *model.Scope, g *Graph, fanIn, width int) *Node {
	return network.Uniform(scope, "bias", 1/math.Sqrt(float64(fanIn)), width).NodeValue(g)
}

// shifted adds a bias by channel [C] to y [B, H, W, C].
func shifted(y, bias *Node) *Node { return as(Add(full(y), InsertAxes(bias, 0, 0, 0)), y) }

// Linear applies x·Wᵀ + b to the last axis of x: [B, in] → [B, out].
func Linear(scope *model.Scope, x *Node, out int) *Node {
	g, width := x.Graph(), x.Shape().Dim(-1)
	y := Einsum("bi,oi->bo", x, as(weight(scope, g, width, out, width), x))
	return as(Add(full(y), InsertAxes(bias(scope, g, width, out), 0)), x)
}

// zeroLinear is Linear with initial values of 0.
func zeroLinear(scope *model.Scope, x *Node, out int) *Node {
	g, width := x.Graph(), x.Shape().Dim(-1)
	y := Einsum("bi,oi->bo", x, network.Constant(scope, "weight", 0, out, width).NodeValue(g))
	return Add(y, InsertAxes(network.Constant(scope, "bias", 0, out).NodeValue(g), 0))
}

// Convolution is a circular 3×3 convolution: [B, H, W, in] → [B, H, W, out].
func Convolution(scope *model.Scope, x *Node, out int) *Node {
	return shifted(convolve(scope, x, out), bias(scope, x.Graph(), 9*x.Shape().Dim(-1), out))
}

// convolve is Convolution without its bias.
func convolve(scope *model.Scope, x *Node, out int) *Node {
	width := x.Shape().Dim(-1)
	kernel := as(weight(scope, x.Graph(), 9*width, out, width, 3, 3), x)
	kernel = TransposeAllAxes(kernel, 2, 3, 1, 0) // [height, width, in, out]
	return Convolve(Wrap(x, 1), kernel).NoPadding().Done()
}

// Pointwise is a 1×1 convolution, written as the matrix product that it is: [B, H, W, in] → [B, H,
// W, out].
func Pointwise(scope *model.Scope, x *Node, out int) *Node {
	width := x.Shape().Dim(-1)
	return shifted(project(scope, x, out), bias(scope, x.Graph(), width, out))
}

// zeroPointwise is Pointwise with initial values of 0.
func zeroPointwise(scope *model.Scope, x *Node, out int) *Node {
	width := x.Shape().Dim(-1)
	w := network.Constant(scope, "weight", 0, out, width, 1, 1).NodeValue(x.Graph())
	y := Einsum("bhwi,oi->bhwo", x, Reshape(w, out, width))
	return shifted(y, network.Constant(scope, "bias", 0, out).NodeValue(x.Graph()))
}

// project is a 1×1 convolution without bias.
func project(scope *model.Scope, x *Node, out int) *Node {
	width := x.Shape().Dim(-1)
	w := as(weight(scope, x.Graph(), width, out, width, 1, 1), x)
	return Einsum("bhwi,oi->bhwo", x, Reshape(w, out, width))
}

const epsilon = 1e-5 // of every group normalisation

// GroupNorm normalises each group of channels of each map to mean 0 and variance 1, then scales and
// shifts by channel: [B, H, W, C] → [B, H, W, C].
func GroupNorm(scope *model.Scope, x *Node, groups int) *Node {
	return as(groupNorm(scope, x, nil, groups), x)
}

// groupNorm adds a bias by channel, which may be nil, before it normalises. Sums over pixels are
// taken channel by channel and the bias is added to the sums, which saves XLA a pass over the
// pixels. The result is float32.
func groupNorm(scope *model.Scope, x, bias *Node, groups int) *Node {
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	rows := Reshape(full(x), b, h*w, c)
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
	channels := func(name string, initial float32) *Node {
		return InsertAxes(network.Constant(scope, name, initial, c).NodeValue(x.Graph()), 0, 0)
	}
	// GoMLX v0.28 has no gradient for Rsqrt
	scale := Div(channels("weight", 1), Sqrt(AddScalar(overGroup(mean(Square(rows))), epsilon)))
	return Reshape(Add(Mul(rows, scale), channels("bias", 0)), b, h, w, c)
}

// SiLU returns x·σ(x).
func SiLU(x *Node) *Node { return Mul(x, Logistic(x)) }

// gelu is the exact form, with the error function.
func gelu(x *Node) *Node {
	return Mul(x, MulScalar(OnePlus(Erf(MulScalar(x, 1/math.Sqrt2))), 0.5))
}
