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
	"darkfield/pkg/report"
)

// Growth compares linear growth with closed forms, and the growth of long waves in simulations
// with it.
type Growth struct {
	Curves  []GrowthCurve
	Waves   []LongWaves // added to boxes, and the longest ones of the large boxes
	Caption string
}

// GrowthCurve is the growth in one universe.
type GrowthCurve struct {
	OmegaM               float64
	A                    []float64
	Factor, ClosedFactor []float64 // D, 1 today
	Rate, ClosedRate     []float64 // f = dlnD/dlna
	Integrated           []float64 // D from the growth equation, step by step
	// Worst and WorstRate are the largest relative differences of Factor and Rate from the closed
	// form, ByStep that of Factor from Integrated.
	Worst, WorstRate, ByStep float64
}

// LongWaves compares long modes at z = 0 with linear growth of their initial amplitudes.
type LongWaves struct {
	Name   string
	K      []float64 // of modes of equal |n|
	Ratio  []float64 // Σ Re δ δ_lin*/Σ |δ_lin|²: 1 in linear theory
	Single []float64 // rms deviation of a single mode's Re δ/δ_lin from Ratio, weighed by |δ_lin|²
	All    float64   // Ratio of all modes combined
	Error  float64   // of All, from the scatter over modes
}

// longestWaves is the largest |n|² of the modes whose growth is measured: k < 0.05 h/Mpc in 250
// Mpc/h.
const longestWaves = 3

// waveContrast is the linear overdensity today of the waves that are added to boxes, small enough
// for a linear response.
const waveContrast = 0.02

// closedGrowth returns D(a) = a·₂F₁(1/3, 1; 11/6; x)/same today and f = 1 + 3x·F'/F, with x =
// −a³(1 − Ω_m)/Ω_m and F' = (2/11)·₂F₁(4/3, 2; 17/6; x): flat ΛCDM without radiation.
func closedGrowth(omegaM, a float64) (factor, rate float64) {
	x := func(a float64) float64 { return -a * a * a * (1 - omegaM) / omegaM }
	grown := func(a float64) float64 { return a * mathext.Hypergeo(1.0/3, 1, 11.0/6, x(a)) }
	slope := 2.0 / 11 * mathext.Hypergeo(4.0/3, 2, 17.0/6, x(a))
	return grown(a) / grown(1), 1 + 3*x(a)*slope*a/grown(a)
}

// integrateGrowth solves D” + (2 + dlnE/dlna) D' = 3/2 Ω_m(a) D in ln a with fourth-order steps
// from a = 0.001, where D = a is off by 2/11·(1 − Ω_m)/Ω_m·10⁻⁹, and returns D at rising a, over
// D(1).
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

// wave is a mode of a simulation and its linear amplitude.
type wave struct {
	Squares int     // |n|²
	Along   float64 // Re δ δ_lin*
	Norm    float64 // |δ_lin|²
}

// longWaves sums the longest modes of a simulation over all its particles, without a mesh.
func longWaves(p *nbody.Particles, c nbody.Config, linear []complex64) []wave {
	var out []wave
	for x := -1; x <= 1; x++ { // longestWaves holds no mode beyond
		for y := -1; y <= 1; y++ {
			for z := 0; z <= 1; z++ {
				if z == 0 && (y < 0 || y == 0 && x <= 0) {
					continue // 0, or the conjugate of a mode that is counted
				}
				sum := modeOf(p, [3]int{x, y, z})
				l := complex128(at(linear, c.Particles, x, y, z))
				out = append(out, wave{x*x + y*y + z*z, real(sum * cmplx.Conj(l)), real(l * cmplx.Conj(l))})
			}
		}
	}
	return out
}

// growthStudy are the simulations of Growth.
type growthStudy struct {
	configs []nbody.Config
	waves   [][][]wave // [config][seed]
}

// tasks adds a wave to boxes with all their other modes, without which the mesh would see the
// lattice of particles. The difference of two runs with the same phases removes these modes from
// the result.
func (g *growthStudy) tasks(s store, c Config) []task {
	var out []task
	g.configs = []nbody.Config{c.Long, c.Short}
	g.waves = make([][][]wave, len(g.configs))
	for i, n := range g.configs {
		g.waves[i] = make([][]wave, c.WaveSeeds)
		for seed := range c.WaveSeeds {
			arguments := []any{n, waveContrast, seed}
			out = append(out, measure(s, "addedwaves", 12*work(n, false), arguments, &g.waves[i][seed],
				func(ctx context.Context) ([]wave, error) {
					return addedWaves(ctx, n, choiceSeed+uint64(seed))
				}))
		}
	}
	return out
}

// addedWaves adds the longest wave along each axis, as a cosine and as a sine, with either sign,
// and returns half the difference of the modes of both boxes, and linear theory.
func addedWaves(ctx context.Context, c nbody.Config, seed uint64) ([]wave, error) {
	universe := cosmology.New(cosmology.Fiducial)
	modes := nbody.LinearModes(c, universe, seed)
	var out []wave
	for axis := range 3 {
		for _, linear := range []complex128{waveContrast / 2, complex(0, waveContrast/2)} {
			var n [3]int
			n[axis] = 1
			var difference complex128
			for _, sign := range []complex128{1, -1} {
				changed := slices.Clone(modes)
				addWave(changed, c.Particles, n, sign*linear)
				p, err := nbody.Evolve(ctx, c, universe, changed)
				if err != nil {
					return nil, err
				}
				difference += sign * modeOf(p, n) / 2
			}
			out = append(out, wave{1, real(difference * cmplx.Conj(linear)), squared(complex64(linear))})
		}
	}
	return out, nil
}

