package training

import (
	"fmt"
	"math"

	"darkfield/pkg/diffusion"
	"darkfield/pkg/faults"
	"darkfield/pkg/network"
)

// Config says how to train. Only Steps may change, to a larger number, when a run is resumed.
// Milestones that are shares of Steps then move: the remaining steps have the learning rates of the
// longer run.
type Config struct {
	Seed  uint64 `json:"seed" yaml:"seed"`
	Steps int    `json:"steps" yaml:"steps"` // optimiser steps in all
	Batch int    `json:"batch" yaml:"batch"` // maps per step
	// MicroBatch is the number of maps per call of the network, whose gradients are accumulated: a
	// divisor of Batch, Derived or WholeBatch.
	MicroBatch int `json:"micro_batch,omitempty" yaml:"micro_batch,omitempty"`
	// Fused takes a step in one graph, where no micro-batches are needed, and reads losses every
	// LogEvery steps. On a GPU that saves transfers; on a processor it needs more memory. The weights
	// are the same up to rounding.
	Fused bool `json:"fused,omitempty" yaml:"fused,omitempty"`
	// Devices is the number of the backend's devices, GPUs of one machine, that share each batch; 0:
	// one. Then a step is one graph, as with Fused, and Batch must be a multiple of it. The weights
	// are the same up to rounding, and a run may go on with another number.
	Devices int `json:"devices,omitempty" yaml:"devices,omitempty"`
	// Precision is that of the network in a step. Weights, loss, optimiser and validation are float32
	// with each, as likelihoods are. TF32 needs a backend that was opened for it.
	Precision network.Precision `json:"precision,omitempty" yaml:"precision,omitempty"`
	Optimiser Optimiser         `json:"optimiser,omitempty" yaml:"optimiser,omitempty"`
	// LearningRate is the optimiser's at its highest. It rises linearly up to the step Warmup.
	LearningRate float64   `json:"learning_rate" yaml:"learning_rate"`
	Warmup       Milestone `json:"warmup" yaml:"warmup"`
	// CosineTo is the step at which a cosine decay of the rate reaches a hundredth; none: no decay, as
	// in the paper.
	CosineTo Milestone `json:"cosine_to" yaml:"cosine_to"`
	// ClipNorm is the largest norm of the gradient over all weights; 0: any.
	ClipNorm float64 `json:"clip_norm" yaml:"clip_norm"`
	// EMADecay is the decay of the averaged weights, reached gradually.
	EMADecay float64 `json:"ema_decay" yaml:"ema_decay"`
	// EMAWidth, unless 0, replaces EMADecay by an average whose standard deviation is this share of
	// all steps so far (Karras et al. 2024).
	EMAWidth float64 `json:"ema_width" yaml:"ema_width"`
	// Loss is the name of the Loss that is minimised: Huber, MeanSquare or that of Job.Loss.
	Loss       string               `json:"loss" yaml:"loss"`
	Weighting  diffusion.Weighting  `json:"weighting" yaml:"weighting"`   // of the loss over times
	Prediction diffusion.Prediction `json:"prediction" yaml:"prediction"` // the network's output
	// Stratified draws one time from each of Batch equal parts of the schedule (Kingma et al. 2021);
	// false: independent times, as in the paper.
	Stratified bool `json:"even_times,omitempty" yaml:"even_times,omitempty"`
	// LogUniformShare is the share of a batch's maps whose times are uniform in ln(1 + i), where all
	// octaves say about as much of the parameters; 0: none, as in the paper.
	LogUniformShare float64 `json:"early_share,omitempty" yaml:"early_share,omitempty"`
	// Shifts augments maps, which must be periodic, by random shifts besides rotations and flips;
	// false: no shifts, as in the paper.
	Shifts bool `json:"shifts,omitempty" yaml:"shifts,omitempty"`
	// LogTheta conditions the network on the logarithms of the parameters, to which spectra respond
	// as power laws; false: on the parameters, as in the paper.
	LogTheta bool `json:"log_theta,omitempty" yaml:"log_theta,omitempty"`

	CheckpointEvery int `json:"checkpoint_every" yaml:"checkpoint_every"` // steps
	ValidateEvery   int `json:"validate_every" yaml:"validate_every"`     // steps
	// ValidationMaps is the largest number of validation maps; maps, times and noise are fixed.
	ValidationMaps int `json:"validation_maps" yaml:"validation_maps"`
	// LogEvery is the number of steps between records in metrics.jsonl; checkpoints have one, too.
	LogEvery int `json:"log_every" yaml:"log_every"`
	Keep     int `json:"keep" yaml:"keep"` // number of checkpoints that are kept; 0: all

	// HalveAt are the milestones after which the rate is halved: shares of all steps or counts of
	// epochs, each a pass over the training maps.
	HalveAt []Milestone `json:"halve_at,omitempty" yaml:"halve_at,omitempty"`
}

// Values of MicroBatch that follow the batch.
const (
	Derived    = 0  // the largest divisor of Batch whose activations fit into usual memory
	WholeBatch = -1 // no micro-batches; on a GPU, which has the memory, this is fastest
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
	f.Want(c.Devices >= 0, "Devices", c.Devices, ">= 0")
	f.Want(c.Batch%c.devices() == 0, "Batch", c.Batch, fmt.Sprintf("a multiple of Devices = %d",
		c.Devices))
	f.Want(c.devices() == 1 || c.MicroBatch <= 0, "MicroBatch", c.MicroBatch,
		fmt.Sprintf("0 or -1 with Devices = %d, which take a batch in one graph", c.Devices))
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
	f.Want(c.Optimiser == AdamOptimiser || c.Optimiser == MuonOptimiser, "Optimiser",
		fmt.Sprintf("%q", c.Optimiser), `"" (Adam) or "muon"`)
	f.Add(c.Precision.Validate())
	f.Add(c.Weighting.Validate())
	f.Add(c.Prediction.Validate())
	f.Want(c.Loss != "", "Loss", `""`, `"huber", "mse" or the name of your own`)
	f.Want(c.LogUniformShare >= 0 && c.LogUniformShare <= 1, "LogUniformShare",
		c.LogUniformShare, "in [0, 1]")
	f.Want(c.CheckpointEvery >= 1, "CheckpointEvery", c.CheckpointEvery, ">= 1")
	f.Want(c.ValidateEvery >= 1, "ValidateEvery", c.ValidateEvery, ">= 1")
	f.Want(c.ValidationMaps >= 1, "ValidationMaps", c.ValidationMaps, ">= 1")
	f.Want(c.LogEvery >= 1, "LogEvery", c.LogEvery, ">= 1")
	f.Want(c.Keep >= 0, "Keep", c.Keep, ">= 0")
	return f.Err()
}

// devices returns the number of devices that share a batch.
func (c Config) devices() int { return max(c.Devices, 1) }

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

// halvings returns the factor of the rate of step n = 1, 2, … after the milestones of HalveAt; maps
// is the number of maps of an epoch.
func (c Config) halvings(n, maps int) float64 {
	factor := 1.0
	for _, m := range c.HalveAt {
		if n > m.steps(c, maps) {
			factor /= 2
		}
	}
	return factor
}

// decay returns the decay of the averaged weights at step n. It is small at first, so that the
// average does not keep the initial weights.
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
