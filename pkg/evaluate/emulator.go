package evaluate

import (
	"context"
	"fmt"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/emulator"
	"darkfield/pkg/field"
	"darkfield/pkg/heldout"
	"darkfield/pkg/summary"
)

// Sample generates one map, before a power-spectrum correction, for each of the parameters,
// numbered from start on. A map depends on its parameters, the seed and its number alone. progress
// may be nil.
type Sample func(ctx context.Context, start int, params []cosmology.Params, seed uint64,
	progress func(done, total int)) ([]field.LogMap, error)

// Emulator makes maps beside the true ones of its data.
type Emulator struct {
	heldout.Data
	Sample  Sample
	Sampler string // for captions and the cache's keys, e.g. "ddim, 50 steps"
	// what sampled maps are changed by, after they are kept; nil: nothing
	Correction *emulator.PowerCorrection
	Cache      string // directory of generated maps; empty: none are kept
}

// Of returns an emulator that samples as it is told. cache is the directory of generated maps
// (empty: none are kept).
func Of(e *emulator.Emulator, data heldout.Data, sampling emulator.SampleConfig, cache string,
) Emulator {
	return Emulator{
		Data: data, Sampler: sampling.String(), Correction: e.PowerCorrection(), Cache: cache,
		Sample: func(ctx context.Context, start int, params []cosmology.Params, seed uint64,
			progress func(done, total int),
		) ([]field.LogMap, error) {
			return e.Raw(ctx, start, params, seed, sampling, progress)
		},
	}
}

// convention is how spectra of log fields are normalised: by their sum where that is a mass, by
// nothing elsewhere.
func (e Emulator) convention() summary.Convention {
	if e.Suite.Description.Surface() {
		return summary.SumNormalised
	}
	return summary.Deviation
}

// powers returns the wavenumbers and the spectrum of each map.
func (e Emulator) powers(maps []field.LogMap) (k []float64, p [][]float64) {
	convention := e.convention()
	for _, m := range maps {
		spectrum := convention.Power(m)
		k, p = spectrum.K, append(p, spectrum.P)
	}
	return k, p
}

// spectraCaption says where a result comes from: the data, the normalisation of spectra, the
// checkpoint and the sampler.
func (e Emulator) spectraCaption(cfg Config, more string) string {
	return e.caption(cfg, fmt.Sprintf("; spectra of log10 fields f with %v", e.convention()), more)
}

// caption is that for results of which there is something else, or nothing, to be said first.
func (e Emulator) caption(cfg Config, first, more string) string {
	how := "sampler " + e.Sampler
	if e.Correction != nil {
		how += ", power-spectrum correction"
	}
	return e.Data.Caption(first, fmt.Sprintf("%s, seed %d", how, cfg.Seed), more)
}
