package evaluate

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/responsefit"
	"darkfield/pkg/summary"
)

// Responses compares how the power of log fields answers to the extreme values of each parameter:
// P/P_fid, the ratio of mean spectra, of a 1P set and of OnePSeeds generated maps at each value.
// Rows of the set that have equal parameters are realisations: row j of a value belongs to row j of
// the fiducial ones and has its phases, as `simulate responses` makes them; an ordinary 1P set is
// one realisation. Generated maps share their noise across values. Errors are from a bootstrap over
// realisations and over generated maps; one realisation alone gives no error of the truth, and NaN.
// Beside them stands what power laws fitted to the spectra of the training simulations say, where
// there are enough of these: what could be learned from them of the largest scales by one who knew
// that these answer by power laws.
func (e Emulator) Responses(ctx context.Context, cfg Config, set *camels.Maps) (Responses, error) {
	if err := cfg.Validate(); err != nil {
		return Responses{}, err
	}
	variations, err := set.OneParameter()
	if err != nil {
		return Responses{}, err
	}
	first := variations[0]
	out := Responses{Fiducial: set.Params(first.Rows[first.Fiducial]), Maps: cfg.OnePSeeds}
	params := []cosmology.Params{out.Fiducial}
	for _, v := range variations {
		for _, i := range []int{0, len(v.Rows) - 1} {
			p := set.Params(v.Rows[i])
			if i != v.Fiducial && e.Prior.Contains(p) {
				params = append(params, p)
				out.Moved = append(out.Moved, MovedResponse{Parameter: v.Name, Value: v.Values[i], Params: p})
			}
		}
	}
	// [parameters][realisation or map][k]
	truth, generated := make([][][]float64, len(params)), make([][][]float64, len(params))
	for i, p := range params {
		if truth[i], err = e.realisations(set, p); err != nil {
			return out, err
		}
		maps, err := e.generate(ctx, p, cfg.OnePSeeds, cfg.Seed, e.Report("responses", i, len(params)))
		if err != nil {
			return out, err
		}
		out.K, generated[i] = e.powers(maps)
	}
	out.Realisations = len(truth[0])
	rng := rand.New(rand.NewPCG(cfg.Seed, 0x726573706f6e7365))
	for i := range out.Moved {
		out.Realisations = min(out.Realisations, len(truth[1+i]))
		out.Moved[i].fill(truth[0], truth[1+i], generated[0], generated[1+i], rng)
	}
	out.Joint = out.joint(truth, generated)
	if err := e.fits(ctx, &out, rng); err != nil {
		return out, err
	}
	out.Caption = e.spectraCaption(cfg, fmt.Sprintf("Ratios of mean spectra: %d realisations of %d "+
		"true maps with common phases, %d generated maps with common noise. Errors: bootstrap.",
		out.Realisations, camels.MapsPerSimulation, out.Maps))
	return out, nil
}

// realisations returns the mean spectrum of each row of a set with the given parameters.
func (e Emulator) realisations(set *camels.Maps, p cosmology.Params) ([][]float64, error) {
	var out [][]float64
	for row := range set.Simulations() {
		if set.Params(row) != p {
			continue
		}
		maps, err := e.Simulation(set, row)
		if err != nil {
			return nil, err
		}
		_, powers := e.powers(maps)
		out = append(out, summary.Stats(powers).Mean)
	}
	return out, nil
}

// What a power-law fit to the spectra of training simulations is made of.
const (
	// a power law of both parameters in each bin; polynomials of higher degree follow the accidents
	// of random phases, at the ends of the prior by several percent
	fitDegree    = 1
	fewestFitted = 50 // simulations
	fitResamples = 200
)

// fits adds the responses of power laws through the training simulations, with errors from a
// bootstrap over these.
func (e Emulator) fits(ctx context.Context, r *Responses, rng *rand.Rand) error {
	_, params, spectra, err := e.trainingSpectra(ctx)
	if err != nil {
		return err
	}
	r.Trained = len(params)
	if r.Trained < fewestFitted || len(e.Prior.Further) > 0 { // power laws of Ω_m and σ_8 alone
		return nil
	}
	responses := func(pick func(i int) int) ([][]float64, error) { // [moved][k]
		p, v := make([]cosmology.Params, len(params)), make([][]float64, len(params))
		for i := range p {
			p[i], v[i] = params[pick(i)], spectra[pick(i)]
		}
		law, err := responsefit.Fit(e.Prior, fitDegree, p, v)
		if err != nil {
			return nil, err
		}
		fiducial, out := law.At(r.Fiducial), make([][]float64, len(r.Moved))
		for i, m := range r.Moved {
			out[i] = law.At(m.Params)
			floats.Div(out[i], fiducial)
		}
		return out, nil
	}
	best, err := responses(func(i int) int { return i })
	if err != nil {
		return err
	}
	again := make([][][]float64, len(r.Moved)) // [moved][sample][k]
	for range fitResamples {
		picks := make([]int, len(params))
		for i := range picks {
			picks[i] = rng.IntN(len(params))
		}
		one, err := responses(func(i int) int { return picks[i] })
		if err != nil {
			return err
		}
		for i := range again {
			again[i] = append(again[i], one[i])
		}
	}
	for i := range r.Moved {
		r.Moved[i].Fit, r.Moved[i].FitError = best[i], summary.Stats(again[i]).Std
	}
	return nil
}

