package evaluate

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/summary"
)

// resamples is the number of bootstrap samples over parameters.
const resamples = 2000

// Control scores generated maps beside a control: true maps of other universes at the same
// held-out parameters, which is what a perfect emulator would make. Both meet the same reference,
// the true maps of one simulation. Its chi² is the fair aim: true maps left out one by one share
// their universe with the reference, and so score too well.
//
// Rows of control belong to a held-out simulation where their parameters are equal. At most
// ValidationParams simulations that have some are scored, in the order of the split.
func (e Emulator) Control(ctx context.Context, cfg Config, control *camels.Maps) (Control, error) {
	var out Control
	// mean spectra by simulation: log and linear, generated and of the control
	var bands [4][][]float64
	var variances [2][][]float64 // by simulation, generated and of the control
	var shapes shapeScores
	maps, sims, err := e.controlled(cfg, control)
	if err != nil {
		return out, err
	}
	err = e.over(ctx, cfg, maps, sims, "control",
		func(sim int, maps *camels.Maps, truth, generated []field.LogMap) error {
			others, universes, err := e.at(control, maps.Params(sim))
			if err != nil {
				return err
			}
			k, p := e.powers(truth)
			reference := summary.Stats(p)
			row := ControlRow{Params: maps.Params(sim), Simulation: sim, Universes: universes}
			for i, group := range [][]field.LogMap{generated, others} {
				_, logs := e.powers(group)
				each := 1 // maps of generated universes, which are independent
				if i == 1 {
					each = len(group) / universes
				}
				variances[i] = append(variances[i], relativeVariance(logs, each))
				var chi2 []float64
				for _, p := range logs {
					chi2 = append(chi2, summary.ReducedChi2(p, reference))
				}
				row.set(i, chi2, group)
				bands[i] = append(bands[i], summary.Stats(logs).Mean)
				bands[2+i] = append(bands[2+i], summary.Stats(overdensities(group)).Mean)
			}
			if e.Box.Cells >= fewestCells {
				shapes.add(truth, generated, others)
			}
			out.K, out.Rows = k, append(out.Rows, row)
			out.LeaveOneOut = append(out.LeaveOneOut, summary.LeaveOneOut(p)...)
			out.References = len(truth)
			return nil
		})
	if err != nil {
		return out, err
	}
	out.Expectation = summary.GaussianExpectation(out.References, len(out.K))
	out.LogPower, out.LinearPower = meanRatio(bands[0], bands[1]), meanRatio(bands[2], bands[3])
	out.Scatter = pooledRatio(variances[0], variances[1], cfg.Seed)
	out.Shapes = shapes.ratios(cfg.Seed)
	out.KNyquist = e.Box.KNyquist()
	out.ratio(cfg.Seed)
	out.Caption = e.spectraCaption(cfg, fmt.Sprintf("%d held-out parameters, %d generated maps at "+
		"each; control: true maps of other universes at the same parameters.", len(out.Rows),
		cfg.MapsPerParam))
	return out, nil
}

// controlled returns the held-out simulations that the control has universes for.
func (e Emulator) controlled(cfg Config, control *camels.Maps) (*camels.Maps, []int, error) {
	if err := cfg.Validate(); err != nil {
		return nil, nil, err
	}
	maps, err := e.Maps()
	if err != nil {
		return nil, nil, err
	}
	known := map[cosmology.Params]bool{}
	for row := range control.Simulations() {
		known[control.Params(row)] = true
	}
	var sims []int
	for _, sim := range e.Validation {
		if sim < maps.Simulations() && known[maps.Params(sim)] && len(sims) < cfg.ValidationParams {
			sims = append(sims, sim)
		}
	}
	if len(sims) == 0 {
		return nil, nil, fmt.Errorf("evaluate: %s holds no universe at the parameters of any held-out "+
			"simulation: make it with `darkfield simulate control` (--split test for a model card) "+
			"from the data that the checkpoint was trained on", control.Path())
	}
	return maps, sims, nil
}

// at returns the maps of all rows of a set with the given parameters.
func (e Emulator) at(control *camels.Maps, p cosmology.Params,
) (maps []field.LogMap, universes int, err error) {
	for row := range control.Simulations() {
		if control.Params(row) != p {
			continue
		}
		more, err := e.Simulation(control, row)
		if err != nil {
			return nil, 0, err
		}
		maps, universes = append(maps, more...), universes+1
	}
	return maps, universes, nil
}

// overdensities returns the spectra of the densities themselves.
func overdensities(maps []field.LogMap) [][]float64 {
	var out [][]float64
	for _, m := range maps {
		out = append(out, summary.Overdensity(m.Linear()).P)
	}
	return out
}

