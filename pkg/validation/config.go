package validation

import (
	"errors"
	"fmt"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/nbody"
)

// Config is the size of a validation: which simulations it runs.
type Config struct {
	Judged bool // sizes are large enough for verdicts on what simulations measure

	Long      nbody.Config // small fluctuations, whose longest waves are compared with linear growth
	LongSeeds int

	Converging nbody.Config // of a few particles, for the order in time
	StepCounts []int        // compared with FinestSteps
	Finest     int

	Large       nbody.Config          // 250 Mpc/h a side, for the power spectrum
	Early       cosmology.ScaleFactor // one box more of the fiducial universe starts here: does the start matter?
	LargeSeeds  int                   // of the fiducial universe
	CornerSeeds int                   // of each other universe of the CAMB tables

	Coarse, Fine    nbody.Config // the resolution study
	ResolutionSeeds int

	Box           nbody.Config // what maps are made with by default
	ResponseSeeds int
	Boxes         int   // of the LH set
	Sides         []int // of the maps whose power is taken, divisors of the pixels; the last has all of them
}

// Full is the report that is kept beside the code: minutes on a few cores.
func Full() Config {
	box := nbody.Default()
	long := box
	long.BoxSide, long.Steps = largeSide, 20
	converging := box
	converging.Particles, converging.Start = 32, 0.3
	large, fine := box, box
	large.BoxSide, large.Particles = largeSide, 128
	// On a mesh finer than their lattice, particles that have hardly moved feel the lattice: with 2 Mpc/h between them a start at
	// 0.02 adds a fifth to the power today. At 0.1 they have moved by half a cell.
	large.Start = 0.1
	fine.Particles, fine.Neighbours = 128, 16
	return Config{
		Judged: true,
		Long:   long, LongSeeds: 4,
		Converging: converging, StepCounts: []int{5, 10, 20, 40}, Finest: 320,
		Large: large, Early: box.Start, LargeSeeds: 4, CornerSeeds: 1,
		Coarse: box, Fine: fine, ResolutionSeeds: 3,
		Box: box, ResponseSeeds: 5, Boxes: 64, Sides: []int{64, 256},
	}
}

// Quick has fewer and shorter simulations, for a minute on two cores: error bars are wider.
func Quick() Config {
	c := Full()
	c.LongSeeds, c.Finest = 1, 160
	c.Converging.Particles = 16
	c.Large.Steps, c.LargeSeeds, c.CornerSeeds = 20, 1, 0
	c.ResolutionSeeds, c.ResponseSeeds, c.Boxes = 1, 1, 8
	return c
}

// Smoke runs every step on simulations too small to mean anything.
func Smoke() Config {
	c := Quick()
	c.Judged = false
	c.Long.Particles, c.Long.Steps = 16, 10
	c.StepCounts, c.Finest = []int{2, 4}, 16
	c.Converging.Particles = 8
	c.Large.Particles, c.Large.Steps = 16, 5
	c.Box.Particles, c.Box.Steps, c.Box.Pixels, c.Box.Neighbours = 16, 5, 64, 32
	c.Coarse, c.Fine = c.Box, c.Box
	c.Fine.Particles, c.Fine.Neighbours = 32, 64
	c.Boxes, c.Sides = 4, []int{32, 64}
	return c
}

// Sides of boxes in Mpc/h.
const largeSide = 250

// Validate returns an error that names every field that is out of range.
func (c Config) Validate() error {
	errs := []error{c.Long.Validate(), c.Converging.Validate(), c.Large.Validate(), c.Coarse.Validate(), c.Fine.Validate(), c.Box.Validate()}
	bad := func(ok bool, field string, value any, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("validation.Config.%s = %v, want %s", field, value, want))
		}
	}
	for field, n := range map[string]int{"LongSeeds": c.LongSeeds, "LargeSeeds": c.LargeSeeds, "ResolutionSeeds": c.ResolutionSeeds, "ResponseSeeds": c.ResponseSeeds} {
		bad(n >= 1, field, n, ">= 1")
	}
	bad(c.Early > 0 && c.Early < 1, "Early", c.Early, "in (0, 1)")
	bad(c.CornerSeeds >= 0, "CornerSeeds", c.CornerSeeds, ">= 0")
	bad(c.Boxes >= 3, "Boxes", c.Boxes, ">= 3, for an error bar")
	bad(len(c.StepCounts) >= 2, "StepCounts", c.StepCounts, "two or more")
	for _, n := range c.StepCounts {
		bad(n >= 1 && 4*n <= c.Finest, "StepCounts", n, fmt.Sprintf("in 1…%d, a quarter of Finest", c.Finest/4))
	}
	bad(len(c.Sides) == 2, "Sides", c.Sides, "a coarse and a fine side")
	for _, n := range c.Sides {
		for name, pixels := range map[string]int{"Box": c.Box.Pixels, "Coarse": c.Coarse.Pixels, "Fine": c.Fine.Pixels} {
			bad(n >= bandSide && pixels%n == 0, "Sides", n, fmt.Sprintf("a divisor of %s.Pixels = %d, >= %d", name, pixels, bandSide))
		}
	}
	return errors.Join(errs...)
}
