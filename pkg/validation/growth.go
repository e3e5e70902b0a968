package validation

import (
	"context"
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/nbody"
)

// Growth compares linear growth with closed forms, and the growth of long waves in simulations with it.
type Growth struct {
	Curves  []GrowthCurve
	Waves   []LongWaves // of small fluctuations, with two meshes, and of the boxes whose spectrum is taken
	Few     int         // steps that Early compares with the Many of Waves
	Many    int
	Early   float64 // growth in few steps over that in many, the same waves, with a mesh of one cell a particle
	Caption string
}

// GrowthCurve is the growth in one universe.
type GrowthCurve struct {
	OmegaM                   float64
	A                        []float64
	Factor, ClosedFactor     []float64 // D, 1 today
	Rate, ClosedRate         []float64 // f = dlnD/dlna
	Integrated               []float64 // D from the growth equation, step by step
	Worst, WorstRate, ByStep float64   // largest relative differences of Factor and Rate from the closed form, of Factor from Integrated
}

// LongWaves are modes of simulations of small fluctuations over what linear growth makes of their beginning.
type LongWaves struct {
	Name   string
	K      []float64 // of modes of equal |n|
	Ratio  []float64 // Σ Re δ δ_lin*/Σ |δ_lin|²: 1 in linear theory
	Single []float64 // rms deviation of a single mode's Re δ/δ_lin from Ratio, weighed by |δ_lin|²
	All    float64   // Ratio of all these modes together
	Error  float64   // of All, from the scatter over modes
}

// longestWaves is the largest |n|² of the modes whose growth is measured: k < 0.05 h/Mpc in 250 Mpc/h.
const longestWaves = 3

// smallSigma8 makes displacements a hundredth of those of today's universe, so that only what is linear is left.
const smallSigma8 = 0.01

// fewSteps are enough where kicks and drifts are exact for linear growth.
const fewSteps = 5

// closedGrowth returns D(a) = a·₂F₁(1/3, 1; 11/6; x)/same today and f = 1 + 3x·F'/F, with x = −a³(1 − Ω_m)/Ω_m and
// F' = (2/11)·₂F₁(4/3, 2; 17/6; x): flat ΛCDM without radiation.
func closedGrowth(omegaM, a float64) (factor, rate float64) {
	x := func(a float64) float64 { return -a * a * a * (1 - omegaM) / omegaM }
	grown := func(a float64) float64 { return a * mathext.Hypergeo(1.0/3, 1, 11.0/6, x(a)) }
	slope := 2.0 / 11 * mathext.Hypergeo(4.0/3, 2, 17.0/6, x(a))
	return grown(a) / grown(1), 1 + 3*x(a)*slope*a/grown(a)
}

// integrateGrowth solves D” + (2 + dlnE/dlna) D' = 3/2 Ω_m(a) D in ln a with fourth-order steps from a = 0.001, where D = a is
// off by 2/11·(1 − Ω_m)/Ω_m·10⁻⁹, and returns D at rising a, over D(1).
func integrateGrowth(omegaM float64, a []float64) []float64 {
	slope := func(lna, d, v float64) (dd, dv float64) {
		cube := math.Exp(3 * lna)
		om := omegaM / (omegaM + (1-omegaM)*cube)
		return v, 1.5*om*d - (2-1.5*om)*v
	}
	lna := math.Log(1e-3)
	d, v := 1e-3, 1e-3
	to := func(target float64) {
		steps := max(1, int(math.Ceil((target-lna)/2e-3)))
		h := (target - lna) / float64(steps)
		for range steps {
			d1, v1 := slope(lna, d, v)
			d2, v2 := slope(lna+h/2, d+h/2*d1, v+h/2*v1)
			d3, v3 := slope(lna+h/2, d+h/2*d2, v+h/2*v2)
			d4, v4 := slope(lna+h, d+h*d3, v+h*v3)
			d, v, lna = d+h/6*(d1+2*d2+2*d3+d4), v+h/6*(v1+2*v2+2*v3+v4), lna+h
		}
	}
	out := make([]float64, len(a))
	for i, at := range a {
		to(math.Log(at))
		out[i] = d
	}
	to(0)
	for i := range out {
		out[i] /= d
	}
	return out
}

