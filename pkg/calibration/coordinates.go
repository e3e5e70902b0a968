package calibration

import (
	"fmt"
	"math"

	"darkfield/pkg/cosmology"
)

// logUnits turns parameters into log units and back: 0 and 1 are the edges of the prior, in the
// logarithm. What a map looks like goes by powers of the parameters, so that errors are closest
// to normal there.
type logUnits struct {
	prior cosmology.Prior
	low   [2]float64 // ln of the lower edges
	width [2]float64 // ln of the upper over the lower edges
	flat  float64    // ln of a flat prior's density at the lower edges
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
		u.flat -= math.Log(math.Expm1(u.width[k]) / u.width[k])
	}
	return u, nil
}

var names = [2]string{"Ω_m", "σ_8"}

// of returns parameter k in log units.
func (u logUnits) of(k int, x float64) float64 { return (math.Log(x) - u.low[k]) / u.width[k] }

func (u logUnits) point(p cosmology.Params) [2]float64 {
	return [2]float64{u.of(0, p.OmegaM), u.of(1, p.Sigma8)}
}

// logJacobian is ln of the volume of parameters a volume of log units, as a share of the prior: a
// flat prior's density in log units.
func (u logUnits) logJacobian(x [2]float64) float64 {
	return u.flat + u.width[0]*x[0] + u.width[1]*x[1]
}

func clamp(v, low, high float64) float64 { return math.Max(low, math.Min(v, high)) }
