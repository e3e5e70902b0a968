package training

import (
	"fmt"
	"math"

	"darkfield/pkg/diffusion"
	"darkfield/pkg/faults"
)

// Loss names the function of the noise's error whose weighted mean is minimised.
type Loss string

const (
	Huber      Loss = "huber" // smooth L1 with β = 1: the paper's
	MeanSquare Loss = "mse"
)

// Config says how to train. Steps may grow when a run is resumed; all else must stay. Milestones
// that are shares of Steps move as it grows: the steps that follow are taken at the rates of the
// longer run.
type Config struct {
	Seed uint64 `json:"seed" yaml:"seed"`
	// optimiser steps in all
	Steps int `json:"steps" yaml:"steps"`
	// maps a step
	Batch int `json:"batch" yaml:"batch"`
	// maps in the network at a time: a divisor of Batch, Derived or WholeBatch
	MicroBatch int `json:"micro_batch,omitempty" yaml:"micro_batch,omitempty"`
	// Adam's, at its highest
	LearningRate float64 `json:"learning_rate" yaml:"learning_rate"`
	// step up to which it rises linearly; none: it starts there
	Warmup Milestone `json:"warmup" yaml:"warmup"`
	// step at which a cosine decay reaches a hundredth; none: constant, as in the paper
	CosineTo Milestone `json:"cosine_to" yaml:"cosine_to"`
	// longest gradient, over all weights; 0: any
	ClipNorm float64 `json:"clip_norm" yaml:"clip_norm"`
	// of the averaged weights, reached gradually
	EMADecay float64 `json:"ema_decay" yaml:"ema_decay"`
	// averages over this share of all steps so far instead (Karras et al. 2024); 0: EMADecay
	EMAWidth float64 `json:"ema_width" yaml:"ema_width"`
	// what is minimised
	Loss Loss `json:"loss" yaml:"loss"`
	// of the loss over times
	Weighting diffusion.Weighting `json:"weighting" yaml:"weighting"`
	// what the network's output is
	Prediction diffusion.Prediction `json:"prediction" yaml:"prediction"`
	// one time from each of Batch equal parts of the schedule (Kingma et al. 2021); false:
	// independent, as in the paper
	Stratified bool `json:"even_times,omitempty" yaml:"even_times,omitempty"`
	// of a batch's maps whose times are even in ln(1 + i), where all octaves say as much of the
	// parameters; 0: none, as in the paper
	LogUniformShare float64 `json:"early_share,omitempty" yaml:"early_share,omitempty"`
	// maps, which must be periodic, are shifted at random besides being turned and flipped; false:
	// not, as in the paper
	Shifts bool `json:"shifts,omitempty" yaml:"shifts,omitempty"`
	// the network is fed ln Ω_m and ln σ_8, which spectra answer to by power laws; false: Ω_m and
	// σ_8, as in the paper
	LogTheta bool `json:"log_theta,omitempty" yaml:"log_theta,omitempty"`
	// steps
	CheckpointEvery int `json:"checkpoint_every" yaml:"checkpoint_every"`
	// steps
	ValidateEvery int `json:"validate_every" yaml:"validate_every"`
	// at most; fixed maps, times and noise
	ValidationMaps int `json:"validation_maps" yaml:"validation_maps"`
	// steps between records in metrics.jsonl; checkpoints have one, too
	LogEvery int `json:"log_every" yaml:"log_every"`
	// newest checkpoints that are kept; 0: all
	Keep int `json:"keep" yaml:"keep"`

	// HalveAt says after what the rate is halved: shares of all steps or, where a milestone has a
	// count, epochs. An epoch is one pass over the training maps.
	HalveAt []Milestone `json:"halve_at,omitempty" yaml:"halve_at,omitempty"`
}

// Values of MicroBatch that follow the batch.
const (
	Derived    = 0  // the largest divisor of Batch whose maps fit a processor's usual memory
	WholeBatch = -1 // all maps at a time: for a GPU, which is faster so and has the memory
)

// Default returns the paper's settings for 64² maps.
func Default() Config {
	return Config{
		Seed: 1, Steps: 60_000, Batch: 20, LearningRate: 2e-4, EMADecay: 0.999, Loss: Huber,
		Weighting: diffusion.Uniform, Prediction: diffusion.PredictEpsilon,
		CheckpointEvery: 4000, ValidateEvery: 1000, ValidationMaps: 200, LogEvery: 20,
	}
}

