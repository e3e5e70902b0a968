package unet

import (
	"math"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// condition computes the embeddings of time and θ for all blocks.
func (n *network) condition(timestep, theta *Node) {
	t := sinusoidal(timestep, n.Dim) // [B, Dim]
	t = n.linear(t, "time_mlp.1")    // [B, 4·Dim]
	t = n.linear(gelu(t), "time_mlp.3")
	y := n.linear(theta, "conditional_embedding.0") // [B, Hidden]
	y = n.linear(gelu(y), "conditional_embedding.2")
	n.time = silu(Add(t, y))
	n.theta = silu(theta)
}

// sinusoidal returns sines, then cosines of timestep·10⁴^(−i/(dim/2−1)): [B] → [B, dim].
func sinusoidal(timestep *Node, dim int) *Node {
	half := dim / 2
	i := Iota(timestep.Graph(), shapes.Make(timestep.DType(), 1, half), 1)
	frequency := Exp(MulScalar(i, -math.Log(10000)/float64(half-1)))
	phase := Mul(InsertAxes(timestep, -1), frequency) // [B, half]
	return Concatenate([]*Node{Sin(phase), Cos(phase)}, -1)
}

// linear applies x·Wᵀ + b to the last axis of x [B, in].
func (n *network) linear(x *Node, name string) *Node {
	y := Einsum("bi,oi->bo", x, n.weight(name+".weight"))
	return Add(y, InsertAxes(n.weight(name+".bias"), 0))
}

// gelu is the exact form, with the error function.
func gelu(x *Node) *Node {
	return Mul(x, MulScalar(OnePlus(Erf(MulScalar(x, 1/math.Sqrt2))), 0.5))
}

func silu(x *Node) *Node { return Mul(x, Logistic(x)) }
