package emulator

import (
	"context"
	"fmt"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
)

// Terms returns the function that the likelihood is made of: parameters → terms L_i of the bound of map m in nats, [θ][term].
// Every θ sees the same noise, which depends on the seed and the term alone. batch is the number of θ at a time.
func (e *Emulator) Terms(m field.LogMap, terms []diffusion.Term, seed uint64, batch int) (func(context.Context, []cosmology.Params) ([][]float64, error), error) {
	if m.Box.Cells != e.Box().Cells {
		return nil, fmt.Errorf("emulator: a map of %d pixels a side, the network was trained on %d: average it down first, or use another checkpoint", m.Box.Cells, e.Box().Cells)
	}
	if batch < 1 {
		return nil, fmt.Errorf("emulator: batch of %d θ, want >= 1", batch)
	}
	x0 := e.manifest.Scaling.Scale(m).Values
	return func(ctx context.Context, params []cosmology.Params) ([][]float64, error) {
		theta, err := e.thetas(params)
		if err != nil {
			return nil, err
		}
		out := make([][]float64, len(params))
		for _, term := range terms {
			noise := diffusion.TermNoise(seed, term, len(x0))
			values, err := e.schedule.BoundTerm(ctx, e.denoiser(batch), term, x0, noise, theta, 2)
			if err != nil {
				return nil, fmt.Errorf("emulator: %w", err)
			}
			for i, v := range values {
				out[i] = append(out[i], v)
			}
		}
		return out, nil
	}, nil
}