// Validate returns an error that names every field that is out of range.
func (c Config) Validate() error {
	f := faults.Of("training.Config")
	f.Want(c.Steps >= 1, "Steps", c.Steps, ">= 1")
	f.Want(c.Batch >= 1, "Batch", c.Batch, ">= 1")
	f.Want(c.MicroBatch == Derived || c.MicroBatch == WholeBatch || c.MicroBatch > 0 &&
		c.Batch%c.MicroBatch == 0,
		"MicroBatch", c.MicroBatch,
		fmt.Sprintf("a divisor of Batch = %d, 0 (as many as fit) or -1 (all)", c.Batch))
	f.Want(c.LearningRate > 0 && c.LearningRate < 1, "LearningRate", c.LearningRate, "in (0, 1)")
	f.Want(c.Warmup.valid(), "Warmup", c.Warmup, ">= 0 steps or 0 % to 100 %")
	decays := c.CosineTo.none() || c.CosineTo.of(c.Steps) > c.Warmup.of(c.Steps)
	f.Want(c.CosineTo.valid() && decays, "CosineTo", c.CosineTo,
		fmt.Sprintf("0 or more than Warmup = %v, of %d steps", c.Warmup, c.Steps))
	f.Want(rising(c.HalveAt), "HalveAt", c.HalveAt, "rising numbers of epochs, the first >= 1, or "+
		"rising shares up to 100 %")
	f.Want(c.EMADecay >= 0 && c.EMADecay < 1, "EMADecay", c.EMADecay, "in [0, 1)")
	f.Want(c.ClipNorm >= 0, "ClipNorm", c.ClipNorm, ">= 0")
	f.Want(c.EMAWidth >= 0 && c.EMAWidth < widest, "EMAWidth", c.EMAWidth,
		fmt.Sprintf("in [0, %.3f)", widest))
	f.Add(c.Weighting.Validate())
	f.Add(c.Prediction.Validate())
	f.Want(c.Loss == Huber || c.Loss == MeanSquare, "Loss", c.Loss, `"huber" or "mse"`)
	f.Want(c.LogUniformShare >= 0 && c.LogUniformShare <= 1, "LogUniformShare", c.LogUniformShare, "in [0, 1]")
	f.Want(c.CheckpointEvery >= 1, "CheckpointEvery", c.CheckpointEvery, ">= 1")
	f.Want(c.ValidateEvery >= 1, "ValidateEvery", c.ValidateEvery, ">= 1")
	f.Want(c.ValidationMaps >= 1, "ValidationMaps", c.ValidationMaps, ">= 1")
	f.Want(c.LogEvery >= 1, "LogEvery", c.LogEvery, ">= 1")
	f.Want(c.Keep >= 0, "Keep", c.Keep, ">= 0")
	return f.Err()
}

// rate returns the learning rate of step n = 1, 2, …, without halvings.
func (c Config) rate(n int) float64 {
	warmup, end := c.Warmup.of(c.Steps), c.CosineTo.of(c.Steps)
	switch {
	case n <= warmup:
		return c.LearningRate * float64(n) / float64(warmup)
	case c.CosineTo.none():
		return c.LearningRate
	default:
		done := math.Min(1, float64(n-warmup)/float64(end-warmup))
		return c.LearningRate * (0.01 + 0.99*0.5*(1+math.Cos(math.Pi*done)))
	}
}

// halvings returns by what the rate of step n = 1, 2, … is multiplied after the milestones of
// HalveAt; maps is their number in an epoch.
func (c Config) halvings(n, maps int) float64 {
	factor := 1.0
	for _, m := range c.HalveAt {
		if n > m.steps(c, maps) {
			factor /= 2
		}
	}
	return factor
}

// decay returns the decay of the averaged weights at step n: small at first, so that short runs
// do not average in the initial weights.
func (c Config) decay(n int) float64 {
	if c.EMAWidth > 0 {
		return math.Pow(1-1/float64(n), emaPower(c.EMAWidth)+1)
	}
	return math.Min(c.EMADecay, (1+float64(n))/(10+float64(n)))
}

// widest is the width of an average in which all steps count equally: 1/√12.
var widest = 1 / math.Sqrt(12)

// emaPower returns γ of an average that weights step τ of n by τ^γ and whose standard deviation
// is width·n: the positive root of width² (γ + 2)² (γ + 3) = γ + 1, equation 123 of Karras et al.
// (2024).
func emaPower(width float64) float64 {
	low, high := 0.0, 1/width // the left side is the larger one at γ = 1/width
	for range 60 {
		g := (low + high) / 2
		if width*width*(g+2)*(g+2)*(g+3) > g+1 {
			high = g
		} else {
			low = g
		}
	}
	return low
}
