package unet

import (
	"math"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Condition is what blocks are conditioned on, after the SiLU that each of them starts with.
type Condition struct {
	Time  *Node // embedding of time and θ together: [B, 4·dim]
	Theta *Node // θ itself: [B, parameters]
}

// Embed embeds time and θ for all blocks: timestep [B] in sines and cosines of dim frequencies,
// theta [B, parameters] through a layer of hidden numbers.
func Embed(scope *model.Scope, timestep, theta *Node, dim, hidden int) Condition {
	t := Linear(in(scope, "time_mlp.1"), Sinusoidal(timestep, dim), 4*dim)
	t = Linear(in(scope, "time_mlp.3"), gelu(t), 4*dim)
	y := Linear(in(scope, "conditional_embedding.0"), theta, hidden)
	y = Linear(in(scope, "conditional_embedding.2"), gelu(y), 4*dim)
	return Condition{Time: SiLU(Add(t, y)), Theta: SiLU(theta)}
}

// Sinusoidal returns sines, then cosines of timestep·10⁴^(−i/(dim/2−1)): [B] → [B, dim].
func Sinusoidal(timestep *Node, dim int) *Node {
	half := dim / 2
	i := Iota(timestep.Graph(), shapes.Make(timestep.DType(), 1, half), 1)
	frequency := Exp(MulScalar(i, -math.Log(10000)/float64(half-1)))
	phase := Mul(InsertAxes(timestep, -1), frequency) // [B, half]
	return Concatenate([]*Node{Sin(phase), Cos(phase)}, -1)
}
