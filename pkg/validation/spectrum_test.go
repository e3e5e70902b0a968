package validation

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/nbody"
)

// TestOneWaveIn3D: a wave of amplitude A holds A²/4·Side³ in each of its two modes and nothing
// elsewhere; deconvolution divides by the fourth power of its window. Axes differ, so that a
// swapped one shows.
func TestOneWaveIn3D(t *testing.T) {
	const cells, side, amplitude = 32, 50.0, 0.1
	n := [3]int{1, -4, 3}
	counts := make([]float32, cells*cells*cells)
	for i := range counts {
		phase := 2 * math.Pi / cells * float64(n[0]*(i/(cells*cells))+n[1]*(i/cells%cells)+n[2]*(i%cells))
		counts[i] = float32(8 * (1 + amplitude*math.Cos(phase)))
	}
	got := powerOfCounts(counts, cells, side)
	window := 1.0
	for _, k := range n {
		x := math.Pi * math.Abs(float64(k)) / cells
		window *= math.Pow(math.Sin(x)/x, 4)
	}
	shell := int(math.Sqrt(26)+0.5) - 1
	for i, p := range got.P {
		want := 0.0
		if i == shell {
			want = 2 * amplitude * amplitude / 4 * side * side * side / window / got.Modes[i]
		}
		// float32 leaves 1e-7 of δ = 0.1 in a mode, whose power is 1e-11 Side³
		if !scalar.EqualWithinAbs(p, want, 1e-5) {
			t.Errorf("shell %d: P = %g, want %g", i, p, want)
		}
	}
}

// TestShotNoise: particles at random have P = Side³/N, whatever the clouds do. 100 000 modes
// scatter by 0.5 %; aliases add up to 1.6 % at half the Nyquist wavenumber along an axis.
func TestShotNoise(t *testing.T) {
	const particles, side, cells = 20000, 100.0, 64
	rng := rand.New(rand.NewPCG(1, 2))
	p := &nbody.Particles{Side: side}
	for axis := range p.Positions {
		for range particles {
			p.Positions[axis] = append(p.Positions[axis], side*rng.Float32())
		}
	}
	s := powerOfCounts(nbody.Counts(p, cells), cells, side)
	sum, modes := 0.0, 0.0
	for i, v := range s.P {
		sum, modes = sum+v*s.Modes[i], modes+s.Modes[i]
		if want := side * side * side / particles; math.Abs(v/want-1) > 0.016+5*math.Sqrt(2/s.Modes[i]) {
			t.Errorf("shell %d: P = %g, want the shot noise %g", i, v, want)
		}
	}
	if got := sum / modes * particles / (side * side * side); !scalar.EqualWithinAbs(got, 1, 0.02) {
		t.Errorf("P over shot noise = %g, want 1", got)
	}
}

// TestShellsHoldEveryMode counts the points of the whole space by hand.
func TestShellsHoldEveryMode(t *testing.T) {
	const cells, last = 16, 5
	got := newShells(cells, 2*math.Pi, last,
		func(x, y, z int) float64 { return float64(x*x + y*y + z*z) })
	want, squares := make([]float64, last), make([]float64, last)
	for x := -7; x <= 7; x++ {
		for y := -7; y <= 7; y++ {
			for z := -7; z <= 7; z++ {
				if i := int(math.Sqrt(float64(x*x+y*y+z*z))+0.5) - 1; i >= 0 && i < last {
					want[i]++
					squares[i] += float64(x*x + y*y + z*z)
				}
			}
		}
	}
	for i := range want {
		if got.Modes[i] != want[i] || !scalar.EqualWithinRel(got.P[i], squares[i]/want[i], 1e-12) {
			t.Errorf("shell %d: %g modes with mean %g, want %g with %g", i, got.Modes[i], got.P[i], want[i],
				squares[i]/want[i])
		}
	}
}

// TestPowerOfGaussianField: the modes that universes begin with have the linear power, within the
// scatter of their number.
func TestPowerOfGaussianField(t *testing.T) {
	c := nbody.Default()
	c.Particles, c.BoxSide = 32, 250
	u := cosmology.New(cosmology.Fiducial)
	s := powerOfModes(nbody.LinearModes(c, u, 3), c.Particles, c.BoxSide)
	power := cosmology.NewLinearPower(u)
	chi2 := 0.0
	for i, p := range s.P {
		z := (p/power.At(s.K[i]) - 1) / math.Sqrt(2/s.Modes[i])
		chi2 += z * z / float64(len(s.P))
		if math.Abs(z) > 5 {
			t.Errorf("k = %g: P is %.1f deviations from the linear power", s.K[i], z)
		}
	}
	if chi2 > 2.5 { // 15 shells: 0.37 of scatter
		t.Errorf("chi² per shell = %g", chi2)
	}
}
