package emulator

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/diffusion"
	"darkfield/pkg/network"
)

// onDevice are the graphs of a sampling that leaves maps and noise on the device: between two
// network evaluations nothing crosses the bus but the few numbers of a diffusion.Move.
type onDevice struct {
	start *Exec       // states → x_T and what comes before the first step
	move  *model.Exec // one step
	// coarse is move with the network in bfloat16; nil: there is none.
	coarse *model.Exec
}

// openOnDevice builds the graphs of networks over a store of weights; coarse may be nil.
func (e *Emulator) openOnDevice(b compute.Backend, store *model.Store, net,
	coarse *network.Network,
) (d onDevice, err error) {
	if d.start, err = NewExec(b, e.startGraph); err != nil {
		return d, err
	}
	moving := func(n *network.Network) (*model.Exec, error) {
		if n == nil {
			return nil, nil
		}
		return model.NewExec(b, store, func(scope *model.Scope, in []*Node) []*Node {
			return e.moveGraph(*n, scope, in[0], in[1], in[2], in[3], in[4])
		})
	}
	if d.move, err = moving(net); err == nil {
		d.coarse, err = moving(coarse)
	}
	return d, err
}

func (d onDevice) close() {
	d.start.Finalize()
	d.move.Finalize()
	if d.coarse != nil {
		d.coarse.Finalize()
	}
}

// startGraph returns x_T [B, H, W, 1], zeros of the same shape in the place of a clean map, and the
// states of the generators after it: states [B, 3].
func (e *Emulator) startGraph(states *Node) []*Node {
	side := e.manifest.Data.Side
	x, states := normal(states, shapes.Make(dtypes.Float32, states.Shape().Dim(0), side, side, 1))
	return []*Node{x, ZerosLike(x), states}
}

// moveGraph returns x_u, the clean map and the states after a step from x_t: x and before [B, H, W,
// 1], states [B, 3], theta [B, parameters], move as numbersOf has it.
func (e *Emulator) moveGraph(n network.Network, scope *model.Scope, x, before, states, theta,
	move *Node,
) []*Node {
	number := func(i int) *Node { return Reshape(Slice(move, AxisElem(i))) }
	timestep := BroadcastToDims(number(0), x.Shape().Dim(0))
	epsilon := e.predict(n, scope, x, timestep, theta)
	fresh, states := normal(states, x.Shape())
	clean := Add(Mul(number(1), x), Mul(number(2), epsilon))
	x = Add(Mul(number(3), x), Mul(number(4), epsilon))
	x = Add(x, Add(Mul(number(5), before), Mul(number(6), fresh)))
	return []*Node{x, clean, states}
}

// numbersOf returns what moveGraph takes of a step.
func numbersOf(m diffusion.Move) []float32 {
	return []float32{
		m.From.Timestep(), float32(m.CleanX), float32(m.CleanEpsilon), float32(m.X),
		float32(m.Epsilon), float32(m.Before), float32(m.Fresh),
	}
}

// statesOf returns the states of the generators of maps from number first on: [maps, 3].
func statesOf(seed uint64, first, maps int) *tensors.Tensor {
	states := make([]uint64, 0, 3*maps)
	for i := range maps {
		s := diffusion.NoiseState(seed, first+i)
		states = append(states, s[:]...)
	}
	return tensors.FromFlatDataAndDimensions(states, maps, 3)
}

// normal draws standard normal numbers of a shape [B, …], those of each map from its own state, so
// that they do not depend on the batch: states [B, 3].
func normal(states *Node, shape shapes.Shape) (values, after *Node) {
	one := shape.Clone()
	one.Dimensions[0] = 1
	var rows, next []*Node
	for i := range shape.Dim(0) {
		state, row := RandomNormal(Reshape(SliceAxis(states, 0, AxisElem(i)), 3), one)
		rows, next = append(rows, row), append(next, Reshape(state, 1, 3))
	}
	return Concatenate(rows, 0), Concatenate(next, 0)
}

// sample makes the maps of a request in one batch of size maps, more than it asks for where size is
// larger.
func (d onDevice) sample(ctx context.Context, moves []diffusion.Move, p network.Precision, size int,
	r diffusion.Request,
) (x []float32, err error) {
	move := d.move
	if p == network.BFloat16 {
		move = d.coarse
	}
	now, err := d.start.Call(statesOf(r.Seed, r.First, size))
	if err != nil {
		return nil, fmt.Errorf("emulator: draw noise on the device: %w", err)
	}
	defer func() { err = errors.Join(err, free(now)) }()
	theta := tensors.FromFlatDataAndDimensions(fill(r.Theta, size*r.ConditionDim), size,
		r.ConditionDim)
	defer func() { err = errors.Join(err, free([]*tensors.Tensor{theta})) }()
	for i, m := range moves {
		if err = ctx.Err(); err != nil {
			return nil, err
		}
		numbers := tensors.FromFlatDataAndDimensions(numbersOf(m), 7)
		next, err := move.Call(now[0], now[1], now[2], theta, numbers)
		if err != nil {
			return nil, fmt.Errorf("emulator: predict the noise at step %d: %w", m.From, err)
		}
		err = free(append(now, numbers))
		now = next
		if err != nil {
			return nil, err
		}
		if r.Progress != nil {
			r.Progress(i+1, len(moves))
		}
		if r.Observe != nil {
			if x, err = d.read(now, r); err != nil {
				return nil, err
			}
			r.Observe(m.To, x)
		}
	}
	if x, err = d.read(now, r); err != nil {
		return nil, err
	}
	return x, diffusion.Finite(x)
}

// read returns the maps that a request asks for.
func (onDevice) read(now []*tensors.Tensor, r diffusion.Request) ([]float32, error) {
	x, err := tensors.CopyFlatData[float32](now[0])
	if err != nil {
		return nil, fmt.Errorf("emulator: read the maps: %w", err)
	}
	return x[:r.Size()*r.Pixels], nil
}

// free gives the memory of tensors back.
func free(list []*tensors.Tensor) error {
	var errs []error
	for _, t := range list {
		errs = append(errs, t.FinalizeAll())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("emulator: free maps under way: %w", err)
	}
	return nil
}
