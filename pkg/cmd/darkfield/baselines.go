package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

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
		if out.moments, err = baseline.Open(b, path); err != nil {
			return out, err
		}
		if box := out.moments.Manifest().Box; box != held.Box {
			out.moments.Close()
			return out, fmt.Errorf("%s knows maps of %+v, the checkpoint makes %+v; choose another, or a "+
				"directory to train one in", path, box, held.Box)
		}
		out.Moments = out.moments.Predict
		return out, nil
	}
	report, done := a.baselineProgress("moment network")
	out.moments, err = baseline.Train(ctx, b, baseline.Default(), held.Prior, data, path, report)
	done()
	if err != nil {
		return out, err
	}
	report, done = a.baselineProgress("density network")
	out.density, err = baseline.TrainDensity(ctx, b, baseline.DefaultDensity(), held.Prior, data,
		filepath.Join(path, "density"), report)
	done()
	if err != nil {
		out.moments.Close()
		return out, err
	}
	out.Moments, out.Density = out.moments.Predict, out.density.Predict
	return out, nil
}

func (a *app) baselineProgress(name string) (report func(baseline.Progress), done func()) {
	bar := a.progress(name)
	return func(p baseline.Progress) {
		bar.at(p.Step, p.Steps, fmt.Sprintf("epoch %d of %d, validation loss %.4g", p.Epoch, p.Epochs,
			p.Validation))
	}, bar.done
}
