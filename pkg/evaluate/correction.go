package evaluate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/emulator"
	"darkfield/pkg/responsefit"
	"darkfield/pkg/summary"
)

// TransferConfig says how a transfer function is measured.
type TransferConfig struct {
	// generated at each of transferNodes² parameters, with common noise: they tell the answer to the
	// parameters
	Maps int
	// generated with noise of their own, at parameters of training simulations in turn: they tell
	// what all parameters share
	Own  int
	Seed uint64 // of the common noise; Seed + 1, … are those of the others
}

// DefaultTransfer returns as many maps of either kind as know power to a percent or two, of seeds
// that cards do not use by default.
func DefaultTransfer() TransferConfig { return TransferConfig{Maps: 100, Own: 1000, Seed: 101} }

const (
	transferNodes = 5   // parameters along each axis
	transferChunk = 100 // maps with noise of their own that are kept in one file
	transferFolds = 10  // of the cross-validation
	// of the error of a network's power that all parameters share, as a share, before it is measured
	transferSpread = 0.03
)

// TransferResult is a transfer function and what it was made from.
type TransferResult struct {
	Transfer emulator.PowerCorrection `json:"transfer"`
	K        []float64                `json:"k"` // mean wavenumber of each bin, h/Mpc
	// of the polynomial in ln Ω_m and ln σ_8 through the training spectra
	Degree []int `json:"degree"`
	// mean of ln of the true over the generated power over the prior
	Shared  []float64 `json:"shared"`
	Error   []float64 `json:"error"`   // its standard error
	Kept    []float64 `json:"kept"`    // share of Shared that is corrected
	Trained int       `json:"trained"` // simulations
	Maps    int       `json:"maps"`    // generated in all
}

// Transfer measures the transfer function that gives generated maps the power of the training
// simulations, as a smooth function of the parameters: in each bin a power law of both, or a
// polynomial of the second degree where cross-validation prefers it by more than its own standard
// error. Maps of common noise tell the answer to the parameters well, though few, and what all
// parameters share badly, which many maps of different noise tell; it is corrected as far as
// these know it. old, where not nil, is what the generated maps have already.
func (e Emulator) Transfer(ctx context.Context, c TransferConfig,
	old *emulator.PowerCorrection,
) (TransferResult, error) {
	fail := func(err error) (TransferResult, error) { return TransferResult{}, err }
	if c.Maps < 2 || c.Own < 2 {
		return fail(fmt.Errorf("evaluate.TransferConfig: Maps = %d and Own = %d, want >= 2 of both",
			c.Maps, c.Own))
	}
	out := TransferResult{Transfer: emulator.NewPowerCorrection(e.Box.Cells, e.Prior)}
	if err := out.Transfer.Validate(); err != nil {
		return fail(err)
	}
	k, params, spectra, err := e.trainingSpectra(ctx)
	if err != nil {
		return fail(err)
	}
	if out.Trained = len(params); out.Trained < fewestTrended {
		return fail(fmt.Errorf("evaluate: %d of the checkpoint's training simulations are in %s, a "+
			"transfer function needs %d: use the data it was trained on", out.Trained, e.Suite.Dir,
			fewestTrended))
	}
	truth, degree, err := smoothest(e.Prior, params, spectra)
	if err != nil {
		return fail(err)
	}
	out.K, out.Degree = k, degree
	if out.Transfer.Rings, err = e.missing(ctx, c, truth, out.Transfer.Rings.Basis.Degree); err !=
		nil {
		return fail(err)
	}
	places := make([]cosmology.Params, c.Own)
	for i := range places {
		places[i] = params[i%len(params)]
	}
	excess, err := e.excess(ctx, places, c.Seed+1, truth, out.Transfer)
	if err != nil {
		return fail(err)
	}
	out.Maps = transferNodes*transferNodes*c.Maps + c.Own
	known := summary.Stats(excess)
	for b, polynomial := range out.Transfer.Rings.Coefficients {
		polynomial[0] -= math.Log(known.Mean[b]) // polynomial 0 is 1
		shared := 0.0
		for _, p := range params {
			shared += floats.Dot(polynomial, out.Transfer.Rings.Basis.At(p)) / float64(len(params))
		}
		e := known.Std[b] / known.Mean[b] / math.Sqrt(float64(c.Own))
		kept := transferSpread * transferSpread / (transferSpread*transferSpread + e*e)
		polynomial[0] -= (1 - kept) * shared
		out.Shared, out.Error, out.Kept = append(out.Shared, shared), append(out.Error, e),
			append(out.Kept, kept)
	}
	if old != nil {
		out.Transfer.Times(*old)
	}
	return out, out.Transfer.Validate()
}

