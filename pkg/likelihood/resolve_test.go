package likelihood

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"darkfield/pkg/cosmology"
)

func (g gaussian) on(grid Grid) Surface {
	s := Surface{Grid: grid}
	for _, p := range grid.Points() {
		s.NLL = append(s.NLL, g.nll(p)-2e4) // a bound is far from 0
	}
	return s
}

// TestResolve: moments and quantiles of Gaussians of any width and correlation, inside the prior.
func TestResolve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := gaussian{
			mean: cosmology.Params{
				OmegaM: rapid.Float64Range(0.2, 0.4).Draw(t, "Ω_m"),
				Sigma8: rapid.Float64Range(0.7, 0.9).Draw(t, "σ_8"),
			},
			so:  math.Exp(rapid.Float64Range(math.Log(1e-5), math.Log(0.015)).Draw(t, "width of Ω_m")),
			ss:  math.Exp(rapid.Float64Range(math.Log(1e-5), math.Log(0.015)).Draw(t, "width of σ_8")),
			rho: rapid.Float64Range(-0.98, 0.98).Draw(t, "correlation"),
		}
		s, err := Resolve(g.on, cosmology.CAMELSPrior())
		if err != nil {
			t.Fatal(err)
		}
		om, s8 := s.Marginals()
		for _, c := range []struct {
			got       Marginal
			mean, std float64
		}{{om, g.mean.OmegaM, g.so}, {s8, g.mean.Sigma8, g.ss}} {
			half := distuv.UnitNormal.Quantile(0.84) * c.std
			if math.Abs(c.got.Mean-c.mean) > 0.002*c.std || math.Abs(c.got.Std/c.std-1) > 0.002 ||
				math.Abs(c.got.High-c.mean-half) > 0.004*c.std ||
				math.Abs(c.mean-c.got.Low-half) > 0.004*c.std {
				t.Fatalf("%g ± %g, 68 %% from %g to %g, want %g ± %g", c.got.Mean, c.got.Std, c.got.Low,
					c.got.High, c.mean, c.std)
			}
		}
	})
}

// TestManyMapsTogether: the product of the densities of n maps, each of σ = 0.033 in both
// parameters, has the inverse-variance mean and σ/√n. The interval must be right to 2 %, and agree
// with the standard deviation beside it.
func TestManyMapsTogether(t *testing.T) {
	const sigma = 0.033
	rng := rand.New(rand.NewPCG(1, 0))
	var maps []NLL
	mean := cosmology.Params{}
	for n := 1; n <= 200; n++ {
		g := gaussian{mean: cosmology.Params{
			OmegaM: 0.3 + sigma*rng.NormFloat64(), Sigma8: 0.8 + sigma*rng.NormFloat64(),
		}, so: sigma, ss: sigma}
		maps = append(maps, g.on)
		mean.OmegaM, mean.Sigma8 = mean.OmegaM+g.mean.OmegaM, mean.Sigma8+g.mean.Sigma8
		if n != 2 && n != 10 && n != 60 && n != 200 {
			continue
		}
		s, err := Resolve(Product(maps), cosmology.CAMELSPrior())
		if err != nil {
			t.Fatal(err)
		}
		om, s8 := s.Marginals()
		std := sigma / math.Sqrt(float64(n))
		width := 2 * distuv.UnitNormal.Quantile(0.84) * std
		for k, m := range []Marginal{om, s8} {
			want := [2]float64{mean.OmegaM, mean.Sigma8}[k] / float64(n)
			if math.Abs((m.High-m.Low)/width-1) > 0.02 || math.Abs(m.Std/std-1) > 0.02 ||
				math.Abs(m.Mean-want) > 0.02*std {
				t.Errorf("%d maps: %g ± %g, 68 %% from %g to %g, want %g ± %g", n, m.Mean, m.Std, m.Low,
					m.High, want, std)
			}
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	broken := func(g Grid) Surface { return Surface{Grid: g, NLL: make([]float64, g.Len())} }
	nan := func(g Grid) Surface {
		s := broken(g)
		s.NLL[len(s.NLL)/2] = math.NaN()
		return s
	}
	if _, err := Resolve(nan, cosmology.CAMELSPrior()); !errors.Is(err, ErrNotFinite) {
		t.Errorf("error %v", err)
	}
	flat, err := Resolve(broken, cosmology.CAMELSPrior())
	if om, _ := flat.Marginals(); err != nil || math.Abs(om.Low-0.164) > 1e-9 {
		t.Errorf("a flat likelihood: %v, 16 %% below %g", err, om.Low)
	}
}
