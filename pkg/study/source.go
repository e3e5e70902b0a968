package study

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/emulator"
	"darkfield/pkg/field"
	"darkfield/pkg/likelihood"
	"darkfield/pkg/summary"
)

// Sample generates one map, before a transfer function, for each of the parameters, numbered from
// start on. A map depends on its parameters, the seed and its number alone. progress may be nil.
type Sample func(ctx context.Context, start int, params []cosmology.Params, seed uint64,
	progress func(done, total int)) ([]field.LogMap, error)

// Terms returns the function that scores parameters for one map: terms of the variational bound,
// with noise that depends on (seed, term) alone.
type Terms func(m field.LogMap, terms []diffusion.Term, seed uint64) likelihood.Terms

// Source is what a study works on: the true maps, and an emulator behind two functions.
type Source struct {
	Suite      *camels.Suite
	Train      []int           // simulations of the LH set that the emulator was trained on
	Validation []int           // those that training has not seen
	Test       []int           // and those that nothing was chosen by
	Prior      cosmology.Prior // over which the emulator is conditioned
	Box        field.Box       // of the emulator's maps
	// identifies the checkpoint, in captions and where a transfer function matters
	Hash string
	// identifies its network, which its bound and its sampled maps depend on: part of the cache's
	// keys, and calibrations are of one such
	Network string
	Step    int    // of training, for captions
	Steps   int    // of the variance schedule; 0: not known
	Weights string // what captions call them; empty: the checkpoint
	Sampler string // for captions and the cache's keys, e.g. "ddim, 50 steps"
	// what sampled maps are changed by, after they are kept; nil: nothing
	Transferred *emulator.PowerCorrection
	// suite that the emulator was trained on, if it is known; captions name it where it differs
	Trained string
	Sample  Sample
	Terms   Terms
	Slopes  Slopes // nil where there is no network to take gradients of
	Cache   string // directory of generated maps; empty: none are kept

	// Progress is told what is being done and which fraction of it is; nil: nobody is.
	Progress func(stage string, fraction float64)
}

// report returns the progress function of the i-th of n equal parts of a stage.
func (s Source) report(stage string, i, n int) func(done, total int) {
	return func(done, total int) {
		if s.Progress != nil {
			s.Progress(stage, (float64(i)+float64(done)/float64(max(total, 1)))/float64(n))
		}
	}
}

// lh returns the LH set, or the Sobol set where that is missing: every study but 1P needs it.
func (s Source) lh() (*camels.Maps, error) {
	set, ok := s.Suite.Spread()
	if !ok {
		return nil, fmt.Errorf("study: %s has no LH set, which holds the validation parameters; make "+
			"it or choose another directory", s.Suite.Dir)
	}
	return s.Suite.Sets[set], nil
}

// held returns up to n held-out simulations that the suite has. The first spread are those far
// from each other in the prior, beginning with the one nearest to its centre; the rest follow in
// the order of the split. The choice depends on the split and the parameters alone, so that every
// checkpoint of a run is judged on the same ones.
func (s Source) held(n, spread int) ([]int, error) {
	maps, err := s.lh()
	if err != nil {
		return nil, err
	}
	var have []int
	for _, sim := range s.Validation {
		if sim >= 0 && sim < maps.Simulations() && s.Prior.Contains(maps.Params(sim)) {
			have = append(have, sim)
		}
	}
	if len(have) == 0 {
		return nil, fmt.Errorf("study: none of the checkpoint's %d validation simulations is among the "+
			"%d of %s; use the data it was trained on, or make more simulations", len(s.Validation),
			maps.Simulations(), maps.Path())
	}
	chosen := s.spread(maps, have, min(spread, len(have)))
	for _, sim := range have {
		if len(chosen) < n && !slices.Contains(chosen, sim) {
			chosen = append(chosen, sim)
		}
	}
	return chosen[:min(n, len(chosen))], nil
}

// spread picks n simulations by farthest-point order in the unit square of the prior.
func (s Source) spread(maps *camels.Maps, have []int, n int) []int {
	distance := func(a, b cosmology.UnitParams) float64 { return math.Hypot(a[0]-b[0], a[1]-b[1]) }
	at := func(sim int) cosmology.UnitParams { return s.Prior.Unit(maps.Params(sim)) }
	centre := cosmology.UnitParams{0.5, 0.5}
	chosen := []int{
		slices.MinFunc(have,
			func(a, b int) int { return cmp.Compare(distance(at(a), centre), distance(at(b), centre)) }),
	}
	for len(chosen) < n {
		nearest := func(sim int) float64 {
			d := math.Inf(1)
			for _, c := range chosen {
				d = min(d, distance(at(sim), at(c)))
			}
			return d
		}
		chosen = append(chosen,
			slices.MaxFunc(have, func(a, b int) int { return cmp.Compare(nearest(a), nearest(b)) }))
	}
	slices.SortFunc(chosen,
		func(a, b int) int { return cmp.Compare(maps.Params(a).OmegaM, maps.Params(b).OmegaM) })
	return chosen
}

// truth returns the true maps of a simulation as the emulator makes them: averaged to its pixels,
// then log10.
func (s Source) truth(maps *camels.Maps, sim int) ([]field.LogMap, error) {
	linear, err := maps.Simulation(sim)
	if err != nil {
		return nil, err
	}
	out := make([]field.LogMap, len(linear))
	for i, m := range linear {
		if out[i], err = s.logMap(m); err != nil {
			return nil, fmt.Errorf("study: %s, simulation %d, map %d: %w", maps.Path(), sim, i, err)
		}
	}
	return out, nil
}

func (s Source) logMap(m field.Map) (field.LogMap, error) {
	coarse, err := field.BlockAverage(m, s.Box.Cells)
	if err != nil {
		return field.LogMap{}, err
	}
	return coarse.Log10()
}

// convention is how spectra of log fields are normalised: by their sum where that is a mass, by
// nothing elsewhere.
func (s Source) convention() summary.Convention {
	if s.Suite.Description.Surface() {
		return summary.SumNormalised
	}
	return summary.Deviation
}

// caption says where a result comes from: the data, the normalisation of spectra, the checkpoint
// and the sampler.
func (s Source) caption(cfg Config, more string) string {
	return s.origin(cfg, fmt.Sprintf("; spectra of log10 fields f with %v", s.convention()), more)
}

// origin is caption for results of which there is something else, or nothing, to be said in the
// first place.
func (s Source) origin(cfg Config, first, more string) string {
	data := suiteTitle(s.Suite.Description.Suite)
	trained := ""
	if s.Trained != "" && s.Trained != s.Suite.Description.Suite {
		trained = " (trained on " + s.Trained + ")"
	}
	weights := "checkpoint"
	if s.Weights != "" {
		weights = s.Weights + ","
	}
	sampler := s.Sampler
	if s.Transferred != nil {
		sampler += ", transfer function"
	}
	text := fmt.Sprintf("%s, %d² pixels, %g Mpc/h a side%s; %s step %d, %.8s%s; sampler %s, seed %d.",
		data, s.Box.Cells, s.Box.Side, first, weights, s.Step, s.Hash, trained, sampler, cfg.Seed)
	if more != "" {
		text += " " + more
	}
	return text
}

// suiteTitle names a suite so that nobody takes toy universes for CAMELS.
func suiteTitle(suite string) string {
	if suite == camels.FastPM {
		return "FastPM toy universes (not CAMELS)"
	}
	return suite
}