// addWave adds an amplitude to the mode with indices n, n_z >= 0, of a cube of cells³, and to its
// conjugate if the half space contains it.
func addWave(modes []complex64, cells int, n [3]int, amplitude complex128) {
	*modeAt(modes, cells, n[0], n[1], n[2]) += complex64(amplitude)
	if n[2] == 0 {
		*modeAt(modes, cells, -n[0], -n[1], 0) += complex64(cmplx.Conj(amplitude))
	}
}

// modeOf returns the mode δ_n = Σ exp(−ik·x)/N of particles, without a mesh.
func modeOf(p *nbody.Particles, n [3]int) complex128 {
	unit := 2 * math.Pi / p.Side
	var sum complex128
	for i, x := range p.Positions[0] {
		y, z := p.Positions[1][i], p.Positions[2][i]
		phase := unit * (float64(n[0])*float64(x) + float64(n[1])*float64(y) + float64(n[2])*float64(z))
		sin, cos := math.Sincos(phase)
		sum += complex(cos, -sin)
	}
	return sum / complex(float64(len(p.Positions[0])), 0)
}

// result returns the comparison, with the waves of the large boxes as well.
func (g *growthStudy) result(c Config, large []wave) Growth {
	var out Growth
	for _, om := range []float64{0.1, 0.3, 0.5} {
		out.Curves = append(out.Curves, newGrowthCurve(om))
	}
	for i, n := range g.configs {
		name := fmt.Sprintf("wave added to %g Mpc/h, %d³ on %d³", n.BoxSide, n.Particles,
			n.Particles*n.MeshFactor)
		out.Waves = append(out.Waves, newLongWaves(name, n.BoxSide, slices.Concat(g.waves[i]...)))
	}
	name := fmt.Sprintf("waves of %g Mpc/h, %d³ on %d³", c.Large.BoxSide, c.Large.Particles,
		c.Large.Particles*c.Large.MeshFactor)
	out.Waves = append(out.Waves, newLongWaves(name, c.Large.BoxSide, large))
	out.Caption = fmt.Sprintf("Right: longest waves over linear growth. Waves of overdensity %g are "+
		"added to %d boxes of either side with σ_8 = %g, three axes, cosine and sine, and measured by "+
		"the difference of two runs of the same phases; last: the waves |n|² ≤ %d that %d boxes have "+
		"themselves. Bars are the rms scatter of single waves.", waveContrast, c.WaveSeeds,
		cosmology.Fiducial.Sigma8, longestWaves, c.LargeSeeds)
	return out
}

func newLongWaves(name string, side float64, waves []wave) LongWaves {
	w := LongWaves{Name: name}
	w.All, w.Error = jackknifed(len(waves), func(skip int) float64 {
		ratio, _ := combined(without(waves, skip))
		return ratio
	})
	for n := 1; n <= longestWaves; n++ {
		var some []wave
		for _, o := range waves {
			if o.Squares == n {
				some = append(some, o)
			}
		}
		if len(some) == 0 {
			continue
		}
		ratio, single := combined(some)
		w.K, w.Ratio, w.Single = append(w.K, 2*math.Pi/side*math.Sqrt(float64(n))),
			append(w.Ratio, ratio), append(w.Single, single)
	}
	return w
}

// combined returns the growth of modes over the linear one, weighted by their linear power, and the
// rms deviation of single modes from it.
func combined(waves []wave) (ratio, scatter float64) {
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
			row("growth factor D, "+name+": largest relative difference",
				"closed form, ₂F₁, 0.02 ≤ a ≤ 1", v.Worst).want(0, 1e-12),
			row("growth factor D, "+name+": the same",
				"the growth equation, integrated step by step", v.ByStep).want(0, 1e-10),
			row("growth rate f, "+name+": the same",
				"closed form, derivative of ₂F₁", v.WorstRate).want(0, 1e-12))
	}
	for _, w := range g.Waves {
		source := fmt.Sprintf("linear theory, k <= %.2g h/Mpc", w.K[len(w.K)-1])
		out = append(out,
			row(w.Name+": growth over the linear one",
				source, w.All).plusMinus(w.Error).want(1, c.tolerance(0.02)),
			row(w.Name+": rms scatter of single waves", source, w.Single[0]))
	}
	return section(SectionGrowth, out)
}

// WriteCSV writes one row a number.
func (g Growth) WriteCSV(path string) error {
	t := report.NewTable("quantity", "case", "a_or_k_h_per_mpc", "value")
	for _, c := range g.Curves {
		name := fmt.Sprintf("omega_m=%g", c.OmegaM)
		t.Curve(c.A, c.Factor, "growth_factor", name)
		t.Curve(c.A, c.ClosedFactor, "growth_factor_closed", name)
		t.Curve(c.A, c.Integrated, "growth_factor_integrated", name)
		t.Curve(c.A, c.Rate, "growth_rate", name)
		t.Curve(c.A, c.ClosedRate, "growth_rate_closed", name)
	}
	for _, w := range g.Waves {
		t.Curve(w.K, w.Ratio, "long_waves", w.Name)
		t.Curve(w.K, w.Single, "long_waves_scatter", w.Name)
	}
	return t.Write(path)
}