// missing returns the true over the generated power as a trend, from maps of common noise at
// nodes that lie denser at the prior's edges.
func (e Emulator) missing(ctx context.Context, c TransferConfig,
	truth func(cosmology.Params) []float64, degree int,
) (responsefit.Response, error) {
	var nodes []cosmology.Params
	var ratios [][]float64 // [node][k]
	for i := range transferNodes * transferNodes {
		at := func(k int) float64 { return (1 - math.Cos(math.Pi*float64(k)/(transferNodes-1))) / 2 }
		p := e.Prior.Params(cosmology.UnitParams{at(i / transferNodes), at(i % transferNodes)})
		maps, err := e.generate(ctx, p, c.Maps, c.Seed,
			e.Report("answer to the parameters", i, transferNodes*transferNodes))
		if err != nil {
			return responsefit.Response{}, err
		}
		_, powers := e.powers(maps)
		ratio := truth(p)
		floats.Div(ratio, summary.Stats(powers).Mean)
		nodes, ratios = append(nodes, p), append(ratios, ratio)
	}
	t, err := responsefit.Fit(e.Prior, degree, nodes, ratios)
	if err != nil {
		return t, fmt.Errorf("evaluate: transfer function: %w", err)
	}
	return t, nil
}

// excess returns the power of maps at places, each with noise of its own, with a transfer
// function, over the true power: [map][k].
func (e Emulator) excess(ctx context.Context, places []cosmology.Params, seed uint64,
	truth func(cosmology.Params) []float64, t emulator.PowerCorrection,
) ([][]float64, error) {
	var out [][]float64
	chunks := (len(places) + transferChunk - 1) / transferChunk
	for i, chunk := range slices.Collect(slices.Chunk(places, transferChunk)) {
		maps, err := e.generateAt(ctx, chunk, seed+uint64(i), e.Report("power of all maps", i, chunks))
		if err != nil {
			return nil, err
		}
		_, powers := e.powers(maps)
		for m, power := range powers {
			floats.Mul(power, t.Power(chunk[m]))
			floats.Div(power, truth(chunk[m]))
			out = append(out, power)
		}
	}
	return out, nil
}

// smoothest returns the mean spectrum as a smooth function of the parameters, and the degree that
// was chosen for each bin.
func smoothest(prior cosmology.Prior, params []cosmology.Params,
	spectra [][]float64,
) (at func(cosmology.Params) []float64, degree []int, err error) {
	const low, high = 1, 2
	// [k][simulation]: by how much the higher degree predicts a left-out spectrum better
	gain := make([][]float64, len(spectra[0]))
	for fold := range transferFolds {
		var p []cosmology.Params
		var v [][]float64
		for i := range params {
			if i%transferFolds != fold {
				p, v = append(p, params[i]), append(v, spectra[i])
			}
		}
		l, err1 := responsefit.Fit(prior, low, p, v)
		h, err2 := responsefit.Fit(prior, high, p, v)
		if err := errors.Join(err1, err2); err != nil {
			return nil, nil, err
		}
		for i := fold; i < len(params); i += transferFolds {
			lower, higher := l.At(params[i]), h.At(params[i])
			for k, x := range spectra[i] {
				gain[k] = append(gain[k], math.Pow(math.Log(x/lower[k]), 2)-math.Pow(math.Log(x/higher[k]), 2))
			}
		}
	}
	degree = make([]int, len(gain))
	for k, g := range gain {
		degree[k] = low
		if mean, std := stat.MeanStdDev(g, nil); mean > std/math.Sqrt(float64(len(g))) {
			degree[k] = high
		}
	}
	l, err1 := responsefit.Fit(prior, low, params, spectra)
	h, err2 := responsefit.Fit(prior, high, params, spectra)
	if err := errors.Join(err1, err2); err != nil {
		return nil, nil, err
	}
	scale := make([]float64, len(degree)) // a fit of logarithms gives the geometric mean
	value := func(p cosmology.Params) []float64 {
		out, higher := l.At(p), h.At(p)
		for k := range out {
			if degree[k] == high {
				out[k] = higher[k]
			}
		}
		return out
	}
	for i, p := range params {
		for k, v := range value(p) {
			scale[k] += spectra[i][k] / v / float64(len(params))
		}
	}
	return func(p cosmology.Params) []float64 {
		out := value(p)
		floats.Mul(out, scale)
		return out
	}, degree, nil
}

// trainingSpectra returns the mean spectra of the simulations that the emulator was trained on,
// as far as the suite has them.
func (e Emulator) trainingSpectra(ctx context.Context) (k []float64, params []cosmology.Params,
	spectra [][]float64, err error,
) {
	set, err := e.Maps()
	if err != nil {
		return nil, nil, nil, err
	}
	for i, sim := range e.Train {
		if sim >= set.Simulations() {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, nil, err
		}
		maps, err := e.Simulation(set, sim)
		if err != nil {
			return nil, nil, nil, err
		}
		var powers [][]float64
		k, powers = e.powers(maps)
		params, spectra = append(params, set.Params(sim)), append(spectra, summary.Stats(powers).Mean)
		e.Report("training spectra", i, len(e.Train))(1, 1)
	}
	return k, params, spectra, nil
}
