package unet

import (
	"fmt"
	"slices"

	"darkfield/pkg/faults"
)

// Config is the shape of the network.
type Config struct {
	Dim int `json:"dim" yaml:"dim"` // channels of the first level
	// Multipliers are the channels of each level over Dim, from fine to coarse.
	Multipliers []int `json:"multipliers" yaml:"multipliers"`
	Groups      int   `json:"groups" yaml:"groups"` // of the normalisations in ResNet blocks
	Heads       int   `json:"heads" yaml:"heads"`
	HeadDim     int   `json:"head_dim" yaml:"head_dim"` // channels of an attention head
	// ConditionDim is the number of parameters θ that the network is conditioned on.
	ConditionDim int `json:"thetas" yaml:"thetas"`

	// Extensions of the paper's network, which the zero values leave out.

	Conditioning Conditioning `json:"conditioning,omitempty" yaml:"conditioning,omitempty"`
	// Hidden is the width of the hidden layer of the embedding of θ; 0: the paper's 10.
	Hidden int `json:"hidden,omitempty" yaml:"hidden,omitempty"`
	// Rings is the number of wavenumbers of a linear filter of x_t, between which its gains are
	// interpolated; 0: no filter.
	Rings int `json:"rings,omitempty" yaml:"rings,omitempty"`
	// NoAttention leaves all attention out.
	NoAttention bool `json:"no_attention,omitempty" yaml:"no_attention,omitempty"`
	// Patch is the side, in pixels, of the squares whose means the network's levels see: the first
	// level has 1/Patch of the side of a map; 0: the paper's 1.
	Patch int `json:"patch,omitempty" yaml:"patch,omitempty"`
	// Detail is the number of channels of the blocks for what lies within the squares; 0 where Patch
	// is 1.
	Detail int `json:"detail,omitempty" yaml:"detail,omitempty"`
}

// Conditioning says how time and θ enter a ResNet block.
type Conditioning string

const (
	// ShiftOnly shifts the channels between the two halves of a block, as in the paper.
	ShiftOnly Conditioning = ""
	// ScaleShift also scales them there, and scales the output of the second half.
	ScaleShift Conditioning = "scale-shift"
)

// Default returns the paper's network: 31.27 million parameters.
func Default() Config {
	return Config{
		Dim: 64, Multipliers: []int{1, 2, 4, 8}, Groups: 8, Heads: 4, HeadDim: 32,
		ConditionDim: 2,
	}
}

// WithDim returns c with another width.
func (c Config) WithDim(dim int) Config {
	c.Dim = dim
	return c
}

// WithHidden returns c with another width of the hidden layer of the embedding of θ.
func (c Config) WithHidden(width int) Config {
	if c.Hidden = width; width == paperHidden {
		c.Hidden = 0
	}
	return c
}

// Extras names the extensions of the paper's network in c.
func (c Config) Extras() []string {
	var out []string
	if c.Conditioning == ScaleShift {
		out = append(out, "time and θ scale the channels of blocks, too")
	}
	if c.hidden() != paperHidden {
		out = append(out, fmt.Sprintf("%d hidden numbers in the embedding of θ", c.hidden()))
	}
	if c.NoAttention {
		out = append(out, "no attention")
	}
	if p := c.patch(); p > 1 {
		out = append(out, fmt.Sprintf("levels of the means of %d×%d pixels, and %d channels for their "+
			"details", p, p, c.Detail))
	}
	if c.Rings > 0 {
		out = append(out, fmt.Sprintf("a linear filter of %d wavenumbers by time and θ", c.Rings))
	}
	return out
}

// Bounds on a Config. They keep sizes from overflowing and a damaged file from requesting too much
// memory.
const (
	mostDim        = 1 << 12
	mostMultiplier = 1 << 8
	mostHidden     = 1 << 14
	mostConditions = 1 << 10
	mostRings      = 24 // a map of 2¹² pixels a side: nodes lie half an octave apart
	mostPatch      = 16
)

// MostLevels downsamples a map of 2048 pixels per side to a single pixel.
const MostLevels = 12

