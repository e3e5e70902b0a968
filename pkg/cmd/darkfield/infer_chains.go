package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"darkfield/pkg/field"
	"darkfield/pkg/figure"
	"darkfield/pkg/hmc"
	"darkfield/pkg/inference"
)

// chained samples, writes the draws and draws them beside the grid.
func (a *app) chained(ctx context.Context, out *constraint, source inference.Likelihood,
	cal inference.Calibration, one inference.Constraint, m field.LogMap, c hmc.Config, dir string,
) error {
	chains, err := a.sampledChains(ctx, source, cal, one, m, c, dir)
	if err != nil {
		return err
	}
	out.Chains = &chains
	return figure.Chains(chains, one.Surface).Save(filepath.Join(dir, "chains"))
}

// marginalised samples all parameters of a network that has more than Ω_m and σ_8, and writes and
// draws the joint posterior of two of them.
func (a *app) marginalised(ctx context.Context, out *constraint, source inference.Likelihood,
	cal inference.Calibration, m field.LogMap, c hmc.Config, in inferFlags,
) error {
	chains, err := a.sampledChains(ctx, source, cal, inference.Constraint{}, m, c, in.hmc)
	if err != nil {
		return err
	}
	out.Chains, out.Terms = &chains, cal.Bound.Quadrature.Terms
	out.Evaluations = chains.Result.Evaluations * c.Chains * len(out.Terms) *
		len(cal.Bound.Quadrature.Draws(cal.Bound.Seeds))
	marginal := func(k int) map[string]float64 {
		d, ends := chains.Diagnosis[k], chains.Interval(k)
		return map[string]float64{"mean": d.Mean, "std": d.Std, "low": ends[0], "high": ends[1]}
	}
	out.OmegaM, out.Sigma8, out.Further = marginal(0), marginal(1), map[string]map[string]float64{}
	for k, name := range chains.Names[2:] {
		out.Further[name] = marginal(2 + k)
	}
	shown := in.parameters
	if shown == nil {
		shown = chains.Names[:2]
	}
	joint, err := chains.Joint(shown[0], shown[1], source.Prior)
	if err != nil {
		return err
	}
	return errors.Join(joint.WriteCSV(filepath.Join(in.hmc, "joint.csv")),
		figure.Joint(chains, joint).Save(filepath.Join(in.hmc, "joint")))
}

// sampledChains samples and writes the draws to a directory.
func (a *app) sampledChains(ctx context.Context, source inference.Likelihood,
	cal inference.Calibration, near inference.Constraint, m field.LogMap, c hmc.Config, dir string,
) (inference.Chains, error) {
	a.interrupted = fmt.Sprintf("iterations of the chains that were finished are kept in %s; the "+
		"same command goes on with them", dir)
	bar := a.progress("chains")
	chains, err := source.SampleChains(ctx, m, cal, c, near, filepath.Join(dir, "state.json"),
		func(p hmc.Progress) {
			bar.at(p.Done, p.Total, fmt.Sprintf("acceptance %.2f", p.Acceptance))
		})
	bar.done()
	if err != nil {
		return chains, err
	}
	return chains, chains.WriteCSV(filepath.Join(dir, "draws.csv"))
}
