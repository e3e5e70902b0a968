package inference

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/baseline"
	"darkfield/pkg/calibration"
	"darkfield/pkg/camels"
	"darkfield/pkg/field"
	"darkfield/pkg/heldout"
	"darkfield/pkg/likelihood"
)

// Names of the methods that a likelihood is compared with.
const (
	Moments = "moment network"
	Density = "density network"
	Power   = "P(k) and mean"
)

// Baselines are other ways to infer the parameters of a map, made from the same training
// simulations.
type Baselines struct {
	Moments func(ctx context.Context, maps []field.LogMap) ([]baseline.Moments, error)
	Density func(ctx context.Context, maps []field.LogMap) ([]baseline.Posterior, error) // or nil
	Power   func(m field.LogMap) (likelihood.Terms, error)
}

// TrainingMaps returns the labelled maps of the checkpoint's training simulations, and of its
// validation simulations, as they are observed.
func TrainingMaps(d heldout.Data, o Observed) (baseline.Data, error) {
	if err := d.Prior.OnlyTwo("a baseline"); err != nil {
		return baseline.Data{}, err
	}
	change := o.Change()
	maps, err := d.Maps()
	if err != nil {
		return baseline.Data{}, err
	}
	label := func(sims []int) (out []baseline.Labelled, err error) {
		for _, sim := range sims {
			if sim >= maps.Simulations() || !d.Prior.Contains(maps.Params(sim)) {
				continue
			}
			truth, err := d.Simulation(maps, sim)
			if err != nil {
				return nil, err
			}
			for k, m := range truth {
				if change != nil {
					m = change.Of(m, place(sim, k))
				}
				out = append(out, baseline.Labelled{Map: m, Theta: maps.Params(sim), Simulation: sim})
			}
		}
		return out, nil
	}
	train, err := label(d.Train)
	if err != nil {
		return baseline.Data{}, err
	}
	validation, err := label(d.Validation)
	return baseline.Data{Train: train, Validation: validation}, err
}

// Compare adds the baselines to CoverageReport, on the same maps.
func (l Likelihood) Compare(ctx context.Context, h *CoverageReport, b Baselines, tested []Bound,
	maps *camels.Maps, cfg CalibrateConfig,
) error {
	logs := make([]field.LogMap, len(tested))
	for i, t := range tested {
		var err error
		if logs[i], err = l.Map(maps, t.Simulation, t.Map); err != nil {
			return err
		}
		if change := cfg.Observed.Change(); change != nil {
			logs[i] = change.Of(logs[i], place(t.Simulation, t.Map))
		}
	}
	found, err := b.Moments(ctx, logs)
	if err != nil {
		return err
	}
	var gaussian, power []calibration.Case
	for i, t := range tested {
		gaussian = append(gaussian, t.scored(found[i].NLL))
		terms, err := b.Power(logs[i])
		if err != nil {
			return err
		}
		in, err := likelihood.Interpolate(ctx, terms, likelihood.WholePrior(l.Prior, 2),
			likelihood.DefaultInterpolation(), nil)
		if err != nil {
			return err
		}
		power = append(power, t.scored(func(g likelihood.Grid) likelihood.Surface {
			return in.On(g)[0]
		}))
		l.Report("baselines", i, len(tested))(1, 1)
	}
	scores, err := calibration.ScoreAll(gaussian, l.Prior, cfg.Seed)
	if err != nil {
		return err
	}
	for i := range scores {
		m, truth := found[i], tested[i].Truth
		scores[i].OmegaM = calibration.Normal(truth.OmegaM, m.Mean.OmegaM, m.Std.OmegaM)
		scores[i].Sigma8 = calibration.Normal(truth.Sigma8, m.Mean.Sigma8, m.Std.Sigma8)
	}
	if err := h.add(Moments, scores, cfg.Report); err != nil {
		return err
	}
	if b.Density != nil {
		posteriors, err := b.Density(ctx, logs)
		if err != nil {
			return err
		}
		var cases []calibration.Case
		for i, t := range tested {
			cases = append(cases, t.scored(posteriors[i].NLL))
		}
		if err := h.score(Density, cases, cfg); err != nil {
			return err
		}
	}
	return h.score(Power, power, cfg)
}

