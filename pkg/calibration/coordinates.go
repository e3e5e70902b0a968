package calibration

import (
	"fmt"
	"math"

	"darkfield/pkg/cosmology"
)

// logUnits converts parameters to log units: 0 and 1 are the edges of the prior, linear in the
// logarithm. Summaries of maps are close to power laws of the parameters, so errors are closest to
// normal in these units.
type logUnits struct {
	prior cosmology.Prior
	low   [2]float64 // ln of the lower edges
	width [2]float64 // ln of the upper over the lower edges
}

func newLogUnits(prior cosmology.Prior) (logUnits, error) {
	u := logUnits{prior: prior}
	for k, edge := range [2][2]float64{
		{prior.Min.OmegaM, prior.Max.OmegaM},
		{prior.Min.Sigma8, prior.Max.Sigma8},
	} {
		if !(edge[0] > 0 && edge[1] > edge[0]) || math.IsInf(edge[1], 0) {
			return u, fmt.Errorf("calibration: prior of %s [%g, %g], want 0 < lower < upper", names[k],
				edge[0], edge[1])
		}
		u.low[k], u.width[k] = math.Log(edge[0]), math.Log(edge[1]/edge[0])
	}
	return u, nil
}

// checkPrior returns an error for a prior without width.
func checkPrior(prior cosmology.Prior) error {
	_, err := newLogUnits(prior)
	return err
}

var names = [2]string{"Ω_m", "σ_8"}

// of returns parameter k in log units.
func (u logUnits) of(k int, x float64) float64 { return (math.Log(x) - u.low[k]) / u.width[k] }

func (u logUnits) point(p cosmology.Params) [2]float64 {
	return [2]float64{u.of(0, p.OmegaM), u.of(1, p.Sigma8)}
}

func clamp(v, low, high float64) float64 { return math.Max(low, math.Min(v, high)) }