// fill compares spectra at a moved value with fiducial ones, both of realisations and of generated
// maps.
func (m *MovedResponse) fill(trueFiducial, trueMoved, genFiducial, genMoved [][]float64,
	rng *rand.Rand,
) {
	var truths, generated [][]float64
	m.True, truths = powerRatio(trueMoved, trueFiducial, rng)
	m.Generated, generated = powerRatio(genMoved, genFiducial, rng)
	over := func(a, b []float64) []float64 { return floats.DivTo(make([]float64, len(a)), a, b) }
	first := func(quotient []float64) float64 {
		return stat.Mean(quotient[:min(NoisyBins, len(quotient))], nil)
	}
	m.Quotient = over(m.Generated, m.True)
	quotients, firsts := make([][]float64, resamples), make([]float64, resamples)
	for i := range quotients {
		quotients[i] = over(generated[i], truths[i])
		firsts[i] = first(quotients[i])
	}
	m.First, m.FirstError = first(m.Quotient), stat.StdDev(firsts, nil)
	m.TrueError, m.GeneratedError, m.QuotientError = summary.Stats(truths).Std,
		summary.Stats(generated).Std, summary.Stats(quotients).Std
	if min(len(trueMoved), len(trueFiducial)) < 2 {
		for k := range m.TrueError {
			m.TrueError[k], m.QuotientError[k] = math.NaN(), math.NaN()
		}
		m.FirstError = math.NaN()
	}
}

// joint tests the first NoisyBins of all moved values together. The covariance of
// ln(generated/true) is the sum of two, each from how single realisations or maps move the
// logarithm of a ratio of means, to first order.
func (r Responses) joint(truth, generated [][][]float64) JointTest {
	first := min(NoisyBins, len(r.K))
	bins := first * len(r.Moved)
	out := JointTest{Bins: bins, Chi2: math.NaN(), P: math.NaN()}
	covariance := mat.NewSymDense(bins, nil)
	n := math.MaxInt
	for _, spectra := range [][][][]float64{truth, generated} {
		rows := len(spectra[0])
		for _, s := range spectra {
			rows = min(rows, len(s))
		}
		n = min(n, rows)
		if rows <= bins {
			return out
		}
		moves := mat.NewDense(rows, bins, nil)
		fiducial := summary.Stats(spectra[0][:rows]).Mean
		for i := range r.Moved {
			moved := summary.Stats(spectra[1+i][:rows]).Mean
			for row := range rows {
				for k := range first {
					moves.Set(row, i*first+k, spectra[1+i][row][k]/moved[k]-spectra[0][row][k]/fiducial[k])
				}
			}
		}
		var one mat.SymDense
		stat.CovarianceMatrix(&one, moves, nil)
		one.ScaleSym(1/float64(rows), &one)
		covariance.AddSym(covariance, &one)
	}
	difference := mat.NewVecDense(bins, nil)
	for i, m := range r.Moved {
		for k := range first {
			difference.SetVec(i*first+k, math.Log(m.Quotient[k]))
		}
	}
	var factor mat.Cholesky
	if !factor.Factorize(covariance) {
		return out
	}
	var solved mat.VecDense
	if factor.SolveVecTo(&solved, difference) != nil {
		return out
	}
	out.Chi2 = mat.Dot(difference, &solved)
	d1, d2 := float64(bins), float64(n-bins)
	out.P = distuv.F{D1: d1, D2: d2}.Survival(out.Chi2 * d2 / (d1 * float64(n-1)))
	return out
}

// powerRatio returns the ratio of mean spectra of the first curves that both have, and bootstrap
// samples of it over pairs of curves.
func powerRatio(moved, fiducial [][]float64, rng *rand.Rand) (ratio []float64, again [][]float64) {
	n := min(len(moved), len(fiducial))
	of := func(pick func(i int) int) []float64 {
		a, b := make([]float64, len(moved[0])), make([]float64, len(moved[0]))
		for i := range n {
			j := pick(i)
			floats.Add(a, moved[j])
			floats.Add(b, fiducial[j])
		}
		floats.Div(a, b)
		return a
	}
	ratio = of(func(i int) int { return i })
	for range resamples {
		again = append(again, of(func(int) int { return rng.IntN(n) }))
	}
	return ratio, again
}
