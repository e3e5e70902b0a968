package nbody

import (
	"errors"
	"fmt"
	"math/bits"

	"darkfield/pkg/cosmology"
)

// Config is the resolution of a simulation.
type Config struct {
	BoxSide    float64               `json:"box_side_mpc_h" yaml:"box_side_mpc_h"`
	Particles  int                   `json:"particles" yaml:"particles"`     // a side, a power of two
	MeshFactor int                   `json:"mesh_factor" yaml:"mesh_factor"` // force mesh cells a particle, a side: a power of two
	Steps      int                   `json:"steps" yaml:"steps"`             // from Start to 1, uniform in a^1.5
	Start      cosmology.ScaleFactor `json:"start" yaml:"start"`             // when the initial conditions are set
	Neighbours int                   `json:"neighbours" yaml:"neighbours"`   // that a particle's sphere holds when maps are made
	Pixels     int                   `json:"pixels" yaml:"pixels"`           // a side of the maps before they are averaged down
}

// Default returns 64³ particles in 25 Mpc/h, 40 steps from a = 0.02, and maps of 256².
func Default() Config {
	return Config{BoxSide: 25, Particles: 64, MeshFactor: 2, Steps: 40, Start: 0.02, Neighbours: 8, Pixels: 256}
}

// Validate returns an error that names every field that is out of range.
func (c Config) Validate() error {
	var errs []error
	bad := func(ok bool, field string, value any, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("nbody.Config.%s = %v, want %s", field, value, want))
		}
	}
	power := func(n int) bool { return n > 0 && bits.OnesCount(uint(n)) == 1 }
	bad(c.BoxSide > 0 && c.BoxSide < 1e6, "BoxSide", c.BoxSide, "in (0, 1e6) Mpc/h")
	bad(power(c.Particles) && c.Particles >= 8 && c.Particles <= 512, "Particles", c.Particles, "a power of two in 8…512")
	bad(power(c.MeshFactor) && c.MeshFactor <= 4, "MeshFactor", c.MeshFactor, "1, 2 or 4")
	bad(c.Steps >= 1, "Steps", c.Steps, ">= 1")
	bad(c.Start > 0 && c.Start < 1, "Start", c.Start, "in (0, 1)")
	bad(c.Neighbours >= 1 && c.Neighbours <= 64, "Neighbours", c.Neighbours, "1…64")
	bad(c.Pixels >= 1 && c.Pixels <= 4096, "Pixels", c.Pixels, "1…4096")
	return errors.Join(errs...)
}

func (c Config) mesh() int { return c.MeshFactor * c.Particles }

// spacing is the distance of the particles' initial lattice in Mpc/h.
func (c Config) spacing() float64 { return c.BoxSide / float64(c.Particles) }
