package unet

import (
	"errors"
	"fmt"
)

// Config is the shape of the network.
type Config struct {
	Dim         int   `json:"dim" yaml:"dim"`                 // channels of the first level
	Multipliers []int `json:"multipliers" yaml:"multipliers"` // channels of each level over Dim, from fine to coarse
	Groups      int   `json:"groups" yaml:"groups"`           // of the group normalisation in ResNet blocks
	Heads       int   `json:"heads" yaml:"heads"`             // attention heads
	HeadDim     int   `json:"head_dim" yaml:"head_dim"`       // width of an attention head
	Thetas      int   `json:"thetas" yaml:"thetas"`           // parameters that the network is conditioned on
}

// Default returns the paper's network: 31.27 million parameters.
func Default() Config {
	return Config{Dim: 64, Multipliers: []int{1, 2, 4, 8}, Groups: 8, Heads: 4, HeadDim: 32, Thetas: 2}
}

// WithDim returns c with another width.
func (c Config) WithDim(dim int) Config {
	c.Dim = dim
	return c
}

// Validate returns an error that names every field that is out of range.
func (c Config) Validate() error {
	var errs []error
	bad := func(ok bool, field string, value any, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("unet.Config.%s = %v, want %s", field, value, want))
		}
	}
	bad(c.Groups >= 1, "Groups", c.Groups, ">= 1")
	bad(c.Dim >= 4 && c.Dim%2 == 0 && c.Groups >= 1 && c.Dim%c.Groups == 0, "Dim", c.Dim, "an even number >= 4 that Groups divides")
	bad(len(c.Multipliers) >= 2, "Multipliers", c.Multipliers, "at least two levels")
	for _, m := range c.Multipliers {
		bad(m >= 1, "Multipliers", c.Multipliers, "every entry >= 1")
	}
	bad(c.Heads >= 1, "Heads", c.Heads, ">= 1")
	bad(c.HeadDim >= 1, "HeadDim", c.HeadDim, ">= 1")
	bad(c.Thetas >= 1, "Thetas", c.Thetas, ">= 1")
	return errors.Join(errs...)
}

// Halvings returns how often the network halves the side of a map.
func (c Config) Halvings() int { return len(c.Multipliers) - 1 }

// CheckSide returns an error unless maps of side pixels can be halved as often as the network does.
func (c Config) CheckSide(side int) error {
	if f := 1 << c.Halvings(); side < f || side%f != 0 {
		return fmt.Errorf("maps of %d pixels a side: the network halves the side %d times, want a multiple of %d", side, c.Halvings(), f)
	}
	return nil
}

// channels returns the width of level l.
func (c Config) channels(l int) int { return c.Dim * c.Multipliers[l] }

// embedding is the width of the time embedding.
func (c Config) embedding() int { return 4 * c.Dim }

// conditional is the hidden width of the embedding of θ.
const conditional = 10