// Validate returns an error that names every field that is out of range. What it accepts can be
// built for maps that CheckSide accepts.
func (c Config) Validate() error {
	f := faults.Of("unet.Config")
	f.Want(c.Groups >= 1, "Groups", c.Groups, ">= 1")
	f.Want(c.Dim >= 4 && c.Dim <= mostDim && c.Dim%2 == 0, "Dim", c.Dim,
		fmt.Sprintf("an even number, 4 to %d", mostDim))
	f.Want(c.Groups < 1 || c.Dim%c.Groups == 0, "Dim", c.Dim, fmt.Sprintf("a multiple of Groups = %d",
		c.Groups))
	levels := len(c.Multipliers)
	f.Want(levels >= 2 && levels <= MostLevels, "Multipliers", c.Multipliers,
		fmt.Sprintf("2 to %d levels", MostLevels))
	f.Want(levels < 1 || c.Multipliers[0] == 1, "Multipliers", c.Multipliers,
		"1 first: the last block has the width Dim and the finest level's input")
	outside := func(m int) bool { return m < 1 || m > mostMultiplier }
	f.Want(!slices.ContainsFunc(c.Multipliers, outside), "Multipliers", c.Multipliers,
		fmt.Sprintf("every entry 1 to %d", mostMultiplier))
	f.Want(c.Heads >= 1 && c.Heads <= mostHidden, "Heads", c.Heads, fmt.Sprintf("1 to %d", mostHidden))
	f.Want(c.HeadDim >= 1 && c.HeadDim <= mostHidden/max(c.Heads, 1), "HeadDim", c.HeadDim,
		fmt.Sprintf("1 to %d / Heads", mostHidden))
	f.Want(c.ConditionDim >= 1 && c.ConditionDim <= mostConditions, "ConditionDim", c.ConditionDim,
		fmt.Sprintf("1 to %d", mostConditions))
	f.Want(c.Conditioning == ShiftOnly || c.Conditioning == ScaleShift, "Conditioning",
		fmt.Sprintf("%q", c.Conditioning), `"" (shift) or "scale-shift"`)
	f.Want(c.Hidden >= 0 && c.Hidden <= mostHidden, "Hidden", c.Hidden,
		fmt.Sprintf("1 to %d, or 0 for the paper's %d", mostHidden, paperHidden))
	f.Want(c.Rings >= 0 && c.Rings <= mostRings, "Rings", c.Rings, fmt.Sprintf("0 to %d", mostRings))
	f.Want(c.Patch >= 0 && c.Patch <= mostPatch, "Patch", c.Patch, fmt.Sprintf("0 to %d", mostPatch))
	if c.patch() == 1 {
		f.Want(c.Detail == 0, "Detail", c.Detail, "0: there are no squares")
	} else {
		f.Want(c.Detail >= 4 && c.Detail <= mostDim && c.Detail%2 == 0 &&
			(c.Groups < 1 || c.Detail%c.Groups == 0), "Detail", c.Detail, fmt.Sprintf(
			"an even multiple of Groups = %d, 4 to %d", c.Groups, mostDim))
	}
	return f.Err()
}

// Downsamplings returns how often the network halves the side of a map.
func (c Config) Downsamplings() int { return len(c.Multipliers) - 1 }

// CheckSide returns an error unless the side of maps, in pixels, can be divided as the network
// does.
func (c Config) CheckSide(side int) error {
	f := c.smallestSide()
	if side >= f && side%f == 0 {
		return nil
	}
	squares := ""
	if p := c.patch(); p > 1 {
		squares = fmt.Sprintf("takes squares of %d×%d and ", p, p)
	}
	return fmt.Errorf("maps of %d pixels a side: the network %shalves the side %d times, want a "+
		"multiple of %d", side, squares, c.Downsamplings(), f)
}

// smallestSide is that of maps whose coarsest level is one pixel.
func (c Config) smallestSide() int { return c.patch() << c.Downsamplings() }

// patch returns the side of the squares that are pixels of the first level.
func (c Config) patch() int { return max(c.Patch, 1) }

// channels returns the width of level l.
func (c Config) channels(l int) int { return c.Dim * c.Multipliers[l] }

// paperHidden is the paper's width of the hidden layer of the embedding of θ.
const paperHidden = 10

// hidden returns the width of the hidden layer of the embedding of θ.
func (c Config) hidden() int {
	if c.Hidden == 0 {
		return paperHidden
	}
	return c.Hidden
}
