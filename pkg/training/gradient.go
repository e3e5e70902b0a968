package training

import (
	"cmp"
	"slices"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/network"
)

// gradient computes the gradient of a batch, accumulated over micro-batches: the activations of a
// micro-batch need many times the memory of its gradient. No layer mixes maps, so the mean over
// micro-batches is the gradient of the batch.
type gradient struct {
	state        *state
	microBatches int
	step         *Program // loss and gradient of a micro-batch, and the squared norm of a single one
	sum, norm    *Program // nil for one micro-batch; norm is nil without clipping
}

// microBatchNumbers is the largest number of values of a layer of the first level in a micro-batch
// that is Derived. At width 32 it allows 20 maps of 64² at once.
const microBatchNumbers = 4 << 20

// microBatches returns the number of micro-batches of a batch.
func (c Config) microBatches(width, side int) int {
	switch c.MicroBatch {
	case WholeBatch:
		return 1
	case Derived:
	default:
		return c.Batch / c.MicroBatch
	}
	for n := 1; n < c.Batch; n++ {
		if c.Batch%n == 0 && c.Batch/n*side*side*width <= microBatchNumbers {
			return n
		}
	}
	return c.Batch
}

// widthOf returns the number of channels at the full side that memory is set aside for.
func widthOf(n network.Network) int { return cmp.Or(n.Width, 16) }

// newGradient returns the gradient with its graphs.
func (s *state) newGradient(schedule diffusion.Schedule,
	program func(func([]*graph.Node) []*graph.Node) *Program,
) gradient {
	g := gradient{state: s, microBatches: s.recipe.microBatches(widthOf(s.network), s.side)}
	clips := s.recipe.ClipNorm > 0
	if g.microBatches > 1 {
		g.sum = program(sumGraph)
		if clips {
			g.norm = program(func(in []*graph.Node) []*graph.Node { return []*graph.Node{squaredNorm(in)} })
		}
	}
	g.step = program(func(in []*graph.Node) []*graph.Node {
		loss := graph.DivScalar(s.lossGraph(schedule, in), float64(g.microBatches))
		gradients := s.variables.Gradients(loss)
		out := append([]*graph.Node{loss}, gradients...)
		if clips && g.microBatches == 1 {
			out = append(out, squaredNorm(gradients))
		}
		return out
	})
	return g
}

// lossGraph returns the weighted mean loss of a batch.
func (s *state) lossGraph(schedule diffusion.Schedule, in []*graph.Node) *graph.Node {
	errors := s.loss(in[1], s.predict(s.trained, schedule, checkpoint.Weights, in))
	return graph.ReduceAllMean(
		graph.Mul(errors, diffusion.WeightGraph(schedule, s.recipe.Weighting, in[2])))
}

// sumGraph adds the second half of its inputs to the first.
func sumGraph(in []*graph.Node) []*graph.Node {
	out := make([]*graph.Node, len(in)/2)
	for i := range out {
		out[i] = graph.Add(in[i], in[len(out)+i])
	}
	return out
}

func (g gradient) programs() []*Program {
	return slices.DeleteFunc([]*Program{g.step, g.sum, g.norm},
		func(p *Program) bool { return p == nil })
}

// of returns the loss of a batch, its gradient by each parameter and, where gradients are clipped,
// the square of the gradient's norm, which the updates clip by.
func (g gradient) of(b batch) (loss float64, sum []*tensors.Tensor, norm *tensors.Tensor,
	err error,
) {
	size := len(b.timestep) / g.microBatches
	for p := range g.microBatches {
		inputs := g.state.inputs(b.microBatch(p*size, size))
		out, err := g.step.Run(toAny(inputs)...)
		if err != nil {
			return 0, nil, nil, err
		}
		value, err := number(out[:1], inputs)
		if err != nil {
			return 0, nil, nil, err
		}
		loss += value
		if p == 0 {
			sum = out[1:]
		} else if sum, err = replaced(g.sum, append(sum, out[1:]...)); err != nil {
			return 0, nil, nil, err
		}
	}
	n := len(g.state.variables.Tensors())
	if len(sum) > n {
		return loss, sum[:n], sum[n], nil
	}
	if g.norm != nil {
		out, err := g.norm.Run(toAny(sum)...)
		if err != nil {
			return 0, nil, nil, err
		}
		norm = out[0]
	}
	return loss, sum, norm, nil
}

// replaced runs a graph and frees its inputs.
func replaced(p *Program, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
	out, err := p.Run(toAny(in)...)
	if err != nil {
		return nil, err
	}
	return out, free(in)
}

// microBatch returns n maps of a batch from number first on.
func (b batch) microBatch(first, n int) batch {
	pixels, thetas := len(b.x0)/len(b.timestep), len(b.theta)/len(b.timestep)
	return batch{
		x0: b.x0[first*pixels : (first+n)*pixels], epsilon: b.epsilon[first*pixels : (first+n)*pixels],
		timestep: b.timestep[first : first+n], theta: b.theta[thetas*first : thetas*(first+n)],
	}
}
