package emulator

import (
	"context"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
)

// Gradients returns the function that HMC needs: parameters → Σ weights[k] L_{terms[k]} of map m,
// in nats up to a constant, and its derivatives by each of the parameters. Noise, seeds and batch
// are those of Terms; pixels are summed in float32. Terms must lie in 0…T−1.
func (e *Emulator) Gradients(m field.LogMap, terms []diffusion.Term, weights []float64,
	seeds []uint64, batch int,
) (func(context.Context, []cosmology.Params) ([]float64, [][]float64, error), error) {
	x0, draws, err := e.draws(m, terms, seeds, batch)
	if err != nil {
		return nil, err
	}
	if len(weights) != len(terms) {
		return nil, fmt.Errorf("emulator: %d weights for %d terms, want one each",
			len(weights), len(terms))
	}
	return func(ctx context.Context, params []cosmology.Params) ([]float64, [][]float64, error) {
		theta, err := e.thetas(params)
		if err != nil {
			return nil, nil, err
		}
		thetas := e.manifest.Prior.Len()
		values, slopes := make([]float64, len(params)), make([][]float64, len(params))
		for i := range slopes {
			slopes[i] = make([]float64, thetas)
		}
		pairs := len(params) * len(draws)
		for first := 0; first < pairs; first += batch {
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			n := min(batch, pairs-first)
			at := func(p int) (param, draw int) {
				return (first + p) % len(params), (first + p) / len(params)
			}
			b := slopeBatch{size: batch, side: e.manifest.Data.Side}
			for p := range n {
				i, k := at(p)
				b.add(e.schedule, x0, draws[k], theta[thetas*i:thetas*(i+1)])
			}
			value, slope, err := e.runSlope(b)
			if err != nil {
				return nil, nil, err
			}
			for p := range n {
				i, k := at(p)
				w := weights[k/len(seeds)] / float64(len(seeds))
				values[i] += w * float64(value[p])
				for c, s := range e.manifest.ThetaSlopes(params[i]) {
					slopes[i][c] += w * float64(slope[thetas*p+c]) * s
				}
			}
		}
		return values, slopes, nil
	}, nil
}

// slopeGraph returns the terms of a batch, [B], and their gradients with respect to the scaled
// parameters, [B, parameters]. A term depends on the parameters of its own row only, so the
// gradient of the sum holds the gradient of each.
func (e *Emulator) slopeGraph(scope *model.Scope, in []*Node) []*Node {
	epsilon, xt, timestep, theta := in[0], in[1], in[2], in[3]
	predicted := e.predict(e.net, scope, xt, timestep, theta)
	terms := diffusion.BoundGraph(e.schedule, epsilon, predicted, timestep)
	return []*Node{terms, Gradient(ReduceAllSum(terms), theta)[0]}
}

// slopeBatch collects the inputs of slopeGraph, row by row.
type slopeBatch struct {
	size, side                   int
	epsilon, xt, timestep, theta []float32
}

func (b *slopeBatch) add(s diffusion.Schedule, x0 []float32, d diffusion.Draw, theta []float32) {
	b.epsilon = append(b.epsilon, d.Epsilon...)
	b.xt = append(b.xt, d.Noised(s, x0)...)
	b.timestep = append(b.timestep, d.Term.Step().Timestep())
	b.theta = append(b.theta, theta...)
}

// runSlope runs a batch, padded with copies, and frees its outputs on the backend.
func (e *Emulator) runSlope(b slopeBatch) (terms, slopes []float32, err error) {
	pixels, thetas := b.size*b.side*b.side, e.manifest.Prior.Len()
	inputs := []any{
		tensors.FromFlatDataAndDimensions(fill(b.epsilon, pixels), b.size, b.side, b.side, 1),
		tensors.FromFlatDataAndDimensions(fill(b.xt, pixels), b.size, b.side, b.side, 1),
		tensors.FromFlatDataAndDimensions(fill(b.timestep, b.size), b.size),
		tensors.FromFlatDataAndDimensions(fill(b.theta, thetas*b.size), b.size, thetas),
	}
	out, err := e.slope.Call(inputs...)
	if err != nil {
		return nil, nil, fmt.Errorf("emulator: run the network: %w", err)
	}
	for i, values := range []*[]float32{&terms, &slopes} {
		if *values, err = tensors.CopyFlatData[float32](out[i]); err != nil {
			return nil, nil, fmt.Errorf("emulator: read the network's output: %w", err)
		}
		if err := out[i].FinalizeAll(); err != nil {
			return nil, nil, fmt.Errorf("emulator: free the network's output: %w", err)
		}
	}
	return terms, slopes, nil
}
