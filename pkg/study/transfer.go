package study

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/emulator"
	"darkfield/pkg/summary"
	"darkfield/pkg/trend"
)

// TransferConfig says how a transfer function is measured.
type TransferConfig struct {
	Maps int    // generated at each of transferNodes² parameters, with common noise
	Seed uint64 // of that noise
}

// DefaultTransfer returns a hundred maps, of a seed that cards do not use by default.
func DefaultTransfer() TransferConfig { return TransferConfig{Maps: 100, Seed: 101} }

const (
	transferNodes  = 5    // parameters along each axis
	transferFolds  = 10   // of the cross-validation
	transferSpread = 0.03 // of the error of a network's power that all parameters share, as a share, before it is measured
)

// TransferResult is a transfer function and what it was made from.
type TransferResult struct {
	Transfer emulator.Transfer `json:"transfer"`
	K        []float64         `json:"k"`       // mean wavenumber of each bin, h/Mpc
	Degree   []int             `json:"degree"`  // of the polynomial in ln Ω_m and ln σ_8 through the training spectra
	Shared   []float64         `json:"shared"`  // mean of ln of the true over the generated power over the prior
	Error    []float64         `json:"error"`   // its standard error
	Kept     []float64         `json:"kept"`    // share of Shared that is corrected
	Trained  int               `json:"trained"` // simulations
	Maps     int               `json:"maps"`    // generated in all
}

// Transfer measures the transfer function that gives generated maps the power of the training simulations, as a smooth function of the
// parameters: in each bin a power law of both, or a polynomial of the second degree where cross-validation prefers it by more than its own
// standard error. Generated maps share their noise, so that their answer to the parameters is well known; what all of them share is known
// less well, and is corrected as far as the number of maps allows. old, where not nil, is what the generated maps have already.
func (s Source) Transfer(ctx context.Context, c TransferConfig, old *emulator.Transfer) (TransferResult, error) {
	fail := func(err error) (TransferResult, error) { return TransferResult{}, err }
	if c.Maps < 2 {
		return fail(fmt.Errorf("study.TransferConfig.Maps = %d, want >= 2", c.Maps))
	}
	out := TransferResult{Transfer: emulator.NewTransfer(s.Box.Cells, s.Prior)}
	if err := out.Transfer.Validate(); err != nil {
		return fail(err)
	}
	params, spectra, err := s.trainingSpectra(ctx)
	if err != nil {
		return fail(err)
	}
	if out.Trained = len(params); out.Trained < fewestTrended {
		return fail(fmt.Errorf("study: %d of the checkpoint's training simulations are in %s, a transfer function needs %d: use the data it was trained on", out.Trained, s.Suite.Dir, fewestTrended))
	}
	truth, degree, err := smoothest(s.Prior, params, spectra)
	if err != nil {
		return fail(err)
	}
	out.Degree = degree

	var design []cosmology.Params
	for i := range transferNodes {
		for j := range transferNodes {
			at := func(k int) float64 { return (1 - math.Cos(math.Pi*float64(k)/(transferNodes-1))) / 2 }
			design = append(design, s.Prior.Params(cosmology.UnitParams{at(i), at(j)}))
		}
	}
	var missing [][]float64             // [design][k]: the true over the generated power
	single := make([][]float64, c.Maps) // [map][k]: its power over the mean, averaged over the design
	for i, p := range design {
		maps, err := s.generate(ctx, p, c.Maps, c.Seed, s.report("transfer function", i, len(design)))
		if err != nil {
			return fail(err)
		}
		var powers [][]float64
		out.K, powers = s.powers(maps)
		mean := summary.Stats(powers).Mean
		missing = append(missing, floats.DivTo(make([]float64, len(mean)), truth(p), mean))
		for m, power := range powers {
			if single[m] == nil {
				single[m] = make([]float64, len(mean))
			}
			for k := range mean {
				single[m][k] += power[k] / mean[k] / float64(len(design))
			}
		}
		out.Maps += len(maps)
	}
	if out.Transfer.Rings, err = trend.Fit(s.Prior, out.Transfer.Rings.Basis.Degree, design, missing); err != nil {
		return fail(fmt.Errorf("study: transfer function: %w", err))
	}
	scatter := summary.Stats(single).Std
	for b, polynomial := range out.Transfer.Rings.Coefficients {
		shared := 0.0
		for _, p := range params {
			shared += floats.Dot(polynomial, out.Transfer.Rings.Basis.At(p)) / float64(len(params))
		}
		e := scatter[b] / math.Sqrt(float64(c.Maps))
		kept := transferSpread * transferSpread / (transferSpread*transferSpread + e*e)
		polynomial[0] -= (1 - kept) * shared // polynomial 0 is 1
		out.Shared, out.Error, out.Kept = append(out.Shared, shared), append(out.Error, e), append(out.Kept, kept)
	}
	if old != nil {
		out.Transfer.Times(*old)
	}
	return out, out.Transfer.Validate()
}

// smoothest returns the mean spectrum as a smooth function of the parameters, and the degree that was chosen for each bin.
func smoothest(prior cosmology.Prior, params []cosmology.Params, spectra [][]float64) (at func(cosmology.Params) []float64, degree []int, err error) {
	const low, high = 1, 2
	gain := make([][]float64, len(spectra[0])) // [k][simulation]: by how much the higher degree predicts a left-out spectrum better
	for fold := range transferFolds {
		var p []cosmology.Params
		var v [][]float64
		for i := range params {
			if i%transferFolds != fold {
				p, v = append(p, params[i]), append(v, spectra[i])
			}
		}
		l, err1 := trend.Fit(prior, low, p, v)
		h, err2 := trend.Fit(prior, high, p, v)
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
	l, err1 := trend.Fit(prior, low, params, spectra)
	h, err2 := trend.Fit(prior, high, params, spectra)
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

// trainingSpectra returns the mean spectra of the simulations that the emulator was trained on, as far as the suite has them.
func (s Source) trainingSpectra(ctx context.Context) (params []cosmology.Params, spectra [][]float64, err error) {
	set, err := s.lh()
	if err != nil {
		return nil, nil, err
	}
	for i, sim := range s.Train {
		if sim >= set.Simulations() {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		maps, err := s.truth(set, sim)
		if err != nil {
			return nil, nil, err
		}
		_, powers := s.powers(maps)
		params, spectra = append(params, set.Params(sim)), append(spectra, summary.Stats(powers).Mean)
		s.report("training spectra", i, len(s.Train))(1, 1)
	}
	return params, spectra, nil
}
