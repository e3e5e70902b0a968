package main

import (
	"context"
	"fmt"
	"os"

	"darkfield/pkg/backend"
	"darkfield/pkg/baseline"
	"darkfield/pkg/heldout"
	"darkfield/pkg/inference"
)

// openBaselines are baselines with the moment network that must be closed.
type openBaselines struct {
	inference.Baselines
	network *baseline.MomentNetwork
}

func (b openBaselines) Close() { b.network.Close() }

// baselines trains a moment network in a directory, or goes on with it, or opens it where it is
// done or path is its file, and fits the likelihood of the power spectrum, on maps as they are
// observed.
func (a *app) baselines(ctx context.Context, held heldout.Data,
	observed inference.Observed, path string,
) (openBaselines, error) {
	var none openBaselines
	data, err := inference.TrainingMaps(held, observed)
	if err != nil {
		return none, err
	}
	power, err := baseline.FitPower(ctx, baseline.DefaultPower(), held.Prior, data.Train)
	if err != nil {
		return none, err
	}
	network, err := a.momentNetwork(ctx, held, data, path)
	if err != nil {
		return none, err
	}
	return openBaselines{inference.Baselines{Moments: network.Predict, Power: power.Terms}, network},
		nil
}

func (a *app) momentNetwork(ctx context.Context, held heldout.Data, data baseline.Data,
	path string,
) (*baseline.MomentNetwork, error) {
	b, err := backend.Open()
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		network, err := baseline.Open(b, path)
		if err == nil && network.Manifest().Box != held.Box {
			network.Close()
			err = fmt.Errorf("%s knows maps of %+v, the checkpoint makes %+v; choose another, or a "+
				"directory to train one in", path, network.Manifest().Box, held.Box)
		}
		return network, err
	}
	bar := a.progress("moment network")
	defer bar.done()
	return baseline.Train(ctx, b, baseline.Default(), held.Prior, data, path,
		func(p baseline.Progress) {
			bar.at(p.Step, p.Steps, fmt.Sprintf("epoch %d of %d, validation loss %.4g", p.Epoch, p.Epochs,
				p.Validation))
		})
}
