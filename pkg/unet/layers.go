package unet

import (
	"math"
	"strings"

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

// weight makes the variable weight of a scope, of a layer each of whose outputs has fanIn inputs,
// with PyTorch's default initial values: uniform in ±1/√fanIn.
func weight(scope *model.Scope, g *Graph, fanIn int, dims ...int) *Node {
	return network.Uniform(scope, "weight", 1/math.Sqrt(float64(fanIn)), dims...).NodeValue(g)
}

// bias is like weight for the variable bias.
func bias(scope *model.Scope, g *Graph, fanIn, width int) *Node {
	return network.Uniform(scope, "bias", 1/math.Sqrt(float64(fanIn)), width).NodeValue(g)
}

// Linear applies x·Wᵀ + b to the last axis of x: [B, in] → [B, out].
func Linear(scope *model.Scope, x *Node, out int) *Node {
	g, width := x.Graph(), x.Shape().Dim(-1)
	y := Einsum("bi,oi->bo", x, weight(scope, g, width, out, width))
	return Add(y, InsertAxes(bias(scope, g, width, out), 0))
}

// zeroLinear is Linear with initial values of 0.
func zeroLinear(scope *model.Scope, x *Node, out int) *Node {
	g, width := x.Graph(), x.Shape().Dim(-1)
	y := Einsum("bi,oi->bo", x, network.Constant(scope, "weight", 0, out, width).NodeValue(g))
	return Add(y, InsertAxes(network.Constant(scope, "bias", 0, out).NodeValue(g), 0))
}

// Convolution is a circular 3×3 convolution: [B, H, W, in] → [B, H, W, out].
func Convolution(scope *model.Scope, x *Node, out int) *Node {
	y := convolve(scope, x, out)
	return Add(y, InsertAxes(bias(scope, x.Graph(), 9*x.Shape().Dim(-1), out), 0, 0, 0))
}

// convolve is Convolution without its bias.
func convolve(scope *model.Scope, x *Node, out int) *Node {
	width := x.Shape().Dim(-1)
	kernel := weight(scope, x.Graph(), 9*width, out, width, 3, 3)
	kernel = TransposeAllAxes(kernel, 2, 3, 1, 0) // [height, width, in, out]
	return Convolve(Wrap(x, 1), kernel).NoPadding().Done()
}

// Pointwise is a 1×1 convolution, written as the matrix product that it is: [B, H, W, in] → [B, H,
// W, out].
func Pointwise(scope *model.Scope, x *Node, out int) *Node {
	width := x.Shape().Dim(-1)
	return Add(project(scope, x, out), InsertAxes(bias(scope, x.Graph(), width, out), 0, 0, 0))
}

// project is a 1×1 convolution without bias.
func project(scope *model.Scope, x *Node, out int) *Node {
	width := x.Shape().Dim(-1)
	w := weight(scope, x.Graph(), width, out, width, 1, 1)
	return Einsum("bhwi,oi->bhwo", x, Reshape(w, out, width))
}

const epsilon = 1e-5 // of every group normalisation

// GroupNorm normalises each group of channels of each map to mean 0 and variance 1, then scales and
// shifts by channel: [B, H, W, C] → [B, H, W, C].
func GroupNorm(scope *model.Scope, x *Node, groups int) *Node {
	return groupNorm(scope, x, nil, groups)
}

// groupNorm adds a bias by channel, which may be nil, before it normalises. Sums over pixels are
// taken channel by channel and the bias is added to the sums, which saves XLA a pass over the
// pixels.
func groupNorm(scope *model.Scope, x, bias *Node, groups int) *Node {
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
