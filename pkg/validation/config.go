package validation

import (
	"fmt"
	"maps"
	"slices"

	"darkfield/pkg/faults"
	"darkfield/pkg/nbody"
)

// Config says which simulations a validation runs. Every check measures nbody.Default, or its rows
// say what it changes.
type Config struct {
	Judged bool // simulations are large enough for verdicts

	Long, Short nbody.Config // boxes of 250 Mpc/h and of the maps, to which a long wave is added
	WaveSeeds   int          // number of boxes of each

	Converging nbody.Config // with few particles, for the order of convergence in time
	StepCounts []int        // numbers of steps that are compared with Finest
	Finest     int

	Large       nbody.Config // boxes of 250 Mpc/h, for the power spectrum
	LargeSeeds  int          // number of boxes of the fiducial model
	CornerSeeds int          // and of each other model of the CAMB tables

	Coarse, Fine    nbody.Config // compared for the resolution
	ResolutionSeeds int
	Reference       nbody.Config // one box that Fine is compared with; no particles: none

	ChoiceSeeds int       // boxes for each changed numerical choice and each Ω_m
	ChoiceOmega []float64 // Ω_m

	Box           nbody.Config // the default
	ResponseSeeds int
	Boxes         int   // in the LH set
	Sides         []int // of the maps whose power is measured; the last is that of Box.Pixels
}

// Full is the size of the report in data/validation.
func Full() Config {
	box := nbody.Default()
	long := box
	long.BoxSide = largeSide
	converging := box
	converging.Particles, converging.Start = 32, 0.3
	large, fine := box, box
	large.BoxSide, large.Particles = largeSide, 128
	fine.Particles, fine.Neighbours = 128, 16
	reference := fine
	reference.Particles = 256
	return Config{
		Judged: true,
		Long:   long, Short: box, WaveSeeds: 4,
		Converging: converging, StepCounts: []int{5, 10, 20, 40}, Finest: 320,
		Large: large, LargeSeeds: 8, CornerSeeds: 8,
		Coarse: box, Fine: fine, ResolutionSeeds: 3, Reference: reference,
		ChoiceSeeds: 8, ChoiceOmega: []float64{0.1, 0.3, 0.5},
		Box: box, ResponseSeeds: 5, Boxes: 64, Sides: []int{64, 256},
	}
}

// Quick has fewer simulations and wider error bars.
func Quick() Config {
	c := Full()
	c.WaveSeeds, c.Finest = 1, 160
	c.Converging.Particles = 16
	c.Reference = nbody.Config{}
	c.LargeSeeds, c.CornerSeeds = 1, 0
	c.ChoiceSeeds, c.ChoiceOmega = 2, []float64{0.3}
	c.ResolutionSeeds, c.ResponseSeeds, c.Boxes = 1, 1, 8
	return c
}

// Smoke runs every step on simulations that are too small for verdicts.
func Smoke() Config {
	c := Quick()
	c.Judged = false
	c.Long.Particles, c.Long.Steps = 16, 5
	c.Short = c.Long
	c.Short.BoxSide = nbody.Default().BoxSide
	c.StepCounts, c.Finest = []int{2, 4}, 16
	c.Converging.Particles = 8
	c.Large.Particles, c.Large.Steps = 16, 5
	c.Box.Particles, c.Box.Steps, c.Box.Pixels, c.Box.Neighbours = 16, 5, 64, 32
	c.Coarse, c.Fine = c.Box, c.Box
	c.Fine.Particles, c.Fine.Neighbours = 32, 64
	c.Reference = c.Fine
	c.Boxes, c.Sides = 4, []int{32, 64}
	return c
}

// largeSide is the side of large boxes in Mpc/h.
const largeSide = 250

// Validate returns an error that names every field that is out of range.
func (c Config) Validate() error {
	configs := map[string]nbody.Config{
		"Long": c.Long, "Short": c.Short, "Converging": c.Converging, "Large": c.Large,
		"Coarse": c.Coarse, "Fine": c.Fine, "Box": c.Box,
	}
	if c.Reference.Particles > 0 {
		configs["Reference"] = c.Reference
	}
	f := faults.Of("validation.Config")
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		if err := configs[name].Validate(); err != nil {
			f.Add(fmt.Errorf("validation.Config.%s: %w", name, err))
		}
	}
	for field, n := range map[string]int{
		"WaveSeeds": c.WaveSeeds, "LargeSeeds": c.LargeSeeds, "ChoiceSeeds": c.ChoiceSeeds,
		"ResolutionSeeds": c.ResolutionSeeds, "ResponseSeeds": c.ResponseSeeds,
	} {
		f.Want(n >= 1, field, n, ">= 1")
	}
	f.Want(c.CornerSeeds >= 0, "CornerSeeds", c.CornerSeeds, ">= 0")
	f.Want(c.Boxes >= 3, "Boxes", c.Boxes, ">= 3, for an error bar")
	f.Want(len(c.StepCounts) >= 2, "StepCounts", c.StepCounts, "two or more")
	for _, n := range c.StepCounts {
		f.Want(n >= 1 && 4*n <= c.Finest, "StepCounts", n,
			fmt.Sprintf("in 1…%d, a quarter of Finest", c.Finest/4))
	}
	f.Want(len(c.Sides) == 2, "Sides", c.Sides, "a coarse and a fine side")
	for _, n := range c.Sides {
		for name, pixels := range map[string]int{
			"Box": c.Box.Pixels, "Coarse": c.Coarse.Pixels, "Fine": c.Fine.Pixels,
		} {
			f.Want(n >= bandSide && pixels%n == 0, "Sides", n,
				fmt.Sprintf("a divisor of %s.Pixels = %d, >= %d", name, pixels, bandSide))
		}
	}
	return f.Err()
}
