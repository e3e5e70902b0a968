package verify

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/diffusion"
	"darkfield/pkg/network"
)

// network makes the comparisons that need graphs: the prediction, the losses, their gradients, a
// sampling step and the VLB.
func (t *table) network(ctx context.Context, b compute.Backend) error {
	store, exact := network.Store(t.weights), t.outputs.network.Network()
	n, err := exact.In(t.precision)
	if err != nil {
		return err
	}
	if err := t.training(b, store, n); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	den, end, err := t.denoiser(b, store, n)
	if err != nil {
		return err
	}
	defer end()
	predicted, err := den(ctx, diffusion.Batch{
		Size: t.batch, Pixels: t.side * t.side, Xt: t.xt,
		Timestep: t.index, Theta: t.theta,
	})
	if err != nil {
		return err
	}
	t.absolute("eps_pred", wide(predicted), t.other["eps_pred"], t.within.prediction)
	t.reverseStep(predicted)
	switch t.precision {
	case network.TF32:
		return nil
	case network.BFloat16:
		if den, end, err = t.denoiser(b, store, exact); err != nil {
			return err
		}
		defer end()
	}
	return t.terms(ctx, den)
}

// training compares the losses and the gradients of the Huber loss.
func (t *table) training(b compute.Backend, store *model.Store, n network.Network) error {
	e, err := model.NewExec(b, store, func(scope *model.Scope, in []*Node) []*Node {
		x0, eps, index, theta := in[0], in[1], in[2], in[3]
		xt := diffusion.NoisedGraph(diffusion.Paper(), x0, index, eps)
		predicted := n.Predict(scope, xt, index, theta)
		huber := ReduceAllMean(diffusion.HuberGraph(eps, predicted))
		var with []*Node
		for _, name := range t.gradients {
			with = append(with, network.Tensor{Name: name}.Variable(store).NodeValue(x0.Graph()))
		}
		return append([]*Node{xt, huber, ReduceAllMean(diffusion.SquareGraph(eps, predicted))},
			Gradient(huber, with...)...)
	})
	if err != nil {
		return err
	}
	defer e.Finalize()
	out, err := e.Call(t.images(t.x0), t.images(t.eps),
		tensors.FromFlatDataAndDimensions(t.index, t.batch),
		tensors.FromFlatDataAndDimensions(t.theta, t.batch, 2))
	if err != nil {
		return err
	}
	var values [][]float64
	for _, o := range out {
		v, err := tensors.CopyFlatData[float32](o)
		if err != nil {
			return err
		}
		values = append(values, wide(v))
	}
	t.noised("x_t of the training graph", values[0])
	t.relative("loss_huber", values[1], t.other["loss_huber"], t.within.loss)
	t.relative("loss_mse", values[2], t.other["loss_mse"], t.within.loss)
	for i, name := range t.gradients {
		t.toLargest("grad/"+name, values[3+i], t.other["grad/"+name], t.within.gradient)
	}
	return nil
}

// images returns a batch of maps as the network takes them: with one channel, [batch, 1, side,
// side] and [batch, side, side, 1] are the same numbers in the same order.
func (t *table) images(values []float32) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(values, t.batch, t.side, t.side, 1)
}

// denoiser runs a network on up to t.batch maps, until end is called. A smaller batch is padded
// with copies, so that one compiled graph serves all comparisons.
func (t *table) denoiser(b compute.Backend, store *model.Store, n network.Network,
) (den diffusion.Denoiser, end func(), err error) {
	e, err := model.NewExec(b, store, func(scope *model.Scope, in []*Node) *Node {
		return n.Predict(scope, in[0], in[1], in[2])
	})
	if err != nil {
		return nil, nil, err
	}
	repeat := func(values []float32, size int) []float32 {
		return slices.Repeat(values, t.batch/size+1)[:t.batch*len(values)/size]
	}
	den = func(ctx context.Context, b diffusion.Batch) ([]float32, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		index := tensors.FromFlatDataAndDimensions(repeat(b.Timestep, b.Size), t.batch)
		theta := tensors.FromFlatDataAndDimensions(repeat(b.Theta, b.Size), t.batch, 2)
		out, err := e.Call1(t.images(repeat(b.Xt, b.Size)), index, theta)
		if err != nil {
			return nil, err
		}
		values, err := tensors.CopyFlatData[float32](out)
		if err != nil {
			return nil, err
		}
		return values[:b.Size*b.Pixels], nil
	}
	return den, e.Finalize, nil
}

// reverseStep compares one ancestral step of the last map. Its fresh noise is that of the first
// map. The step multiplies the prediction by β_t/√(α_t(1 − ᾱ_t)), 0.005 at t = 251.
func (t *table) reverseStep(predicted []float32) {
	const key = "reverse_step_t250"
	s, pixels := diffusion.Paper(), t.side*t.side
	last := len(predicted) - pixels
	at := diffusion.Term(t.index[t.batch-1]).Step()
	deviation := math.Sqrt(s.PosteriorVariance(at))
	got := make([]float64, pixels)
	for i := range got {
		got[i] = s.ReverseMean(at, float64(t.xt[last+i]), float64(predicted[last+i])) +
			deviation*float64(t.eps[i])
	}
	t.absolute(key, got, t.other[key], max(1e-5, t.within.prediction/100))
}

// terms compares the terms L_i of the first map, all with its noise. The file's schedule in float32
// loses up to 2e-4 of L_1, which the tolerance allows for.
func (t *table) terms(ctx context.Context, den diffusion.Denoiser) error {
	const tolerance = 5e-4
	s, pixels := diffusion.Paper(), t.side*t.side
	x0, eps := t.x0[:pixels], t.eps[:pixels]
	var order []int
	for name := range t.bound {
		number, err := strconv.Atoi(strings.TrimPrefix(name, "L"))
		if err == nil {
			order = append(order, number)
		} else if name != "LT" {
			return fmt.Errorf("vlb_json has a term %q, want L0, L1, … or LT", name)
		}
	}
	slices.Sort(order)
	var draws []diffusion.Draw
	for _, i := range order {
		draws = append(draws, diffusion.Draw{Term: diffusion.Term(i), Epsilon: eps})
	}
	got, err := s.BoundTerms(ctx, den, draws, x0, t.theta[:2], 2, t.batch)
	if err != nil {
		return err
	}
	for k, i := range order {
		name := "L" + strconv.Itoa(i)
		t.relative("vlb "+name, got[0][k:k+1], []float64{t.bound[name]}, tolerance)
	}
	t.relative("vlb LT", []float64{s.LastTerm(x0)}, []float64{t.bound["LT"]}, tolerance)
	return nil
}