func newGrowthCurve(omegaM float64) GrowthCurve {
	u := cosmology.New(cosmology.Params{OmegaM: omegaM, Sigma8: 0.8})
	c := GrowthCurve{OmegaM: omegaM}
	const points = 50
	for i := range points {
		a := 0.02 * math.Pow(50, float64(i)/(points-1))
		d, f := closedGrowth(omegaM, a)
		c.A = append(c.A, a)
		c.ClosedFactor, c.ClosedRate = append(c.ClosedFactor, d), append(c.ClosedRate, f)
		c.Factor = append(c.Factor, u.GrowthFactor(cosmology.ScaleFactor(a)))
		c.Rate = append(c.Rate, u.GrowthRate(cosmology.ScaleFactor(a)))
	}
	c.Integrated = integrateGrowth(omegaM, c.A)
	for i := range c.A {
		c.Worst = max(c.Worst, math.Abs(c.Factor[i]/c.ClosedFactor[i]-1))
		c.WorstRate = max(c.WorstRate, math.Abs(c.Rate[i]/c.ClosedRate[i]-1))
		c.ByStep = max(c.ByStep, math.Abs(c.Factor[i]/c.Integrated[i]-1))
	}
	return c
}

// wave is a mode of a simulation beside its linear one.
type wave struct {
	Squares int     // |n|²
	Along   float64 // Re δ δ_lin*
	Norm    float64 // |δ_lin|²
}

// longWaves sums the longest modes of a simulation over all its particles, without a mesh.
func longWaves(p *nbody.Particles, c nbody.Config, linear []complex64) []wave {
	unit := 2 * math.Pi / c.BoxSide
	var out []wave
	for x := -1; x <= 1; x++ { // longestWaves holds no mode beyond
		for y := -1; y <= 1; y++ {
			for z := 0; z <= 1; z++ {
				if z == 0 && (y < 0 || y == 0 && x <= 0) {
					continue // 0, or the conjugate of a mode that is counted
				}
				var sum complex128
				for i, px := range p.Positions[0] {
					phase := unit * (float64(x)*float64(px) + float64(y)*float64(p.Positions[1][i]) + float64(z)*float64(p.Positions[2][i]))
					s, co := math.Sincos(phase)
					sum += complex(co, -s)
				}
				sum /= complex(float64(len(p.Positions[0])), 0)
				l := complex128(at(linear, c.Particles, x, y, z))
				out = append(out, wave{x*x + y*y + z*z, real(sum * cmplx.Conj(l)), real(l * cmplx.Conj(l))})
			}
		}
	}
	return out
}

// growthStudy are the simulations of Growth.
type growthStudy struct {
	names [3]string
	sims  [3][][]wave // with the mesh as used, of one cell a particle, and that in few steps; [seed]
}

func (g *growthStudy) tasks(s store, c Config) []task {
	even := c.Long
	even.MeshFactor = 1
	few := even
	few.Steps = fewSteps
	var out []task
	for v, n := range []nbody.Config{c.Long, even, few} {
		g.names[v], g.sims[v] = fmt.Sprintf("σ_8 = %g, %d³ on a mesh of %d³", smallSigma8, n.Particles, n.Particles*n.MeshFactor), make([][]wave, c.LongSeeds)
		for seed := range c.LongSeeds {
			out = append(out, measure(s, "longwaves", work(n, false), []any{n, smallSigma8, seed}, &g.sims[v][seed], func(ctx context.Context) ([]wave, error) {
				params := cosmology.Params{OmegaM: cosmology.Fiducial.OmegaM, Sigma8: smallSigma8}
				p, err := nbody.Simulate(ctx, n, params, uint64(seed))
				if err != nil {
					return nil, err
				}
				return longWaves(p, n, nbody.LinearModes(n, p.Universe, uint64(seed))), nil
			}))
		}
	}
	return out
}