// MomentInference is Inference by a moment network that was trained on so many maps: the third
// row of the paper's figure 3. Points are the means, bars the standard deviations.
func MomentInference(ctx context.Context, d heldout.Data, cfg Config,
	predict func(context.Context, []field.LogMap) ([]baseline.Moments, error),
	trained int,
) (Inference, error) {
	var out Inference
	maps, sims, err := inferred(d, cfg)
	if err != nil {
		return out, err
	}
	logs := make([]field.LogMap, len(sims))
	for i, sim := range sims {
		if logs[i], err = d.Map(maps, sim, 0); err != nil {
			return out, err
		}
	}
	found, err := predict(ctx, logs)
	if err != nil {
		return out, err
	}
	marginal := func(mean, std float64) likelihood.Marginal {
		return likelihood.Marginal{Best: mean, Mean: mean, Std: std, Low: mean - std, High: mean + std}
	}
	for i, sim := range sims {
		m := found[i]
		out.Rows = append(out.Rows, Prediction{
			Truth: maps.Params(sim), Simulation: sim,
			OmegaM: marginal(m.Mean.OmegaM, m.Std.OmegaM), Sigma8: marginal(m.Mean.Sigma8, m.Std.Sigma8),
		})
	}
	out.Caption = d.Caption("", "its held-out simulations",
		fmt.Sprintf("Moment network (mean and standard deviation of "+
			"each parameter, Villaescusa-Navarro et al. 2021) trained on %d maps; one map of each of %d "+
			"held-out simulations.", trained, len(sims)))
	return out, nil
}

// Paired is a difference of two methods on the same maps, with its standard error over simulations.
type Paired struct {
	Difference float64 `json:"difference"` // of the mean |error|: below 0 where the first is better
	Error      float64 `json:"error"`
}

// String gives the difference with its error, and which of the two is better: level where they are
// within two standard errors.
func (p Paired) String() string {
	verdict := "level within two standard errors"
	switch {
	case p.Difference < -2*p.Error:
		verdict = "better"
	case p.Difference > 2*p.Error:
		verdict = "worse"
	}
	return fmt.Sprintf("%+.4f ± %.4f (%s)", p.Difference, p.Error, verdict)
}

// Paired compares the mean |error| of two methods, for Ω_m and σ_8. It returns false unless both
// are there.
func (h CoverageReport) Paired(first, second string) (omegaM, sigma8 Paired, ok bool) {
	a, okA := h.Method(first)
	b, okB := h.Method(second)
	if !okA || !okB {
		return Paired{}, Paired{}, false
	}
	compare := func(of func(calibration.MapScore) calibration.ParameterScore) Paired {
		sums, counts := map[int]float64{}, map[int]float64{}
		for i := range a.Scores {
			x, y := of(a.Scores[i]), of(b.Scores[i])
			sums[a.Scores[i].Simulation] += math.Abs(x.Mean-x.Truth) - math.Abs(y.Mean-y.Truth)
			counts[a.Scores[i].Simulation]++
		}
		var means []float64
		for sim, sum := range sums {
			means = append(means, sum/counts[sim])
		}
		slices.Sort(means) // sums do not depend on the order of the map
		mean, std := stat.MeanStdDev(means, nil)
		return Paired{Difference: mean, Error: stat.StdErr(std, float64(len(means)))}
	}
	return compare(func(m calibration.MapScore) calibration.ParameterScore { return m.OmegaM }),
		compare(func(m calibration.MapScore) calibration.ParameterScore { return m.Sigma8 }), true
}
