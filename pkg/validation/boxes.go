package validation

import (
	"context"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/nbody"
	"darkfield/pkg/suite"
)

// boxStudy are the simulations in 25 Mpc/h, whose maps are measured.
type boxStudy struct {
	coarse, fine []boxMaps   // [seed]
	moved        [][]boxMaps // [fiducial, then responses][seed]
	spread       []boxMaps   // the LH set
}

func (b *boxStudy) tasks(s store, c Config) ([]task, error) {
	var out []task
	add := func(n nbody.Config, p cosmology.Params, seed uint64, into *boxMaps) {
		out = append(out, measure(s, "maps", work(n, true), []any{n, p, seed, c.Sides}, into, func(ctx context.Context) (boxMaps, error) {
			return measureMaps(ctx, n, p, seed, c.Sides)
		}))
	}
	b.coarse, b.fine = make([]boxMaps, c.ResolutionSeeds), make([]boxMaps, c.ResolutionSeeds)
	for seed := range c.ResolutionSeeds {
		add(c.Coarse, cosmology.Fiducial, uint64(seed), &b.coarse[seed])
		add(c.Fine, cosmology.Fiducial, uint64(seed), &b.fine[seed])
	}
	for _, p := range append([]Response{{Params: cosmology.Fiducial}}, responses...) {
		boxes := make([]boxMaps, c.ResponseSeeds)
		for seed := range boxes {
			add(c.Box, p.Params, uint64(seed), &boxes[seed])
		}
		b.moved = append(b.moved, boxes)
	}
	universes, err := suite.Design(camels.LH, c.Boxes, 1)
	if err != nil {
		return nil, err
	}
	b.spread = make([]boxMaps, c.Boxes)
	for i, u := range universes {
		add(c.Box, u.Params, u.Seed, &b.spread[i])
	}
	return out, nil
}

// ratioOf returns Σ a/Σ b of spectra at a side, and its jackknife error over boxes.
func ratioOf(a, b []boxMaps, side int) (ratio, err []float64) {
	sum := func(boxes []boxMaps) [][]float64 {
		var out [][]float64
		for _, x := range boxes {
			out = append(out, x.mean(side))
		}
		return out
	}
	pa, pb := sum(a), sum(b)
	for bin := range pa[0] {
		of := func(skip int) float64 {
			top, bottom := 0.0, 0.0
			for i := range pa {
				if i != skip {
					top, bottom = top+pa[i][bin], bottom+pb[i][bin]
				}
			}
			return top / bottom
		}
		ratio, err = append(ratio, of(-1)), append(err, jackknife(len(pa), of))
	}
	return ratio, err
}