// result takes the waves of the large boxes, too.
func (g *growthStudy) result(c Config, large []wave) Growth {
	var out Growth
	for _, om := range []float64{0.1, 0.3, 0.5} {
		out.Curves = append(out.Curves, newGrowthCurve(om))
	}
	for v, sims := range g.sims[:2] {
		out.Waves = append(out.Waves, newLongWaves(g.names[v], c.Long.BoxSide, slices.Concat(sims...)))
	}
	few, _ := together(slices.Concat(g.sims[2]...))
	out.Few, out.Many, out.Early = fewSteps, c.Long.Steps, few/out.Waves[1].All
	name := fmt.Sprintf("σ_8 = %g, %d³ on a mesh of %d³", cosmology.Fiducial.Sigma8, c.Large.Particles, c.Large.Particles*c.Large.MeshFactor)
	out.Waves = append(out.Waves, newLongWaves(name, c.Large.BoxSide, large))
	out.Caption = fmt.Sprintf("Right: the longest waves in boxes of %g Mpc/h, |n|² ≤ %d, over linear growth; %d seeds with σ_8 = %g, %d with %g. Bars are the rms scatter of single waves.",
		c.Long.BoxSide, longestWaves, c.LongSeeds, smallSigma8, c.LargeSeeds, cosmology.Fiducial.Sigma8)
	return out
}

func newLongWaves(name string, side float64, waves []wave) LongWaves {
	w := LongWaves{Name: name}
	w.All, _ = together(waves)
	for n := 1; n <= longestWaves; n++ {
		var some []wave
		for _, o := range waves {
			if o.Squares == n {
				some = append(some, o)
			}
		}
		ratio, single := together(some)
		w.K, w.Ratio, w.Single = append(w.K, 2*math.Pi/side*math.Sqrt(float64(n))), append(w.Ratio, ratio), append(w.Single, single)
	}
	w.Error = jackknife(len(waves), func(skip int) float64 {
		ratio, _ := together(without(waves, skip))
		return ratio
	})
	return w
}

// together returns the growth of modes taken together, over the linear one, and the rms deviation of single modes from it.
func together(waves []wave) (ratio, scatter float64) {
	var ratios, weights []float64
	for _, w := range waves {
		ratios, weights = append(ratios, w.Along/w.Norm), append(weights, w.Norm)
	}
	ratio = stat.Mean(ratios, weights)
	return ratio, math.Sqrt(stat.MomentAbout(2, ratios, ratio, weights))
}

func (g Growth) rows(c Config) []Row {
	var out []Row
	for _, v := range g.Curves {
		name := fmt.Sprintf("Ω_m = %g", v.OmegaM)
		out = append(out,
			Row{Quantity: "growth factor D, " + name + ": largest relative difference", Value: v.Worst, Tolerance: 1e-12, Source: "closed form, ₂F₁, 0.02 ≤ a ≤ 1"},
			Row{Quantity: "growth factor D, " + name + ": the same", Value: v.ByStep, Tolerance: 1e-10, Source: "the growth equation, integrated step by step"},
			Row{Quantity: "growth rate f, " + name + ": the same", Value: v.WorstRate, Tolerance: 1e-12, Source: "closed form, derivative of ₂F₁"})
	}
	for _, w := range g.Waves {
		out = append(out,
			Row{Quantity: "longest waves over linear growth, " + w.Name, Value: w.All, Error: w.Error, Reference: 1, Tolerance: c.tolerance(0.02), Source: "linear theory, k < 0.05 h/Mpc"},
			Row{Quantity: "rms scatter of single waves, " + w.Name, Value: w.Single[0], Tolerance: c.tolerance(0.02), Source: "linear theory, |n| = 1"})
	}
	out = append(out, Row{
		Quantity: fmt.Sprintf("longest waves in %d steps over the same in %d", g.Few, g.Many), Value: g.Early, Reference: 1, Tolerance: c.tolerance(1e-3),
		Source: "kicks and drifts are exact for linear growth",
	})
	return section(SectionGrowth, out)
}

// WriteCSV writes one row a number.
func (g Growth) WriteCSV(path string) error {
	t := newTable("quantity", "case", "a_or_k_h_per_mpc", "value")
	for _, c := range g.Curves {
		for _, q := range []struct {
			name   string
			values []float64
		}{{"growth_factor", c.Factor}, {"growth_factor_closed", c.ClosedFactor}, {"growth_factor_integrated", c.Integrated}, {"growth_rate", c.Rate}, {"growth_rate_closed", c.ClosedRate}} {
			t.curve([]string{q.name, "omega_m=" + number(c.OmegaM)}, c.A, q.values)
		}
	}
	for _, w := range g.Waves {
		t.curve([]string{"long_waves", w.Name}, w.K, w.Ratio)
		t.curve([]string{"long_waves_scatter", w.Name}, w.K, w.Single)
	}
	return t.write(path)
}
