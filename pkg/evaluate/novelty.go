package evaluate

import (
	"context"
	"fmt"
	"slices"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/report"
	"darkfield/pkg/summary"
)

// Novelty holds distances to the nearest training map: of generated maps, and of true maps at the
// same parameters that training has not seen. An emulator that copies makes maps that lie nearer.
type Novelty struct {
	Caption  string                    `json:"caption"`
	Training int                       `json:"training_maps"`
	Rows     []NoveltyRow              `json:"rows"`
	Smaller  summary.KolmogorovSmirnov `json:"smaller"` // are the generated maps' distances smaller?
}

// NoveltyRow is a generated map and a true one at the same parameters. Distances are rms
// differences of log10 pixels in dex, over the 8 symmetries and all periodic shifts.
type NoveltyRow struct {
	Params           cosmology.Params `json:"params"`
	HeldOutMap       int              `json:"held_out_map"` // in the file
	Generated        float64          `json:"generated_distance"`
	HeldOut          float64          `json:"held_out_distance"`
	GeneratedNearest int              `json:"generated_nearest_map"` // in the file
	HeldOutNearest   int              `json:"held_out_nearest_map"`
}

// noveltySeed keeps the noise of these maps apart from that of maps at one parameter.
const noveltySeed = 0x6e6f76656c7479

// Novelty looks for the nearest training map of n generated maps and of as many held-out true
// ones. Both have the same parameters, for the distance depends on them: those of the validation
// and test simulations, as many different ones as there are.
func (e Emulator) Novelty(ctx context.Context, cfg Config, n int) (Novelty, error) {
	var out Novelty
	if err := cfg.Validate(); err != nil {
		return out, err
	}
	maps, err := e.Maps()
	if err != nil {
		return out, err
	}
	var truth []field.LogMap
	var params []cosmology.Params
	for _, i := range e.heldMaps(maps, n) {
		m, err := e.Map(maps, i/camels.MapsPerSimulation, i%camels.MapsPerSimulation)
		if err != nil {
			return out, err
		}
		p := maps.Params(i / camels.MapsPerSimulation)
		truth, params = append(truth, m), append(params, p)
		out.Rows = append(out.Rows, NoveltyRow{Params: p, HeldOutMap: i})
	}
	if len(truth) == 0 {
		return out, fmt.Errorf("evaluate: none of the checkpoint's held-out simulations is in %s; use "+
			"the data it was trained on", maps.Path())
	}
	generated, err := e.generateAt(ctx, params, cfg.Seed^noveltySeed, e.Report("new maps", 0, 2))
	if err != nil {
		return out, err
	}
	library, origin, err := e.library(maps)
	if err != nil {
		return out, err
	}
	found, err := library.Nearest(ctx, append(generated, truth...), e.Report("new maps", 1, 2))
	if err != nil {
		return out, err
	}
	var distances [2][]float64
	for i := range out.Rows {
		r, made, held := &out.Rows[i], found[i], found[len(out.Rows)+i]
		r.Generated, r.GeneratedNearest = made.Distance, origin[made.Map]
		r.HeldOut, r.HeldOutNearest = held.Distance, origin[held.Map]
		distances[0], distances[1] = append(distances[0], r.Generated), append(distances[1], r.HeldOut)
	}
	out.Training, out.Smaller = len(origin), summary.OneSidedKolmogorovSmirnov(distances[0],
		distances[1])
	out.Caption = e.spectraCaption(cfg, fmt.Sprintf("%d maps of each kind at %d held-out parameters; "+
		"the nearest of %d training maps over 8 symmetries and all shifts.", len(out.Rows),
		different(params), out.Training))
	return out, nil
}

// heldMaps chooses up to n maps of held-out simulations: one of each simulation, in turn of
// another place in the box, then a second one.
func (e Emulator) heldMaps(maps *camels.Maps, n int) []int {
	var out []int
	sims := e.Among(maps, slices.Concat(e.Validation, e.Test))
	for i := range min(n, camels.MapsPerSimulation*len(sims)) {
		round, place := i/len(sims), i%len(sims)
		out = append(out, sims[place]*camels.MapsPerSimulation+(place+round)%camels.MapsPerSimulation)
	}
	return out
}

// library returns all training maps and where each stands in its file.
func (e Emulator) library(maps *camels.Maps) (*summary.Library, []int, error) {
	var all []field.LogMap
	var origin []int
	for _, sim := range e.Train {
		if sim < 0 || sim >= maps.Simulations() {
			return nil, nil, fmt.Errorf("evaluate: simulation %d, which the checkpoint was trained on, is "+
				"none of the %d of %s; use the data it was trained on", sim, maps.Simulations(), maps.Path())
		}
		more, err := e.Simulation(maps, sim)
		if err != nil {
			return nil, nil, err
		}
		for i := range more {
			origin = append(origin, sim*camels.MapsPerSimulation+i)
		}
		all = append(all, more...)
	}
	l, err := summary.NewLibrary(all)
	if err != nil {
		return nil, nil, fmt.Errorf("evaluate: training maps of %s: %w", maps.Path(), err)
	}
	return l, origin, nil
}

// different counts parameters that differ.
func different(params []cosmology.Params) int {
	seen := map[cosmology.Params]bool{}
	for _, p := range params {
		seen[p] = true
	}
	return len(seen)
}

// WriteCSV writes one row a pair of maps.
func (n Novelty) WriteCSV(path string) error {
	t := report.NewTable("omega_m", "sigma_8", "generated_distance_dex", "generated_nearest_map",
		"held_out_map", "held_out_distance_dex", "held_out_nearest_map")
	for _, r := range n.Rows {
		t.Add(r.Params.OmegaM, r.Params.Sigma8, r.Generated, r.GeneratedNearest, r.HeldOutMap, r.HeldOut,
			r.HeldOutNearest)
	}
	return t.Write(path)
}
