package inference

import (
	"context"
	"fmt"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/emulator"
	"darkfield/pkg/field"
	"darkfield/pkg/heldout"
	"darkfield/pkg/likelihood"
)

// Terms returns the function that scores parameters for one map: terms of the variational bound,
// with noise that depends on (seed, term) alone.
type Terms func(m field.LogMap, terms []diffusion.Term, seed uint64) likelihood.Terms

// Gradients returns the function from parameters to Σ weights[k] L_{terms[k]} of a map, averaged
// over noise seeds, in nats up to a constant, and its derivatives by each parameter.
type Gradients func(m field.LogMap, terms []diffusion.Term, weights []float64,
	seeds []uint64) func(context.Context, []cosmology.Params) ([]float64, [][]float64, error)

// Likelihood is the variational bound of a checkpoint, beside the true maps of its data.
type Likelihood struct {
	heldout.Data
	Terms     Terms
	Gradients Gradients // nil where there is no network to take gradients of
	Steps     int       // of the variance schedule; 0: not known
}

// Of returns the likelihood of an emulator's network. batch is how many pairs of parameters and
// noise go through the network at a time.
func Of(e *emulator.Emulator, data heldout.Data, batch int) Likelihood {
	return Likelihood{
		Data: data, Steps: e.Schedule().Steps(),
		Terms: func(m field.LogMap, terms []diffusion.Term, seed uint64) likelihood.Terms {
			score, err := e.Terms(m, terms, []uint64{seed}, batch)
			if err != nil {
				return func(context.Context, []cosmology.Params) ([][]float64, error) { return nil, err }
			}
			return score
		},
		Gradients: func(m field.LogMap, terms []diffusion.Term, weights []float64,
			seeds []uint64,
		) func(context.Context, []cosmology.Params) ([]float64, [][]float64, error) {
			gradients, err := e.Gradients(m, terms, weights, seeds, batch)
			if err != nil {
				return func(context.Context, []cosmology.Params) ([]float64, [][]float64, error) {
					return nil, nil, err
				}
			}
			return gradients
		},
	}
}

// caption says where a result comes from: the data and the checkpoint, and what of its bound.
func (l Likelihood) caption(of string, seed uint64, more string) string {
	return l.Data.Caption("", fmt.Sprintf("%s, seed %d", of, seed), more)
}
