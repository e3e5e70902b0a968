// Package dataset turns the maps of a suite into what training wants: a function from an index to scaled pixels and scaled
// parameters, and a manifest that says what they were. It is the one place where files and training meet.
package dataset

import (
	"fmt"
	"sync"

	"darkfield/pkg/camels"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/training"
	"darkfield/pkg/unet"
)

// memory is how many bytes of scaled maps are kept instead of read again: 1000 simulations of 64² fit.
const memory = 1 << 30

// fewest is the least number of simulations that can be split three ways.
const fewest = 3

// Prepare returns the LH maps of a suite averaged down to side pixels, split by simulation with splitSeed, and the manifest of
// a network trained on them. Maps smaller than side, or of a side that network cannot halve, are an error.
func Prepare(s *camels.Suite, network unet.Config, side int, splitSeed uint64) (training.Data, checkpoint.Manifest, error) {
	fail := func(err error) (training.Data, checkpoint.Manifest, error) {
		return training.Data{}, checkpoint.Manifest{}, fmt.Errorf("dataset: %w", err)
	}
	if !s.Has(camels.LH) {
		return fail(fmt.Errorf("%s has no LH set, which training needs; make one with `darkfield simulate --set LH`", s.Dir))
	}
	maps := s.Sets[camels.LH]
	if err := network.CheckSide(side); err != nil {
		return fail(err)
	}
	if maps.Box().Cells%side != 0 {
		return fail(fmt.Errorf("%s has maps of %d pixels a side, which cannot be averaged to %d: choose a divisor as the side", maps.Path(), maps.Box().Cells, side))
	}
	if maps.Simulations() < fewest {
		return fail(fmt.Errorf("%s holds %d simulations, want at least %d to train, validate and test on", maps.Path(), maps.Simulations(), fewest))
	}
	split := camels.SplitSimulations(maps.Simulations(), splitSeed)
	prior := cosmology.CAMELSPrior()
	r := reader{maps: maps, side: side, scaling: s.Description.Scaling(), prior: prior}
	data := training.Data{Side: side, Train: r.source(split.Train), Validation: r.source(split.Validation)}
	return data, checkpoint.Manifest{
		Network: network, Schedule: diffusion.PaperName, Prior: prior, Scaling: r.scaling,
		Data: checkpoint.Data{
			Suite: s.Description.Suite, Set: string(camels.LH), Unit: s.Description.Unit, Side: side,
			BoxSide: s.Description.BoxSide, Periodic: s.Description.Periodic, Split: checkpoint.Split(split),
		},
	}, nil
}

// reader reads, averages and scales maps.
type reader struct {
	maps    *camels.Maps
	side    int
	scaling field.Scaling
	prior   cosmology.Prior
}

// source returns the maps of some simulations, keeping as many in memory as fit.
func (r reader) source(sims []int) training.Source {
	n := len(sims) * camels.MapsPerSimulation
	kept := make([][]float32, min(n, memory/(4*r.side*r.side)))
	var mu sync.RWMutex
	return training.Source{Len: n, Fill: func(i int, dst []float32) ([2]float32, error) {
		sim := sims[i/camels.MapsPerSimulation]
		u := r.prior.Unit(r.maps.Params(sim))
		theta := [2]float32{float32(u[0]), float32(u[1])}
		if i < len(kept) {
			mu.RLock()
			values := kept[i]
			mu.RUnlock()
			if values != nil {
				copy(dst, values)
				return theta, nil
			}
		}
		values, err := r.scaled(sim*camels.MapsPerSimulation + i%camels.MapsPerSimulation)
		if err != nil {
			return theta, err
		}
		if i < len(kept) {
			mu.Lock()
			kept[i] = values
			mu.Unlock()
		}
		copy(dst, values)
		return theta, nil
	}}
}

func (r reader) scaled(i int) ([]float32, error) {
	m, err := r.maps.Map(i)
	if err != nil {
		return nil, err
	}
	if m, err = field.BlockAverage(m, r.side); err != nil {
		return nil, err
	}
	l, err := m.Log10()
	if err != nil {
		return nil, err
	}
	return r.scaling.Scale(l).Values, nil
}
