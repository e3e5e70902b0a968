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

// CorrectionConfig says how a power-spectrum correction is measured.
type CorrectionConfig struct {
	// generated at each of correctionNodes² parameters, with common noise: they tell the answer to the
	// parameters
	Maps int
	// generated with noise of their own, at parameters of training simulations in turn: they tell
	// what all parameters share
	Independent int
	Seed        uint64 // of the common noise; Seed + 1, … are those of the others
}

// DefaultCorrection returns as many maps of either kind as know power to a percent or two, of seeds
// that model cards do not use by default.
func DefaultCorrection() CorrectionConfig {
	return CorrectionConfig{Maps: 100, Independent: 1000, Seed: 101}
}

const (
	correctionNodes = 5   // parameters along each axis
	correctionChunk = 100 // maps with noise of their own that are kept in one file
	correctionFolds = 10  // of the cross-validation
	// of the error of a network's power that all parameters share, as a share, before it is measured
	correctionPrior = 0.03
)

// CorrectionResult is a power-spectrum correction and what it was made from.
type CorrectionResult struct {
	Correction emulator.PowerCorrection `json:"correction"`
	K          []float64                `json:"k"` // mean wavenumber of each bin, h/Mpc
	// of the polynomial in ln Ω_m and ln σ_8 through the training spectra
	Degree []int `json:"degree"`
	// mean of ln of the true over the generated power over the prior
	Shared  []float64 `json:"shared"`
	Error   []float64 `json:"error"`   // its standard error
	Kept    []float64 `json:"kept"`    // share of Shared that is corrected
	Trained int       `json:"trained"` // simulations
	Maps    int       `json:"maps"`    // generated in all
}

// MeasureCorrection measures the power-spectrum correction that gives generated maps the power of
// the training simulations, as a smooth function of the parameters: in each bin a power law of
// both, or a polynomial of the second degree where cross-validation prefers it by more than its own
// standard error. Maps of common noise tell the answer to the parameters well, though few, and what
// all parameters share badly, which many maps of different noise tell; it is corrected as far as
// these know it. old, where not nil, is what the generated maps have already.
func (e Emulator) MeasureCorrection(ctx context.Context, c CorrectionConfig,
	old *emulator.PowerCorrection,
) (CorrectionResult, error) {
	fail := func(err error) (CorrectionResult, error) { return CorrectionResult{}, err }
	if c.Maps < 2 || c.Independent < 2 {
		return fail(fmt.Errorf("evaluate.CorrectionConfig: Maps = %d and Independent = %d, want >= 2 of "+
			"both", c.Maps, c.Independent))
	}
	if err := e.Prior.OnlyTwo("a power-spectrum correction"); err != nil {
		return fail(err)
	}
	out := CorrectionResult{Correction: emulator.NewPowerCorrection(e.Box.Cells, e.Prior)}
	if err := out.Correction.Validate(); err != nil {
		return fail(err)
	}
	k, params, spectra, err := e.trainingSpectra(ctx)
	if err != nil {
		return fail(err)
	}
	if out.Trained = len(params); out.Trained < fewestFitted {
		return fail(fmt.Errorf("evaluate: %d of the checkpoint's training simulations are in %s, a "+
			"power-spectrum correction needs %d: use the data it was trained on", out.Trained, e.Suite.Dir,
			fewestFitted))
	}
	truth, degree, err := smoothest(e.Prior, params, spectra)
	if err != nil {
		return fail(err)
	}
	out.K, out.Degree = k, degree
	out.Correction.Rings, err = e.missing(ctx, c, truth, out.Correction.Rings.Basis.Degree)
	if err != nil {
		return fail(err)
	}
	places := make([]cosmology.Params, c.Independent)
	for i := range places {
		places[i] = params[i%len(params)]
	}
	excess, err := e.excess(ctx, places, c.Seed+1, truth, out.Correction)
	if err != nil {
		return fail(err)
	}
	out.Maps = correctionNodes*correctionNodes*c.Maps + c.Independent
	known := summary.Stats(excess)
	for b, polynomial := range out.Correction.Rings.Coefficients {
		polynomial[0] -= math.Log(known.Mean[b]) // polynomial 0 is 1
		shared := 0.0
		for _, p := range params {
			shared += floats.Dot(polynomial, out.Correction.Rings.Basis.At(p)) / float64(len(params))
		}
		e := known.Std[b] / known.Mean[b] / math.Sqrt(float64(c.Independent))
		kept := correctionPrior * correctionPrior / (correctionPrior*correctionPrior + e*e)
		polynomial[0] -= (1 - kept) * shared
		out.Shared, out.Error, out.Kept = append(out.Shared, shared), append(out.Error, e),
			append(out.Kept, kept)
	}
	if old != nil {
		out.Correction.Times(*old)
	}
	return out, out.Correction.Validate()
}

// missing fits the true over the generated power, from maps of common noise at
// nodes that lie denser at the prior's edges.
func (e Emulator) missing(ctx context.Context, c CorrectionConfig,
	truth func(cosmology.Params) []float64, degree int,
) (responsefit.Response, error) {
	var nodes []cosmology.Params
	var ratios [][]float64 // [node][k]
	for i := range correctionNodes * correctionNodes {
		at := func(k int) float64 { return (1 - math.Cos(math.Pi*float64(k)/(correctionNodes-1))) / 2 }
		p := e.Prior.Params(cosmology.UnitParams{at(i / correctionNodes), at(i % correctionNodes)})
		maps, err := e.generate(ctx, p, c.Maps, c.Seed,
			e.Report("answer to the parameters", i, correctionNodes*correctionNodes))
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
		return t, fmt.Errorf("evaluate: power-spectrum correction: %w", err)
	}
	return t, nil
}

// excess returns the power of maps at places, each with noise of its own, with a transfer
// function, over the true power: [map][k].
func (e Emulator) excess(ctx context.Context, places []cosmology.Params, seed uint64,
	truth func(cosmology.Params) []float64, t emulator.PowerCorrection,
) ([][]float64, error) {
	var out [][]float64
	chunks := (len(places) + correctionChunk - 1) / correctionChunk
	for i, chunk := range slices.Collect(slices.Chunk(places, correctionChunk)) {
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
func smoothest(prior cosmology.Prior, params []cosmology.Params, spectra [][]float64,
) (at func(cosmology.Params) []float64, degree []int, err error) {
	const low, high = 1, 2
	// [k][simulation]: by how much the higher degree predicts a left-out spectrum better
	gain := make([][]float64, len(spectra[0]))
	for fold := range correctionFolds {
		var p []cosmology.Params
		var v [][]float64
		for i := range params {
			if i%correctionFolds != fold {
				p, v = append(p, params[i]), append(v, spectra[i])
			}
		}
		l, err1 := responsefit.Fit(prior, low, p, v)
		h, err2 := responsefit.Fit(prior, high, p, v)
		if err := errors.Join(err1, err2); err != nil {
			return nil, nil, err
		}
		for i := fold; i < len(params); i += correctionFolds {
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
func (e Emulator) trainingSpectra(ctx context.Context,
) (k []float64, params []cosmology.Params, spectra [][]float64, err error) {
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
