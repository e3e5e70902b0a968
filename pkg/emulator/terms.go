package emulator

import (
	"context"
	"fmt"
	"math/rand/v2"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
)

// Terms returns the function that the likelihood is made of: parameters → terms L_i of the VLB of
// map m in nats, averaged over the seeds, [θ][term]. Every θ sees the same noise, which depends on
// the seed and the term only. batch is the number of pairs of θ and noise per call of the network.
func (e *Emulator) Terms(m field.LogMap, terms []diffusion.Term, seeds []uint64,
	batch int,
) (func(context.Context, []cosmology.Params) ([][]float64, error), error) {
	x0, draws, err := e.draws(m, terms, seeds, batch)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, params []cosmology.Params) ([][]float64, error) {
		theta, err := e.thetas(params)
		if err != nil {
			return nil, err
		}
		values, err := e.schedule.BoundTerms(ctx, e.denoiser(batch), draws, x0, theta,
			e.manifest.Prior.Len(), batch)
		if err != nil {
			return nil, fmt.Errorf("emulator: %w", err)
		}
		out := make([][]float64, len(params))
		for i, row := range values {
			out[i] = make([]float64, len(terms))
			for k, v := range row {
				out[i][k/len(seeds)] += v / float64(len(seeds))
			}
		}
		return out, nil
	}, nil
}

// draws returns the scaled pixels of a map and the noise of each term and seed; seeds run fastest.
func (e *Emulator) draws(m field.LogMap, terms []diffusion.Term, seeds []uint64,
	batch int,
) (x0 []float32, draws []diffusion.Draw, err error) {
	if m.Box.Cells != e.Box().Cells {
		return nil, nil, fmt.Errorf("emulator: a map of %d pixels a side, the network was trained on "+
			"%d: average it down first, or use another checkpoint", m.Box.Cells, e.Box().Cells)
	}
	if batch < 1 || len(terms) == 0 || len(seeds) == 0 {
		return nil, nil,
			fmt.Errorf("emulator: batch of %d, %d terms, %d seeds, want at least one of each", batch,
				len(terms), len(seeds))
	}
	x0 = e.manifest.Scaling.Scale(m).Values
	for _, term := range terms {
		for _, seed := range seeds {
			d := diffusion.Draw{Term: term, Epsilon: diffusion.TermNoise(seed, term, len(x0))}
			if rng := diffusion.AugmentationSource(seed, term); rng != nil {
				a := e.augmentation(rng)
				d.X0, d.Epsilon = a.Apply(x0, m.Box.Cells), a.Apply(d.Epsilon, m.Box.Cells)
			}
			draws = append(draws, d)
		}
	}
	return x0, draws, nil
}

// augmentation draws one of the equally likely augmentations; maps that are not periodic are not
// shifted.
func (e *Emulator) augmentation(rng *rand.Rand) field.Augmentation {
	p := field.RandomAugmentation(rng, e.Box().Cells)
	if !e.manifest.Data.Periodic {
		p.ShiftY, p.ShiftX = 0, 0
	}
	return p
}
