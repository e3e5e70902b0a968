package main

import (
	"errors"

	"github.com/spf13/pflag"

	"darkfield/pkg/training"
	"darkfield/pkg/unet"
)

// recipeFlags lets users change single settings of c, whose values are the defaults. They hold
// for all stages of a training.
func recipeFlags(f *pflag.FlagSet, c *training.Config) {
	f.IntVar(&c.Batch, "batch", c.Batch, "maps a step")
	f.IntVar(&c.MicroBatch, "micro-batch", c.MicroBatch, "of them that go through the network at a "+
		"time, for memory's sake: a divisor of --batch (0: as many as fit a usual memory, -1: all)")
	f.Uint64Var(&c.Seed, "seed", c.Seed, "of initial weights, order of maps, times and noise")
	f.Float64Var(&c.ClipNorm, "clip", c.ClipNorm, "longest gradient (0: any)")
	f.Float64Var(&c.EMADecay, "ema", c.EMADecay, "decay of the averaged weights")
	f.Float64Var(&c.EMAWidth, "ema-width", c.EMAWidth, "average over this share of all steps so far "+
		"(0: by --ema)")
	f.StringVar((*string)(&c.Loss), "loss", string(c.Loss), "huber or mse, of the predicted noise")
	f.StringVar((*string)(&c.Weighting), "weighting", string(c.Weighting), "of the loss over times: "+
		"uniform, min-snr or v")
	f.StringVar((*string)(&c.Prediction), "prediction", string(c.Prediction),
		"of the network: epsilon or v")
	f.BoolVar(&c.LogTheta, "log-theta", c.LogTheta, "feed the network the logarithms of Ω_m and "+
		"σ_8, which spectra answer to by power laws")
	f.BoolVar(&c.EvenTimes, "even-times", c.EvenTimes, "draw the times of a batch from equal parts "+
		"of the schedule")
	f.BoolVar(&c.Shifts, "shifts", c.Shifts, "shift maps, which must be periodic, at random besides "+
		"turning them")
	f.Float64Var(&c.EarlyShare, "early-share", c.EarlyShare, "share of a batch whose times are even "+
		"in their logarithm, as the bound's terms")
	f.IntVar(&c.CheckpointEvery, "checkpoint-every", c.CheckpointEvery, "steps")
	f.IntVar(&c.Keep, "keep", c.Keep, "newest checkpoints that are kept, besides the one that "+
		"select marked (0: all)")
}

// networkFlags lets users add to the network of a preset what the paper's does not have.
func networkFlags(f *pflag.FlagSet, c *unet.Config) {
	f.StringVar((*string)(&c.Conditioning), "conditioning", string(c.Conditioning), "of blocks on "+
		"time and θ: empty (shift) or scale-shift")
	f.IntVar(&c.Hidden, "hidden", c.Hidden, "numbers in the hidden layer of the embedding of θ (0: "+
		"the paper's 10)")
	f.IntVar(&c.Rings, "rings", c.Rings, "wavenumbers, half an octave apart, of a linear filter of "+
		"the noised map whose gains depend on time and θ (0: no filter)")
}

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
