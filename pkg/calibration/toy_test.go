package calibration

import (
	"math"
	"math/rand/v2"
	"testing"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

var prior = cosmology.CAMELSPrior()

func logUnitsOf(t testing.TB) logUnits {
	t.Helper()
	u, err := newLogUnits(prior)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// normal is a likelihood that is Gaussian in log units: the closed form that scores and
// recalibrations are held against.
type normal struct {
	at, std [2]float64
	rho     float64
}

func (n normal) nll(x [2]float64) float64 {
	u, v := (x[0]-n.at[0])/n.std[0], (x[1]-n.at[1])/n.std[1]
	return (u*u - 2*n.rho*u*v + v*v) / (2 * (1 - n.rho*n.rho))
}

func nllOf(u logUnits, nll func([2]float64) float64) likelihood.NLL {
	return func(g likelihood.Grid) likelihood.Surface { return surfaceOf(u, g, nll) }
}

func surfaceOf(u logUnits, grid likelihood.Grid, nll func([2]float64) float64) likelihood.Surface {
	s := likelihood.Surface{Grid: grid}
	for _, p := range grid.Points() {
		s.NLL = append(s.NLL, nll(u.point(p))-2e4) // a bound is far from 0
	}
	return s
}

// toy is a simulated world: estimates are Gaussian about the truth in log units, and their errors
// are reported wrongly.
type toy struct {
	std [2]float64 // of the estimate about the truth
	rho float64    // correlation of its errors
	// share of the errors' variance that maps of a simulation have in common
	alike float64
	// what the posterior says: its widths, and the shift of its peak
	reported func(estimate [2]float64) (std, shift [2]float64)
}

func calibrated(std [2]float64) func([2]float64) ([2]float64, [2]float64) {
	return func([2]float64) ([2]float64, [2]float64) { return std, [2]float64{} }
}

// cases draws truths from the flat prior.
func (w toy) cases(t testing.TB, simulations, maps int, seed uint64) []Case {
	u := logUnitsOf(t)
	rng := rand.New(rand.NewPCG(seed, 99))
	var out []Case
	for sim := range simulations {
		truth := prior.Params(cosmology.UnitParams{rng.Float64(), rng.Float64()})
		common := [2]float64{rng.NormFloat64(), rng.NormFloat64()}
		for range maps {
			var z [2]float64
			for k := range z {
				z[k] = math.Sqrt(w.alike)*common[k] + math.Sqrt(1-w.alike)*rng.NormFloat64()
			}
			z[1] = w.rho*z[0] + math.Sqrt(1-w.rho*w.rho)*z[1]
			estimate := u.point(truth)
			for k := range estimate {
				estimate[k] += w.std[k] * z[k]
			}
			std, shift := w.reported(estimate)
			g := normal{at: [2]float64{estimate[0] + shift[0], estimate[1] + shift[1]}, std: std, rho: w.rho}
			out = append(out, Case{NLL: nllOf(u, g.nll), Truth: truth, Simulation: sim})
		}
	}
	return out
}

// scoreOf scores one case.
func scoreOf(c Case, prior cosmology.Prior, seed uint64) (MapScore, error) {
	scores, err := ScoreAll([]Case{c}, prior, seed)
	if err != nil {
		return MapScore{}, err
	}
	return scores[0], nil
}

func reportOf(t testing.TB, cases []Case) Report {
	t.Helper()
	scores, err := ScoreAll(cases, prior, 3)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Summarise(scores, DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// near reports whether a value is within three standard errors, one and a half of the interval's
// halves: of ten intervals one in three times misses one by chance at two.
func near(i Interval, want float64) bool { return math.Abs(i.Value-want) <= 0.75*(i.High-i.Low) }
