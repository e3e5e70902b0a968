package baseline

import (
	"errors"
	"fmt"
	"math"

	"darkfield/pkg/faults"
)

// Loss names what a network minimises.
type Loss string

const (
	// Score is the mean of (θ − μ)²/σ² + log σ² (Dawid and Sebastiani 1999). Its minimum over all
	// functions is the posterior mean and variance, whatever the posterior's shape.
	Score Loss = "score"
	// Density is the mean of −ln q(θ | map), q a mixture of Gaussians (Bishop 1994). Its minimum is
	// the mixture nearest to the posterior.
	Density Loss = "density"
)

// Network is the shape of a network.
type Network struct {
	// Widths are the channels of each level, from fine to coarse. The first level works at half the
	// side of the maps, each other one at half the side of the one before.
	Widths []int `json:"widths" yaml:"widths"`
	// Hidden is the width of the layer between the pooled channels and the outputs.
	Hidden int `json:"hidden" yaml:"hidden"`
	// Components is the number of Gaussians of a density network; 0: a moment network.
	Components int `json:"components,omitempty" yaml:"components,omitempty"`
}

// Config says how to train a network.
type Config struct {
	Network Network `json:"network" yaml:"network"`
	Loss    Loss    `json:"loss" yaml:"loss"`
	Seed    uint64  `json:"seed" yaml:"seed"`
	Epochs  int     `json:"epochs" yaml:"epochs"` // passes over the training maps
	Batch   int     `json:"batch" yaml:"batch"`   // maps per step
	// LearningRate is Adam's at its highest; it decays to 0 as a cosine.
	LearningRate float64 `json:"learning_rate" yaml:"learning_rate"`
	Warmup       int     `json:"warmup" yaml:"warmup"` // steps of the linear rise
	// WeightDecay is decoupled from the gradient (Loshchilov and Hutter 2019).
	WeightDecay float64 `json:"weight_decay" yaml:"weight_decay"`
	// EMADecay is that of the averaged weights, which are the result; it is reached gradually.
	EMADecay float64 `json:"ema_decay" yaml:"ema_decay"`
	// ClipNorm is the largest norm of the gradient over all weights; 0: any.
	ClipNorm float64 `json:"clip_norm" yaml:"clip_norm"`
}

// Default returns settings for 32² and 64² maps.
func Default() Config {
	return Config{
		Network: Network{Widths: []int{24, 48, 64}, Hidden: 64}, Loss: Score, Seed: 1,
		Epochs: 20, Batch: 32,
		LearningRate: 1.5e-3, Warmup: 100, WeightDecay: 1e-2, EMADecay: 0.998, ClipNorm: 1,
	}
}

// DefaultDensity returns the same settings for a density network.
func DefaultDensity() Config {
	c := Default()
	c.Loss, c.Network.Components = Density, 4
	return c
}

// Validate returns an error that names every field that is out of range.
func (c Config) Validate() error {
	f := faults.Of("baseline.Config")
	f.Want(c.Loss == Score || c.Loss == Density, "Loss", c.Loss,
		fmt.Sprintf("%q or %q", Score, Density))
	f.Want((c.Loss == Density) == (c.Network.Components > 0), "Network.Components",
		c.Network.Components, fmt.Sprintf("above 0 for the loss %q, else 0", Density))
	f.Want(c.Epochs >= 1, "Epochs", c.Epochs, ">= 1")
	f.Want(c.Batch >= 2, "Batch", c.Batch, ">= 2")
	f.Want(c.LearningRate > 0 && c.LearningRate < 1, "LearningRate", c.LearningRate, "in (0, 1)")
	f.Want(c.Warmup >= 0, "Warmup", c.Warmup, ">= 0")
	f.Want(c.WeightDecay >= 0 && c.WeightDecay < 1, "WeightDecay", c.WeightDecay, "in [0, 1)")
	f.Want(c.EMADecay >= 0 && c.EMADecay < 1, "EMADecay", c.EMADecay, "in [0, 1)")
	f.Want(c.ClipNorm >= 0, "ClipNorm", c.ClipNorm, ">= 0")
	f.Add(c.Network.Validate())
	return f.Err()
}

// Validate returns an error that names every field that is out of range.
func (n Network) Validate() error {
	var errs []error
	if len(n.Widths) == 0 {
		errs = append(errs, errors.New("baseline.Network.Widths is empty, want at least one level"))
	}
	for i, w := range n.Widths {
		if w < 1 {
			errs = append(errs, fmt.Errorf("baseline.Network.Widths[%d] = %d, want >= 1", i, w))
		}
	}
	if n.Hidden < 1 {
		errs = append(errs, fmt.Errorf("baseline.Network.Hidden = %d, want >= 1", n.Hidden))
	}
	if n.Components < 0 {
		errs = append(errs, fmt.Errorf("baseline.Network.Components = %d, want >= 0", n.Components))
	}
	return errors.Join(errs...)
}

// CheckSide returns an error unless maps of side pixels can be downsampled for each level.
func (n Network) CheckSide(side int) error {
	if multiple := 1 << len(n.Widths); side < multiple || side%multiple != 0 {
		return fmt.Errorf("baseline: maps of %d pixels a side, want a multiple of %d: each of the "+
			"network's %d levels halves them", side, multiple, len(n.Widths))
	}
	return nil
}

// rate returns the learning rate of step n = 1, 2, … of all.
func (c Config) rate(n, all int) float64 {
	if n <= c.Warmup {
		return c.LearningRate * float64(n) / float64(c.Warmup)
	}
	done := float64(n-c.Warmup) / float64(max(all-c.Warmup, 1))
	return c.LearningRate * 0.5 * (1 + math.Cos(math.Pi*done))
}

// decay returns the decay of the averaged weights at step n. It is small at first, so that the
// average does not keep the initial weights.
func (c Config) decay(n int) float64 { return math.Min(c.EMADecay, (1+float64(n))/(10+float64(n))) }
