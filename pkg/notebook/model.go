package notebook

import (
	"fmt"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/emulator"
	"darkfield/pkg/field"
	"darkfield/pkg/figure"
	"darkfield/pkg/heldout"
	"darkfield/pkg/likelihood"
	"darkfield/pkg/summary"
)

// Model is an opened network beside the maps that it has not seen. Its methods end the cell with
// one line where something fails.
type Model struct {
	*emulator.Emulator
	Data    heldout.Data
	Sampler emulator.SampleConfig // how Sample makes maps

	session *Session
	maps    *camels.Maps
}

// Model opens the network that the session's figures show.
func (s *Session) Model() *Model {
	e, data := s.network()
	return &Model{
		Emulator: e, Data: data, session: s, maps: Must(data.Maps()),
		Sampler: Must(s.Preset.Evaluate.Sampling.With(e.Manifest().Sampling)),
	}
}

// Universe is a simulation that the network was not trained on.
type Universe struct {
	Number int // in its set
	Params cosmology.Params
	Maps   []field.LogMap // of log10 of the pixels
}

// HeldOut returns n validation simulations that lie far apart in the plane of Ω_m and σ_8; a single
// one is that nearest to the centre of the prior.
func (m *Model) HeldOut(n int) []Universe {
	var out []Universe
	for _, sim := range Must(m.Data.Choose(n, n)) {
		out = append(out, Universe{
			Number: sim, Params: m.maps.Params(sim), Maps: Must(m.Data.Simulation(m.maps, sim)),
		})
	}
	return out
}

// Sample makes n maps at the parameters p. The same seed gives the same maps.
func (m *Model) Sample(p cosmology.Params, n int, seed uint64) []field.LogMap {
	params := make([]cosmology.Params, n)
	for i := range params {
		params[i] = p
	}
	return m.SampleEach(params, seed)
}

// SampleEach makes one map at each of the parameters. Map i starts from noise that depends on the
// seed and i alone.
func (m *Model) SampleEach(params []cosmology.Params, seed uint64) []field.LogMap {
	bar := m.session.page.bar(fmt.Sprintf("%d generated maps", len(params)))
	maps := Must(m.Emulator.Sample(m.session.ctx, params, seed, m.Sampler, bar.count))
	bar.done()
	return maps
}

// SampleFixed makes one map at each of the parameters, all from the same noise: what differs
// between them is the work of the parameters.
func (m *Model) SampleFixed(params []cosmology.Params, seed uint64) []field.LogMap {
	var out []field.LogMap
	bar := m.session.page.bar(fmt.Sprintf("%d maps from one noise", len(params)))
	for i, p := range params {
		one := Must(m.Emulator.Sample(m.session.ctx, []cosmology.Params{p}, seed, m.Sampler, nil))
		out = append(out, one...)
		bar.count(i+1, len(params))
	}
	bar.done()
	return out
}

// MapAndPower draws one generated map beside its spectrum k²P(k).
func (m *Model) MapAndPower(p cosmology.Params, seed uint64) *figure.Figure {
	one := Must(m.Emulator.Sample(m.session.ctx, []cosmology.Params{p}, seed, m.Sampler, nil))[0]
	spectrum := summary.SumNormalised.Power(one)
	curve := figure.Curve{X: spectrum.K}
	for i, k := range spectrum.K {
		curve.Y = append(curve.Y, k*k*spectrum.P[i])
	}
	return figure.MapBeside(one, m.Unit(), figure.Axes{
		Title: p.String(), X: "k [h/Mpc]", Y: "k²P(k)", LogX: true, LogY: true,
	}, curve)
}

// Reverse makes one map and returns it at n times from noise to map, or at all that the sampler has
// if these are fewer, with the times.
func (m *Model) Reverse(p cosmology.Params, seed uint64, n int) (maps []field.LogMap,
	times []diffusion.Step,
) {
	var all []field.LogMap
	var at []diffusion.Step
	_, err := m.Watch(m.session.ctx, p, seed, m.Sampler, func(t diffusion.Step, x field.LogMap) {
		all, at = append(all, x), append(at, t)
	})
	check(err)
	n = min(n, len(all))
	for i := range n {
		k := (i*(len(all)-1) + (n-1)/2) / max(n-1, 1)
		maps, times = append(maps, all[k]), append(times, at[k])
	}
	return maps, times
}

// Surfaces evaluates single terms of the variational bound of a map on a grid, with the same noise
// for all parameters: one surface a term, in nats.
func (m *Model) Surfaces(x field.LogMap, grid likelihood.Grid, seed uint64,
	terms ...diffusion.Term,
) []likelihood.Surface {
	score := Must(m.Terms(x, terms, []uint64{seed}, m.session.Preset.Evaluate.Sampling.Batch))
	bar := m.session.page.bar(fmt.Sprintf("%d terms at %d parameters", len(terms), grid.Len()))
	out := Must(likelihood.Evaluate(m.session.ctx, score, grid, bar.count))
	bar.done()
	return out
}

// Prior returns the whole prior as a grid of n×n parameters.
func (m *Model) Prior(n int) likelihood.Grid { return likelihood.WholePrior(m.Data.Prior, n) }

// Unit returns the unit of the linear values of the maps, for figures.
func (m *Model) Unit() string { return m.Manifest().Data.Unit }

// Gallery shows maps side by side under a caption.
func (m *Model) Gallery(caption string, maps ...field.LogMap) {
	m.session.Draw(figure.Gallery(maps, nil, m.Unit(), caption))
}
