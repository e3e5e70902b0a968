package calibration

import (
	"math"
	"testing"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// TestBeyond: of a Gaussian with its middle outside the prior, the distance is that to the
// nearest point of the prior in the Gaussian's own metric; of one inside it is 0.
func TestBeyond(t *testing.T) {
	units, prior := logUnitsOf(t), cosmology.CAMELSPrior()
	const a, b, rho = 0.05, 0.1, 0.6 // standard deviations and correlation, in log units
	for _, c := range []struct {
		name   string
		centre [2]float64
		want   float64
	}{
		{"inside", [2]float64{0.3, 0.7}, 0},
		{"on an edge", [2]float64{1, 0.5}, 0},
		// σ_8 is free to follow, so that its width does not matter
		{"beyond one edge", [2]float64{1.2, 0.5}, 4},
		{
			"below both, where the corner is nearest",
			[2]float64{-0.1, -0.2},
			math.Sqrt((4 - 2*rho*2*2 + 4) / (1 - rho*rho)),
		},
	} {
		s, err := likelihood.Resolve(nllOf(units, func(x [2]float64) float64 {
			u, v := (x[0]-c.centre[0])/a, (x[1]-c.centre[1])/b
			return 1000 + (u*u-2*rho*u*v+v*v)/(2*(1-rho*rho))
		}), prior)
		if err != nil {
			t.Fatal(err)
		}
		got, err := OutsidePrior(s, prior)
		if err != nil || math.Abs(got-c.want) > 1e-3 {
			t.Errorf("%s: %g, %v, want %g", c.name, got, err, c.want)
		}
	}
	if _, err := OutsidePrior(likelihood.Surface{}, cosmology.Prior{}); err == nil {
		t.Error("a prior without width was accepted")
	}
}
