package nbody

import (
	"fmt"
	"math/bits"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/faults"
)

// Version is raised whenever the maps of the same configuration, parameters and seed change, so
// that maps of two versions are never taken for one set.
const Version = 2

// Config is the resolution of a simulation.
type Config struct {
	// BoxSide is the side of the periodic box in Mpc/h.
	BoxSide float64 `json:"box_side_mpc_h" yaml:"box_side_mpc_h"`
	// Particles is their number along a side of the box, a power of two.
	Particles int `json:"particles" yaml:"particles"`
	// MeshFactor is the number of cells of the force mesh per particle, along a side: a power of two.
	MeshFactor int `json:"mesh_factor" yaml:"mesh_factor"`
	// Steps is the number of time steps from Start to today, equal in a power of the scale factor.
	Steps int `json:"steps" yaml:"steps"`
	// Start is the scale factor at which second-order Lagrangian perturbation theory ends and the
	// particle mesh begins.
	Start cosmology.ScaleFactor `json:"start" yaml:"start"`
	// Shift moves the initial lattice along each axis, as a fraction of its spacing; at 0 particles
	// begin on centres of mesh cells. The modes do not move with it, so that a shift measures how much
	// results depend on the lattice.
	Shift float64 `json:"lattice_shift" yaml:"lattice_shift,omitempty"`
	// LinearPower names the transfer function of the linear power: CAMB or EisensteinHu.
	LinearPower string `json:"linear_power" yaml:"linear_power"`
	// Neighbours is the number of nearest particles that define the radius of a particle's sphere in
	// a map.
	Neighbours int `json:"neighbours" yaml:"neighbours"`
	// Pixels is the side of the maps before they are averaged to the requested side.
	Pixels int `json:"pixels" yaml:"pixels"`
}

// Values of Config.LinearPower.
const (
	CAMB         = "camb"          // a table of CAMB's transfer functions, cosmology.Transfer
	EisensteinHu = "eisenstein-hu" // the fit of 1998, cosmology.EisensteinHu
)

// linearPower returns the linear power spectrum today that the configuration names.
func (c Config) linearPower(universe cosmology.Cosmology) cosmology.LinearPower {
	if c.LinearPower == EisensteinHu {
		return cosmology.NewEisensteinHuPower(universe)
	}
	return cosmology.NewLinearPower(universe)
}

// Default returns 64³ particles in 25 Mpc/h, in 28 steps from a = 0.1, and maps of 256².
//
// How much maps depend on start and steps is in the section on numerical choices of
// data/validation/report.md.
func Default() Config {
	return Config{
		BoxSide: 25, Particles: 64, MeshFactor: 2, Steps: 28, Start: 0.1,
		LinearPower: CAMB, Neighbours: 8, Pixels: 256,
	}
}

// Validate returns an error that names every field that is out of range.
func (c Config) Validate() error {
	f := faults.Of("nbody.Config")
	power := func(n int) bool { return n > 0 && bits.OnesCount(uint(n)) == 1 }
	f.Want(c.BoxSide > 0 && c.BoxSide < 1e6, "BoxSide", c.BoxSide, "in (0, 1e6) Mpc/h")
	f.Want(power(c.Particles) && c.Particles >= 8 && c.Particles <= 512, "Particles", c.Particles,
		"a power of two in 8…512")
	f.Want(power(c.MeshFactor) && c.MeshFactor <= 4, "MeshFactor", c.MeshFactor, "1, 2 or 4")
	f.Want(c.Steps >= 1, "Steps", c.Steps, ">= 1")
	f.Want(c.Start > 0 && c.Start < 1, "Start", c.Start, "in (0, 1)")
	f.Want(c.Shift >= 0 && c.Shift < 1, "Shift", c.Shift, "in [0, 1)")
	f.Want(c.LinearPower == CAMB || c.LinearPower == EisensteinHu,
		"LinearPower", fmt.Sprintf("%q", c.LinearPower), CAMB+" or "+EisensteinHu)
	f.Want(c.Neighbours >= 1 && c.Neighbours <= 64, "Neighbours", c.Neighbours, "1…64")
	f.Want(c.Pixels >= 1 && c.Pixels <= 4096, "Pixels", c.Pixels, "1…4096")
	return f.Err()
}

func (c Config) mesh() int { return c.MeshFactor * c.Particles }

// spacing is the distance of the particles' initial lattice in Mpc/h.
func (c Config) spacing() float64 { return c.BoxSide / float64(c.Particles) }
