package unet

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
)

// Weight returns the graph's node of the named tensor, in PyTorch's layout.
type Weight func(name string) *Node

// Predict returns the output of the network for the noisy maps xt.
//
//   - Shapes: xt [B, H, W, 1], timestep [B] and theta [B, ConditionDim], all float32; the result is
//     as xt.
//   - Units: xt is a scaled map with noise; timestep is t − 1; theta is scaled to [0, 1].
//   - Errors: panics on wrong shapes, as graph code does.
//   - Source: the U-Net of Mudur, Cuesta-Lazaro and Finkbeiner (2023), after Ho et al. (2020).
func Predict(c Config, weight Weight, xt, timestep, theta *Node) *Node {
	batch, side := xt.Shape().Dim(0), xt.Shape().Dim(1)
	xt.AssertDims(batch, side, side, 1)
	timestep.AssertDims(batch)
	theta.AssertDims(batch, c.ConditionDim)
	if err := c.CheckSide(side); err != nil {
		panic(err)
	}
	n := network{Config: c, weight: weight}
	n.condition(timestep, theta)

	x := xt
	var skips []*Node
	for i := range c.Multipliers {
		prefix := fmt.Sprintf("downs.%d.", i)
		x = n.resnet(x, prefix+"0.", c.channels(i))
		x = n.resnet(x, prefix+"1.", c.channels(i))
		x = n.residualLinearAttention(x, prefix+"2.")
		skips = append(skips, x)
		if i < c.Downsamplings() {
			x = n.downsample(x, prefix+"3")
		}
	}
	x = n.resnet(x, "mid_block1.", x.Shape().Dim(-1))
	x = n.residualFullAttention(x, "mid_attn.")
	x = n.resnet(x, "mid_block2.", x.Shape().Dim(-1))
	for i := range c.Downsamplings() {
		prefix, out := fmt.Sprintf("ups.%d.", i), c.channels(c.Downsamplings()-1-i)
		// The skip of level 0 is not used, as in the paper's code.
		x = Concatenate([]*Node{x, skips[len(skips)-1-i]}, -1)
		x = n.resnet(x, prefix+"0.", out)
		x = n.resnet(x, prefix+"1.", out)
		x = n.residualLinearAttention(x, prefix+"2.")
		x = n.upsample(x, prefix+"3")
	}
	x = n.resnet(x, "final_conv.0.", c.Dim)
	x = n.pointwise(x, "final_conv.1")
	if c.Rings > 0 {
		x = Add(x, n.filter(xt))
	}
	x.AssertDims(batch, side, side, 1)
	return x
}

// network holds what every block needs: its weights and the two conditions.
type network struct {
	Config
	weight Weight
	time   *Node // [B, 4·Dim], after the SiLU that every block starts with
	theta  *Node // [B, ConditionDim], likewise
}
