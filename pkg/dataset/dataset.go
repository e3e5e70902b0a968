// Package dataset makes training data of a suite of maps: a function from an index to scaled pixels
// and parameters, and the manifest of what they are. It knows neither file formats nor the training
// loop.
package dataset

import (
	"context"
	"fmt"

	"darkfield/pkg/camels"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/network"
	"darkfield/pkg/training"
)

// fewest is the smallest number of simulations that can be split three ways.
const fewest = 3

// MeasureRange returns the least and the largest log10 of the training pixels, for the description
// of a field without a known log range. It reads all training maps. progress may be nil.
func MeasureRange(ctx context.Context, s *camels.Suite, splitSeed uint64,
	progress func(done, maps int),
) ([2]float64, error) {
	_, maps, split, err := trainingMaps(s, splitSeed)
	if err != nil {
		return [2]float64{}, err
	}
	out, err := maps.LogRange(ctx, split.Train, progress)
	if err == nil && out[0] == out[1] {
		err = fmt.Errorf("dataset: all pixels of %s have the log10 %g: there is nothing to learn; copy "+
			"the file again", maps.Path(), out[0])
	}
	return out, err
}

// Prepare returns the maps of a suite's LH set, or of its Sobol set if it has no LH, averaged
// down to side pixels and split by simulation with splitSeed, and the manifest of a network
// trained on them. A side that does not divide that of the maps, or that the network cannot
// downsample, is an error, and so is a field without a log range. Maps are read on demand, so
// that files may be larger than memory.
func Prepare(s *camels.Suite, n network.Network, side int,
	splitSeed uint64,
) (training.Data, checkpoint.Manifest, error) {
	fail := func(err error) (training.Data, checkpoint.Manifest, error) {
		return training.Data{}, checkpoint.Manifest{}, err
	}
	set, maps, split, err := trainingMaps(s, splitSeed)
	if err != nil {
		return fail(err)
	}
	if n.CheckSide != nil {
		if err := n.CheckSide(side); err != nil {
			return fail(fmt.Errorf("dataset: %w", err))
		}
	}
	if maps.Box().Cells%side != 0 {
		return fail(fmt.Errorf("dataset: %s has maps of %d pixels a side, which cannot be averaged to "+
			"%d: choose a divisor as the side", maps.Path(), maps.Box().Cells, side))
	}
	d := s.Description
	if !d.HasRange() {
		return fail(fmt.Errorf("dataset: the log range of %s of %s is not known: `darkfield inspect "+
			"%s` measures it; write it as log_range: [low, high] to %s there", s.Field, d.Suite, s.Dir,
			camels.DescriptionFile))
	}
	prior := d.Prior()
	r := reader{maps: maps, side: side, scaling: d.Scaling(), prior: prior}
	data := training.Data{
		Side: side, Train: r.source(split.Train),
		Validation: r.source(split.Validation),
	}
	manifest := checkpoint.Manifest{
		Schedule: diffusion.PaperName, Prior: prior, Scaling: r.scaling,
		Data: checkpoint.Data{
			Suite: d.Suite, Field: fieldName(s), Set: string(set), Unit: d.Unit,
			Offset: d.Offset, Side: side,
			BoxSide: d.BoxSide, Periodic: d.Periodic, Split: checkpoint.Split(split),
		},
	}
	manifest.SetNetwork(n)
	if manifest.Model == nil { // the data says how many parameters there are
		manifest.Network.ConditionDim = prior.Len()
	}
	return data, manifest, nil
}

// fieldName is the field as a manifest records it: empty for Mcdm, as in manifests of runs that
// have no such entry.
func fieldName(s *camels.Suite) string {
	if s.Field == "Mcdm" {
		return ""
	}
	return s.Field
}

// trainingMaps returns the set to train on and how it is split.
func trainingMaps(s *camels.Suite,
	splitSeed uint64,
) (camels.Set, *camels.Maps, camels.Split, error) {
	set, ok := s.TrainingSet()
	if !ok {
		return "", nil, camels.Split{}, fmt.Errorf("dataset: %s has no LH set, which training needs; "+
			"make one with `darkfield simulate --set LH`", s.Dir)
	}
	maps := s.Sets[set]
	if maps.Simulations() < fewest {
		return "", nil, camels.Split{}, fmt.Errorf("dataset: %s holds %d simulations, want at least %d "+
			"to train, validate and test on", maps.Path(), maps.Simulations(), fewest)
	}
	return set, maps, camels.SplitSimulations(maps.Simulations(), splitSeed), nil
}

// reader reads, averages and scales maps.
type reader struct {
	maps    *camels.Maps
	side    int
	scaling field.Scaling
	prior   cosmology.Prior
}

// source returns the maps of some simulations.
func (r reader) source(sims []int) training.Source {
	return training.Source{
		Len: len(sims) * camels.MapsPerSimulation,
		Fill: func(i int, dst []float32) ([]float32, error) {
			sim := sims[i/camels.MapsPerSimulation]
			m, err := r.maps.Average(sim*camels.MapsPerSimulation+i%camels.MapsPerSimulation, r.side)
			if err != nil {
				return nil, err
			}
			l, err := m.Log10()
			if err != nil {
				return nil, err
			}
			copy(dst, r.scaling.Scale(l).Values)
			return r.prior.Unit(r.maps.Params(sim)).Float32(), nil
		},
	}
}
