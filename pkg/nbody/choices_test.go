package nbody

import (
	"context"
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/fft"
)

// These tests measure Default itself, in a box of an eighth of the volume with an eighth of the
// particles: the same lattice, mesh, assignment, start and steps. That maps of whole boxes do not
// depend on numerical choices either is measured by package validation.

func eighth() Config {
	c := Default()
	c.Particles, c.BoxSide = c.Particles/2, c.BoxSide/2
	return c
}

// power returns the power of the particles today in shells |n| = 1, 2, 3, 4, a quarter of the
// particles' Nyquist wavenumber, summed over boxes of the same phases whatever the configuration.
func power(t *testing.T, c Config, params cosmology.Params) []float64 {
	t.Helper()
	out := make([]float64, 4)
	cells := 2 * c.Particles
	plan := fft.NewPlan(cells)
	m := plan.Modes()
	modes := make([]complex64, cells*cells*m)
	for seed := range uint64(3) {
		p, err := Simulate(context.Background(), c, params, 900001+seed)
		if err != nil {
			t.Fatal(err)
		}
		plan.Forward(modes, Counts(p, cells))
		for i, v := range modes {
			x, y, z := signed(i/(cells*m), cells), signed(i/m%cells, cells), i%m
			shell := int(math.Sqrt(float64(x*x+y*y+z*z)) + 0.5)
			if shell >= 1 && shell <= len(out) {
				re, im := float64(real(v)), float64(imag(v))
				out[shell-1] += re*re + im*im
			}
		}
	}
	return out
}

// largestChange returns the change of largest size, got/want − 1.
func largestChange(got, want []float64) float64 {
	worst := 0.0
	for i := range want {
		if d := got[i]/want[i] - 1; math.Abs(d) > math.Abs(worst) {
			worst = d
		}
	}
	return worst
}

// TestChoicesDoNotMatter: what is no physics changes the power by no more than its tolerance, and
// the test sees a start from which particles have hardly moved off their lattice.
//
// An earlier start loses power since the mesh softens the forces of its shortest waves, which
// perturbation theory does not; a later one since perturbation theory stops at second order.
func TestChoicesDoNotMatter(t *testing.T) {
	if testing.Short() {
		t.Skip("42 simulations")
	}
	for _, omega := range []float64{0.1, 0.5} {
		params := cosmology.Params{OmegaM: omega, Sigma8: 0.8}
		want := power(t, eighth(), params)
		changed := func(change func(*Config)) float64 {
			c := eighth()
			change(&c)
			return largestChange(power(t, c, params), want)
		}
		for _, v := range []struct {
			what      string
			change    func(*Config)
			tolerance float64
		}{
			{"lattice moved by 1/8", func(c *Config) { c.Shift = 1.0 / 8 }, 0.01},
			{"lattice moved by 1/4", func(c *Config) { c.Shift = 1.0 / 4 }, 0.01},
			{"twice the steps", func(c *Config) { c.Steps *= 2 }, 0.02},
			{"half the start", func(c *Config) { c.Start /= 2 }, 0.05},
			{"twice the start", func(c *Config) { c.Start *= 2 }, 0.06},
		} {
			d := changed(v.change)
			t.Logf("Ω_m = %g, %s: %+.2f %%", omega, v.what, 100*d)
			if math.Abs(d) > v.tolerance {
				t.Errorf("Ω_m = %g, %s: power changes by %+.2f %%, want at most %g %%",
					omega, v.what, 100*d, 100*v.tolerance)
			}
		}
		if d := changed(func(c *Config) { c.Start, c.Steps = 0.02, 40 }); d < 0.1 {
			t.Errorf("Ω_m = %g: a start at a = 0.02 changes power by %+.2f %%, and feels its lattice "+
				"by more than 10 %%", omega, 100*d)
		}
	}
}

// TestAddedWaveGrowsLinearly: the difference of two boxes with a long wave of either sign grows
// as linear theory, on the mesh and from the start of Default, among the usual small scales. The
// box is wide, since waves that displace matter by σ take exp(−k²σ²/2) from the answer to a wave:
// 2 % here, a tenth in the 25 Mpc/h of the maps.
func TestAddedWaveGrowsLinearly(t *testing.T) {
	if testing.Short() {
		t.Skip("12 simulations")
	}
	c := eighth()
	c.BoxSide = 125
	universe := cosmology.New(cosmology.Fiducial)
	usual := LinearModes(c, universe, 900001)
	const contrast = 0.02
	sum := 0.0
	for axis := range 3 {
		for _, phase := range []complex64{1, 1i} {
			var k [3]int
			k[axis] = 1
			var difference complex128
			for _, sign := range []float32{1, -1} {
				modes := slices.Clone(usual)
				addWave(modes, c.Particles, axis, complex(sign*contrast/2, 0)*phase)
				p, err := Evolve(context.Background(), c, universe, modes)
				if err != nil {
					t.Fatal(err)
				}
				difference += complex(float64(sign)/2, 0) * modeOf(p, k)
			}
			along := difference / (contrast / 2) / complex128(phase)
			sum += real(along) / 6
		}
	}
	t.Logf("growth over the linear one: %.4f", sum)
	if math.Abs(sum-1) > 0.03 {
		t.Errorf("the added wave grew to %.4f of the linear one, want 1 ± 0.03", sum)
	}
}

// addWave adds δ_k for one wavelength along an axis, and its conjugate where that is kept, too.
func addWave(modes []complex64, cells, axis int, amplitude complex64) {
	stride := [3]int{cells * (cells/2 + 1), cells/2 + 1, 1}[axis]
	modes[stride] += amplitude
	if axis < 2 {
		modes[(cells-1)*stride] += complex(real(amplitude), -imag(amplitude))
	}
}

// modeOf returns Σ exp(−ik·x)/N of particles for integer wavenumbers.
func modeOf(p *Particles, k [3]int) complex128 {
	var sum complex128
	for i := range p.Positions[0] {
		phase := 0.0
		for axis := range k {
			phase += 2 * math.Pi / p.Side * float64(k[axis]) * float64(p.Positions[axis][i])
		}
		sum += cmplx.Rect(1, -phase)
	}
	return sum / complex(float64(len(p.Positions[0])), 0)
}
