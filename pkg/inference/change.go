package inference

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/faults"
	"darkfield/pkg/field"
)

// Change is something done to the maps that parameters are inferred from, but not to those that
// the network was trained and the calibration fitted on.
type Change struct {
	Name string                                         // in tables and in names of files
	Of   func(m field.LogMap, seed uint64) field.LogMap // seed tells maps apart
}

// Observed is what is declared of maps that parameters are inferred from: what an instrument has
// done to them.
type Observed struct {
	// Beam is the standard deviation, in Mpc/h, of a Gaussian that the density is convolved with.
	Beam float64 `json:"beam_mpc_h"`
	// Noise is the standard deviation, in dex, of white noise of log10 of the pixels, after the beam.
	Noise float64 `json:"noise_dex"`
}

// Validate returns an error that names a field out of range.
func (o Observed) Validate() error {
	f := faults.Of("inference.Observed")
	f.Want(o.Beam >= 0 && !math.IsInf(o.Beam, 0), "Beam", o.Beam, "finite and >= 0")
	f.Want(o.Noise >= 0 && !math.IsInf(o.Noise, 0), "Noise", o.Noise, "finite and >= 0")
	return f.Err()
}

// Change gives beam and noise to maps that have none; nil where there is neither.
func (o Observed) Change() *Change {
	if o == (Observed{}) {
		return nil
	}
	var names []string
	if o.Beam > 0 {
		names = append(names, fmt.Sprintf("smoothed by %g Mpc/h", o.Beam))
	}
	if o.Noise > 0 {
		names = append(names, fmt.Sprintf("noise of %.3g dex", o.Noise))
	}
	return &Change{
		Name: strings.Join(names, ", "),
		Of: func(m field.LogMap, seed uint64) field.LogMap {
			if o.Beam > 0 {
				smooth, err := field.Smooth(m.Linear(), o.Beam).Log10()
				if err != nil { // means of positive numbers
					panic(fmt.Sprintf("inference: smoothed by %g Mpc/h: %v", o.Beam, err))
				}
				m = smooth
			}
			return field.AddNoise(m, o.Noise, rand.New(rand.NewPCG(seed, 0)))
		},
	}
}

// Raised returns a map that has the declared beam and noise as one of a calibration for more noise:
// independent noise is added, from a seed that the map's pixels determine. A calibration for
// another beam or less noise is an error that says what to do.
func (c Calibration) Raised(m field.LogMap, has Observed) (field.LogMap, error) {
	if err := has.Validate(); err != nil {
		return m, err
	}
	if want := c.Observed; has.Beam != want.Beam || has.Noise > want.Noise {
		return m, fmt.Errorf("inference: the map has a beam of %g Mpc/h and noise of %g dex, the "+
			"calibration is for a beam of %g Mpc/h and noise up to %g dex: make one for such maps with "+
			"`darkfield calibrate --beam %g --noise %g`", has.Beam, has.Noise, want.Beam, want.Noise,
			has.Beam, has.Noise)
	}
	more := Observed{Noise: math.Sqrt(c.Observed.Noise*c.Observed.Noise - has.Noise*has.Noise)}
	if more.Noise == 0 {
		return m, nil
	}
	f := field.FingerprintOf(m.Values)
	return more.Change().Of(m, f[0]), nil
}

// Make generates one map for each of the parameters.
type Make func(ctx context.Context, params []cosmology.Params, seed uint64) ([]field.LogMap, error)

// Generated puts maps that a network makes at the same parameters in the place of the true ones
// of some simulations: what posteriors do better there than on true maps they lose to what the
// network does not know of true maps.
func Generated(ctx context.Context, generate Make, name string, maps *camels.Maps, sims []int,
	seed uint64,
) (Change, error) {
	var params []cosmology.Params
	var places []uint64
	for _, sim := range sims {
		for k := range mapsPerSimulation {
			params, places = append(params, maps.Params(sim)), append(places, place(sim, mapOf(k)))
		}
	}
	made, err := generate(ctx, params, seed)
	if err != nil {
		return Change{}, fmt.Errorf("inference: maps to try posteriors on: %w", err)
	}
	at := map[uint64]field.LogMap{}
	for i, p := range places {
		at[p] = made[i]
	}
	return Change{Name: name, Of: func(_ field.LogMap, seed uint64) field.LogMap { return at[seed] }},
		nil
}
