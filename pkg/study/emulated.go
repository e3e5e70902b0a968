package study

import (
	"cmp"
	"context"
	"fmt"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/emulator"
	"darkfield/pkg/field"
	"darkfield/pkg/likelihood"
)

// FromEmulator returns the source of studies of one checkpoint on one suite. cache is the
// directory of generated maps (empty: none are kept). It returns an error for maps of another box
// or of pixels that cannot be averaged to the network's.
func FromEmulator(e *emulator.Emulator, suite *camels.Suite, cfg Config,
	cache string,
) (Source, error) {
	m := e.Manifest()
	if err := cfg.Validate(); err != nil {
		return Source{}, err
	}
	s := ForMaps(e, cfg.Sampling.Batch)
	s.Suite, s.Sampler, s.Cache = suite, cfg.Sampling.String(), cache
	s.Transferred = e.PowerCorrection()
	s.Sample = func(ctx context.Context, start int, params []cosmology.Params, seed uint64,
		progress func(done, total int),
	) ([]field.LogMap, error) {
		return e.Raw(ctx, start, params, seed, cfg.Sampling, progress)
	}
	return s,
		cmp.Or(s.checkSuite(), checkField(suite, cmp.Or(m.Data.Field, "Mcdm"), m.Data.Unit,
			m.Data.Offset))
}

// ForMaps returns a source that infers parameters of single maps: it has no suite and does not
// sample. batch is how many pairs of parameters and noise go through the network at a time.
func ForMaps(e *emulator.Emulator, batch int) Source {
	m := e.Manifest()
	return Source{
		Train: m.Data.Split.Train, Validation: m.Data.Split.Validation, Test: m.Data.Split.Test,
		Prior: m.Prior, Box: e.Box(), Hash: e.Hash(), Network: e.NetworkHash(), Step: m.Step,
		Trained: m.Data.Suite, Steps: e.Schedule().Steps(),
		Terms: func(m field.LogMap, terms []diffusion.Term, seed uint64) likelihood.Terms {
			score, err := e.Terms(m, terms, []uint64{seed}, batch)
			if err != nil {
				return func(context.Context, []cosmology.Params) ([][]float64, error) { return nil, err }
			}
			return score
		},
		Slopes: func(m field.LogMap, terms []diffusion.Term, weights []float64, seeds []uint64) func(
			context.Context, []cosmology.Params) ([]float64, [][2]float64, error) {
			slopes, err := e.Gradients(m, terms, weights, seeds, batch)
			if err != nil {
				return func(context.Context, []cosmology.Params) ([]float64, [][2]float64, error) {
					return nil, nil, err
				}
			}
			return slopes
		},
	}
}

// checkField returns an error unless the suite's maps show what the checkpoint was trained on.
// Its log range may differ: the emulator keeps its own.
func checkField(suite *camels.Suite, name, unit string, offset float64) error {
	if suite.Field != name {
		return fmt.Errorf("study: %s has maps of %s, the checkpoint was trained on %s; choose data of "+
			"the same field", suite.Dir, suite.Field, name)
	}
	if d := suite.Description; d.Unit != unit || d.Offset != offset {
		return fmt.Errorf("study: %s has maps in %s with %g added, the checkpoint was trained on maps "+
			"in %s with %g; choose other data or correct %s", suite.Dir, d.Unit, d.Offset, unit, offset,
			camels.DescriptionFile)
	}
	return nil
}

// checkSuite returns an error unless the suite's maps can be compared with the emulator's.
func (s Source) checkSuite() error {
	for _, maps := range s.Suite.Sets {
		box := maps.Box()
		if box.Side != s.Box.Side {
			return fmt.Errorf("study: %s has maps of %g Mpc/h a side, the checkpoint was trained on %g; "+
				"choose data of the same box", maps.Path(), box.Side, s.Box.Side)
		}
		if box.Cells%s.Box.Cells != 0 {
			return fmt.Errorf("study: %s has maps of %d pixels a side, which cannot be averaged to the "+
				"checkpoint's %d", maps.Path(), box.Cells, s.Box.Cells)
		}
	}
	return nil
}
