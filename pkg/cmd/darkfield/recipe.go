package main

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"darkfield/pkg/training"
	"darkfield/pkg/unet"
)

// recipeFlags lets users change single settings of c, whose values are the defaults. They hold
// for all stages of a training.
func recipeFlags(f *pflag.FlagSet, c *training.Config) {
	f.IntVar(&c.Batch, "batch", c.Batch, "`N` maps in a training step")
	f.IntVar(&c.MicroBatch, "micro-batch", c.MicroBatch, "`N` of them in the network at a time "+
		"(gradient accumulation), a divisor of --batch; 0: as many as fit the memory of a processor, "+
		"-1: all")
	f.BoolVar(&c.Fused, "fused", c.Fused, "take a step in one graph, which suits a GPU")
	f.IntVar(&c.Devices, "devices", c.Devices, "`N` GPUs of this machine that share each batch, a "+
		"multiple of N; 0: one")
	precisionFlag(f, &c.Precision)
	f.Uint64Var(&c.Seed, "seed", c.Seed, "`SEED` of initial weights, order of maps, time steps and "+
		"noise")
	f.Float64Var(&c.ClipNorm, "clip", c.ClipNorm, "largest `NORM` of the gradient; 0: any")
	f.Var(&average{c: c}, "ema", "decay of the averaged weights, such as 0.999, or the share of the "+
		"steps so far that they average over, such as 10% (Karras et al. 2024)")
	f.StringVar((*string)(&c.Loss), "loss", string(c.Loss), "`LOSS` of the predicted noise: huber "+
		"or mse")
	f.StringVar((*string)(&c.Optimiser), "optimiser", string(c.Optimiser), "`RULE` of the steps: "+
		"empty (Adam), or muon (for convolutions; Adam for the rest)")
	f.StringVar((*string)(&c.Weighting), "weighting", string(c.Weighting), "`WEIGHTING` of the loss "+
		"over time steps: uniform, min-snr or v")
	predictionFlag(f, &c.Prediction)
	logThetaFlag(f, &c.LogTheta)
	f.BoolVar(&c.Stratified, "stratified", c.Stratified, "draw one time step of a batch from each "+
		"of as many equal parts of the schedule (Kingma et al. 2021)")
	f.Float64Var(&c.LogUniformShare, "loguniform-share", c.LogUniformShare, "`SHARE` of a batch "+
		"with log-uniform time steps, 0 to 1")
	f.BoolVar(&c.Shifts, "shifts", c.Shifts, "shift the maps, which must be periodic, at random, "+
		"besides rotations and flips")
	f.IntVar(&c.CheckpointEvery, "checkpoint-every", c.CheckpointEvery,
		"`N` steps between checkpoints")
	f.IntVar(&c.Keep, "keep", c.Keep, "`N` newest checkpoints that are kept, besides the one that "+
		"select marked; 0: all")
}

// networkFlags lets users change the width of a preset's network, and add to it what the paper's
// does not have.
func networkFlags(f *pflag.FlagSet, c *unet.Config) {
	f.IntVar(&c.Dim, "width", c.Dim, "`CHANNELS` of the network's first level; default: the "+
		"preset's, 8 of smoke, 64 of paper, else 16")
	f.StringVar((*string)(&c.Conditioning), "conditioning", string(c.Conditioning), "how time and θ "+
		"act on blocks: empty (a shift) or scale-shift")
	f.IntVar(&c.Hidden, "hidden", c.Hidden, "`N` numbers in the hidden layer of the embedding of θ; "+
		"0: the paper's 10")
	f.IntVar(&c.Rings, "rings", c.Rings, "`N` wavenumbers, half an octave apart, of a linear filter "+
		"of the noised map whose gains depend on time and θ; 0: no filter")
	f.IntVar(&c.Patch, "patch", c.Patch, "`PIXELS` a side of squares whose means the network's "+
		"levels see, for large maps on small machines; 0: none")
	f.IntVar(&c.Detail, "detail", c.Detail, "`CHANNELS` of the blocks for what lies within the "+
		"squares of --patch, 64 for example")
}

// average is a flag for how weights are averaged: a decay, or a share of all steps so far.
type average struct {
	c    *training.Config
	text string // as it was given
}

// Set implements pflag.Value.
func (a *average) Set(text string) error {
	number, isShare := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return errors.New("want a decay such as 0.999, or a share of the steps such as 10%")
	}
	a.text = text
	if isShare {
		a.c.EMAWidth = v / 100
	} else {
		a.c.EMADecay, a.c.EMAWidth = v, 0
	}
	return nil
}

func (a *average) String() string { return a.text }

// Type implements pflag.Value.
func (*average) Type() string { return "decay or %" }

// override sets in c what was given on the command line, by the flags that define makes for it.
func override[T any](c *T, define func(*pflag.FlagSet, *T), given *pflag.FlagSet) error {
	own := pflag.NewFlagSet("own", pflag.ContinueOnError)
	define(own, c)
	var errs []error
	given.Visit(func(f *pflag.Flag) {
		if own.Lookup(f.Name) != nil {
			errs = append(errs, own.Set(f.Name, f.Value.String()))
		}
	})
	return errors.Join(errs...)
}
