package validation

import (
	"context"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/nbody"
	"darkfield/pkg/suite"
)

// boxStudy holds the measurements of the maps of all boxes of 25 Mpc/h.
type boxStudy struct {
	coarse, fine []boxMaps // [seed]
	// one box, with spheres of as many neighbours as in fine, and of the same mass
	reference [2]boxMaps
	choices   []choiceBoxes
	varied    [][]boxMaps // [fiducial, then responses][seed]
	hypercube []boxMaps   // the LH set
}

func (b *boxStudy) tasks(s store, c Config) ([]task, error) {
	var out []task
	add := func(n nbody.Config, p cosmology.Params, seed uint64, into *boxMaps) {
		out = append(out, measure(s, "maps", work(n, true), []any{n, p, seed, c.Sides}, into,
			func(ctx context.Context) (boxMaps, error) {
				return measureMaps(ctx, n, p, seed, c.Sides)
			}))
	}
	b.coarse, b.fine = make([]boxMaps, c.ResolutionSeeds), make([]boxMaps, c.ResolutionSeeds)
	for seed := range c.ResolutionSeeds {
		add(c.Coarse, cosmology.Fiducial, uint64(seed), &b.coarse[seed])
		add(c.Fine, cosmology.Fiducial, uint64(seed), &b.fine[seed])
	}
	if c.Reference.Particles > 0 {
		out = append(out, b.referenceTask(s, c))
	}
	for _, omega := range c.ChoiceOmega {
		for _, v := range choicesOf(c.Box) {
			p := cosmology.Params{OmegaM: omega, Sigma8: cosmology.Fiducial.Sigma8}
			boxes := make([]boxMaps, c.ChoiceSeeds)
			for seed := range boxes {
				add(v.config, p, choiceSeed+uint64(seed), &boxes[seed])
			}
			b.choices = append(b.choices, choiceBoxes{omega, v, boxes})
		}
	}
	for _, p := range append([]Response{{Params: cosmology.Fiducial}}, responses...) {
		boxes := make([]boxMaps, c.ResponseSeeds)
		for seed := range boxes {
			add(c.Box, p.Params, uint64(seed), &boxes[seed])
		}
		b.varied = append(b.varied, boxes)
	}
	universes, err := suite.Design(camels.LH, c.Boxes, 1)
	if err != nil {
		return nil, err
	}
	b.hypercube = make([]boxMaps, c.Boxes)
	for i, u := range universes {
		add(c.Box, u.Params, u.Seed, &b.hypercube[i])
	}
	return out, nil
}

// referenceTask runs the reference once and makes its maps twice: with as many neighbours as Fine,
// and with as many as have the mass of Fine's.
func (b *boxStudy) referenceTask(s store, c Config) task {
	ratio := c.Reference.Particles / c.Fine.Particles
	arguments := []any{c.Reference, c.Fine.Neighbours, ratio, c.Sides}
	return measure(s, "reference", work(c.Reference, true), arguments, &b.reference,
		func(ctx context.Context) (pair [2]boxMaps, err error) {
			p, err := nbody.Simulate(ctx, c.Reference, cosmology.Fiducial, 0)
			if err != nil {
				return pair, err
			}
			n := c.Reference
			for i, neighbours := range []int{
				c.Fine.Neighbours, c.Fine.Neighbours * ratio * ratio * ratio,
			} {
				n.Neighbours = neighbours
				if pair[i], err = measureParticles(p, n, c.Sides); err != nil {
					return pair, err
				}
			}
			return pair, nil
		})
}

// ratioOf returns the ratio Σ a/Σ b over boxes of the spectra of the overdensity, at a side given
// by its index, and its jackknife error.
func ratioOf(a, b []boxMaps, side int) (ratio, err []float64) {
	return ratioOfSpectra(a, b, func(m boxMaps) []float64 { return m.mean(side) })
}

// ratioOfLogs is ratioOf for spectra of log10 of the maps.
func ratioOfLogs(a, b []boxMaps, side int) (ratio, err []float64) {
	return ratioOfSpectra(a, b, func(m boxMaps) []float64 { return m.LogPower[side] })
}

func ratioOfSpectra(a, b []boxMaps, spectrum func(boxMaps) []float64) (ratio, err []float64) {
	var pa, pb [][]float64
	for i := range a {
		pa, pb = append(pa, spectrum(a[i])), append(pb, spectrum(b[i]))
	}
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
		r, e := jackknifed(len(pa), of)
		ratio, err = append(ratio, r), append(err, e)
	}
	return ratio, err
}
