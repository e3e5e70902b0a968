package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gomlx/compute"

	"darkfield/pkg/backend"
	"darkfield/pkg/baseline"
	"darkfield/pkg/heldout"
	"darkfield/pkg/inference"
)

// openBaselines are baselines with the networks that must be closed.
type openBaselines struct {
	inference.Baselines
	moments *baseline.MomentNetwork
	density *baseline.DensityNetwork // nil where there is none
}

func (b openBaselines) Close() {
	b.moments.Close()
	if b.density != nil {
		b.density.Close()
	}
}

// baselines fits the likelihood of the power spectrum, on maps as they are observed, and trains a
// moment network and a density network in a directory, or goes on with them, or opens them where
// they are done. Where path is the file of a moment network there is no density network.
func (a *app) baselines(ctx context.Context, held heldout.Data,
	observed inference.Observed, path string,
) (out openBaselines, err error) {
	data, err := inference.TrainingMaps(held, observed)
	if err != nil {
		return out, err
	}
	power, err := baseline.FitPower(ctx, baseline.DefaultPower(), held.Prior, data.Train)
	if err != nil {
		return out, err
	}
	b, err := backend.Open()
	if err != nil {
		return out, err
	}
	out.Power = power.Terms
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		out.moments, err = openMoments(b, held, path)
		if err == nil {
			out.Moments = out.moments.Predict
		}
		return out, err
	}
	bar, report := a.baselineProgress("moment network")
	out.moments, err = baseline.Train(ctx, b, baseline.Default(), held.Prior, data, path, report)
	bar.done()
	if err != nil {
		return out, err
	}
	out.Moments = out.moments.Predict
	out.density, err = a.densityNetwork(ctx, b, held, data, filepath.Join(path, "density"))
	if err != nil {
		out.moments.Close()
		return out, err
	}
	out.Density = out.density.Predict
	return out, nil
}

func (a *app) densityNetwork(ctx context.Context, b compute.Backend, held heldout.Data,
	data baseline.Data, dir string,
) (*baseline.DensityNetwork, error) {
	bar, report := a.baselineProgress("density network")
	defer bar.done()
	return baseline.TrainDensity(ctx, b, baseline.DefaultDensity(), held.Prior, data, dir, report)
}

func openMoments(b compute.Backend, held heldout.Data, path string,
) (*baseline.MomentNetwork, error) {
	network, err := baseline.Open(b, path)
	if err == nil && network.Manifest().Box != held.Box {
		network.Close()
		err = fmt.Errorf("%s knows maps of %+v, the checkpoint makes %+v; choose another, or a "+
			"directory to train one in", path, network.Manifest().Box, held.Box)
	}
	return network, err
}

func (a *app) baselineProgress(name string) (*progress, func(baseline.Progress)) {
	bar := a.progress(name)
	return bar, func(p baseline.Progress) {
		bar.at(p.Step, p.Steps, fmt.Sprintf("epoch %d of %d, validation loss %.4g", p.Epoch, p.Epochs,
			p.Validation))
	}
}
