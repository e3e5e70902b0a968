package main

import (
	"context"
	"fmt"

	"darkfield/pkg/backend"
	"darkfield/pkg/baseline"
	"darkfield/pkg/study"
)

// openBaselines are baselines with the moment network that must be closed.
type openBaselines struct {
	study.Baselines
	network *baseline.MomentNetwork
}

func (b openBaselines) Close() { b.network.Close() }

// baselines trains a moment network in dir, or goes on with it, or opens it where it is done, and fits the likelihood of the power spectrum.
func (a *app) baselines(ctx context.Context, source study.Source, dir string) (openBaselines, error) {
	var none openBaselines
	data, err := source.TrainingMaps()
	if err != nil {
		return none, err
	}
	power, err := baseline.FitPower(ctx, baseline.DefaultPower(), source.Prior, data.Train)
	if err != nil {
		return none, err
	}
	b, err := backend.Open()
	if err != nil {
		return none, err
	}
	bar := a.progress("moment network")
	defer bar.done()
	network, err := baseline.Train(ctx, b, baseline.Default(), source.Prior, data, dir, func(p baseline.Progress) {
		bar.at(p.Step, p.Steps, fmt.Sprintf("epoch %d of %d, validation loss %.4g", p.Epoch, p.Epochs, p.Validation))
	})
	if err != nil {
		return none, err
	}
	return openBaselines{study.Baselines{Moments: network.Predict, Power: power.Terms}, network}, nil
}
