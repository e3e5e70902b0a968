package inference

import (
	"context"
	"fmt"
	"math/rand/v2"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

// Change is something done to the maps that parameters are inferred from, but not to those that
// the network was trained and the calibration fitted on.
type Change struct {
	Name string                                         // in tables and in names of files
	Of   func(m field.LogMap, seed uint64) field.LogMap // seed tells maps apart
}

// Noise adds Gaussian noise to each log10 pixel: a fraction of the range that the network sees.
func Noise(scaling field.Scaling, fraction float64) Change {
	return Change{
		Name: fmt.Sprintf("noise of %g of the range", fraction),
		Of: func(m field.LogMap, seed uint64) field.LogMap {
			return field.AddNoise(m, scaling.Dex(fraction), rand.New(rand.NewPCG(seed, 0)))
		},
	}
}

// Smoothing convolves the density with a Gaussian of sigma Mpc/h.
func Smoothing(sigma float64) Change {
	return Change{
		Name: fmt.Sprintf("smoothed by %g Mpc/h", sigma),
		Of: func(m field.LogMap, _ uint64) field.LogMap {
			out, err := field.Smooth(m.Linear(), sigma).Log10()
			if err != nil { // means of positive numbers
				panic(fmt.Sprintf("inference: smoothed by %g Mpc/h: %v", sigma, err))
			}
			return out
		},
	}
}

// Make generates one map for each of the parameters.
type Make func(ctx context.Context, params []cosmology.Params, seed uint64) ([]field.LogMap, error)

// Generated puts maps that a network makes at the same parameters in the place of the true ones
// of some simulations: what posteriors do better there than on true maps they lose to what the
// network does not know of true maps. Kept bounds go by the name, which says what makes the maps.
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