// set fills in the side of generated (0) or control (1) maps.
func (r *ControlRow) set(side int, chi2 []float64, maps []field.LogMap) {
	mean, deviation := pixelMoments(maps)
	pixels := Pixels{LogMean: mean, LogDeviation: deviation, Quantile: brightest(maps)}
	if side == 0 {
		r.Generated, r.GeneratedPixels = Summarise(chi2), pixels
	} else {
		r.Control, r.ControlPixels = Summarise(chi2), pixels
	}
}

// brightest returns the 99.9 % quantile of all pixels.
func brightest(maps []field.LogMap) float64 {
	all := pixelsOf(maps)
	slices.Sort(all)
	return stat.Quantile(0.999, stat.LinInterp, all, nil)
}

// meanRatio returns at each bin the mean over simulations of a/b, with the standard error of that
// mean.
func meanRatio(a, b [][]float64) Ratio {
	var ratios [][]float64
	for i := range a {
		ratios = append(ratios, floats.DivTo(make([]float64, len(a[i])), a[i], b[i]))
	}
	out := Ratio(summary.Stats(ratios))
	for j := range out.Std {
		out.Std[j] /= math.Sqrt(float64(out.N))
	}
	return out
}

// relativeVariance returns at each bin the variance of a curve over the square of the mean curve.
// Curves come in groups of each that have something in common; their variance is that of curves
// from as many groups as curves: the variance within groups and that between them (analysis of
// variance, whose estimate of the sum is unbiased).
func relativeVariance(curves [][]float64, each int) []float64 {
	mean := summary.Stats(curves).Mean
	out := make([]float64, len(mean))
	for k := range out {
		within, means := 0.0, make([]float64, 0, len(curves)/each)
		group := make([]float64, each)
		for at := 0; at < len(curves); at += each {
			for j := range group {
				group[j] = curves[at+j][k]
			}
			m, v := stat.MeanVariance(group, nil)
			means = append(means, m)
			if each > 1 {
				within += v
			}
		}
		within /= float64(len(means))
		// the variance of group means holds a share 1/each of that within groups
		out[k] = (stat.Variance(means, nil) + within*(1-1/float64(each))) / (mean[k] * mean[k])
	}
	return out
}

// pooledRatio returns at each bin the mean over simulations of a over that of b, with a bootstrap
// error over simulations.
func pooledRatio(a, b [][]float64, seed uint64) Ratio {
	bins := len(a[0])
	out := Ratio{Mean: make([]float64, bins), Std: make([]float64, bins), N: len(a)}
	column := func(rows [][]float64, k int) []float64 {
		values := make([]float64, len(rows))
		for i, row := range rows {
			values[i] = row[k]
		}
		return values
	}
	for k := range bins {
		out.Mean[k], out.Std[k] = RatioOfMeans(column(a, k), column(b, k), seed)
	}
	return out
}

// ratio compares the mean reduced chi² of generated and control maps, with the error that drawing
// other parameters would make.
func (c *Control) ratio(seed uint64) {
	generated, control := make([]float64, len(c.Rows)), make([]float64, len(c.Rows))
	for i, r := range c.Rows {
		generated[i], control[i] = GeneratedChi2(r), ControlChi2(r)
	}
	c.Ratio, c.RatioError = RatioOfMeans(generated, control, seed)
}

// RatioOfMeans returns mean(a)/mean(b) and its standard error, by bootstrap over the pairs.
func RatioOfMeans(a, b []float64, seed uint64) (ratio, standardError float64) {
	rng := rand.New(rand.NewPCG(seed, 0x636f6e74726f6c))
	again := make([]float64, resamples)
	for i := range again {
		sumA, sumB := 0.0, 0.0
		for range a {
			j := rng.IntN(len(a))
			sumA, sumB = sumA+a[j], sumB+b[j]
		}
		again[i] = sumA / sumB
	}
	return stat.Mean(a, nil) / stat.Mean(b, nil), stat.StdDev(again, nil)
}

// GeneratedChi2 is the mean reduced chi² of generated maps.
func GeneratedChi2(r ControlRow) float64 { return r.Generated.Mean }

// ControlChi2 is that of the control.
func ControlChi2(r ControlRow) float64 { return r.Control.Mean }

// meanOf returns the mean of a value over rows.
func meanOf(rows []ControlRow, value func(ControlRow) float64) float64 {
	mean, _ := OverRows(rows, value)
	return mean
}

// OverRows returns the mean of a value over rows and its standard error.
func OverRows(rows []ControlRow, value func(ControlRow) float64) (mean, standardError float64) {
	values := make([]float64, len(rows))
	for i, r := range rows {
		values[i] = value(r)
	}
	mean, deviation := stat.MeanStdDev(values, nil)
	return mean, deviation / math.Sqrt(float64(len(values)))
}
