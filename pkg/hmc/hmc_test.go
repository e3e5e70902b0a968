package hmc

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/diff/fd"
	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"
)

// gaussian is a bivariate normal: the closed form that draws are held against.
type gaussian struct {
	mean, sigma [2]float64
	rho         float64
}

func (g gaussian) at(_ context.Context,
	points [][]float64,
) (logp []float64, grad [][]float64, err error) {
	for _, p := range points {
		u, v := (p[0]-g.mean[0])/g.sigma[0], (p[1]-g.mean[1])/g.sigma[1]
		c := 1 - g.rho*g.rho
		logp = append(logp, -(u*u-2*g.rho*u*v+v*v)/(2*c)+1e4) // the constant must not matter
		grad = append(grad, []float64{
			-(u - g.rho*v) / (c * g.sigma[0]),
			-(v - g.rho*u) / (c * g.sigma[1]),
		})
	}
	return logp, grad, nil
}

// moments returns mean and standard deviation of each parameter of the Gaussian cut to the box,
// by quadrature.
func (g gaussian) moments(b Box) (mean, std [2]float64) {
	power := func(k int, n float64) float64 {
		return quad.Fixed(func(x float64) float64 {
			return quad.Fixed(func(y float64) float64 {
				logp, _, _ := g.at(context.Background(), [][]float64{{x, y}})
				return math.Exp(logp[0]-1e4) * math.Pow([]float64{x, y}[k], n)
			}, max(b.Low[1], g.mean[1]-7*g.sigma[1]), min(b.High[1], g.mean[1]+7*g.sigma[1]), 60, nil, 0)
		}, max(b.Low[0], g.mean[0]-7*g.sigma[0]), min(b.High[0], g.mean[0]+7*g.sigma[0]), 60, nil, 0)
	}
	for k := range mean {
		total := power(k, 0)
		mean[k] = power(k, 1) / total
		std[k] = math.Sqrt(power(k, 2)/total - mean[k]*mean[k])
	}
	return mean, std
}

// sampled runs a sampling from nothing to its end.
func sampled(ctx context.Context, density Density, box Box, c Config) (Result, error) {
	s, err := NewState(box, c, nil)
	if err != nil {
		return Result{}, err
	}
	err = s.Run(ctx, density, nil)
	return s.Result(), err
}

var (
	prior  = Box{Low: []float64{0.1, 0.6}, High: []float64{0.5, 1}}
	narrow = gaussian{mean: [2]float64{0.31, 0.79}, sigma: [2]float64{0.006, 0.01}, rho: -0.8}
)

// TestGaussians: of posteriors narrow and wide, in the middle and at the edges, mean and standard
// deviation are those of the closed form.
func TestGaussians(t *testing.T) {
	for name, g := range map[string]gaussian{
		"narrow":           narrow,
		"very narrow":      {mean: [2]float64{0.2, 0.9}, sigma: [2]float64{0.002, 0.004}, rho: 0.95},
		"wide":             {mean: [2]float64{0.3, 0.8}, sigma: [2]float64{0.1, 0.2}, rho: -0.5},
		"at an edge":       {mean: [2]float64{0.11, 0.8}, sigma: [2]float64{0.02, 0.03}, rho: 0.6},
		"peak in a corner": {mean: [2]float64{0.09, 1.02}, sigma: [2]float64{0.02, 0.03}, rho: 0},
	} {
		c := Default()
		c.Draws = 1000
		r, err := sampled(context.Background(), g.at, prior, c)
		if err != nil {
			t.Fatal(err)
		}
		mean, std := g.moments(prior)
		for k, d := range Diagnose(r.Draws) {
			// Four standard errors; a standard deviation is known to about std/√(2·ESS), and to twice that
			// where the tails are heavier.
			if math.Abs(d.Mean-mean[k]) > 4*d.Error || math.Abs(d.Std/std[k]-1) > 8/math.Sqrt(2*d.BulkESS) {
				t.Errorf("%s, parameter %d: %g ± %g (error %g), want %g ± %g", name, k, d.Mean, d.Std, d.Error,
					mean[k], std[k])
			}
			if !(d.RHat <= 1.01) || d.BulkESS < 1000 || d.TailESS < 400 {
				t.Errorf("%s, parameter %d: R-hat %g, effective draws %g and %g of 4000", name, k, d.RHat,
					d.BulkESS, d.TailESS)
			}
		}
		if a := stat.Mean(r.Acceptance, nil); a < 0.65 || a > 0.97 {
			t.Errorf("%s: accepted %.2f, adapted to 0.8", name, a)
		}
		if n := r.Divergences[0] + r.Divergences[1] + r.Divergences[2] + r.Divergences[3]; n > 0 {
			t.Errorf("%s: %d divergences", name, n)
		}
		t.Logf("%s: accepted %.2f, step %.2f, %d calls", name, stat.Mean(r.Acceptance, nil), r.Step,
			r.Evaluations)
	}
}

// TestCalibration: with truths from the prior and data from the likelihood, ranks of the truth
// among draws are uniform.
func TestCalibration(t *testing.T) {
	const trials, bins = 120, 6
	c := Config{Chains: 2, Warmup: 80, Draws: 120, Acceptance: 0.8, Path: math.Pi / 2, MaxSteps: 8}
	rng := rand.New(rand.NewPCG(5, 6))
	var counts [2][bins]float64
	for trial := range trials {
		g := gaussian{sigma: [2]float64{0.08, 0.15}}
		truth := []float64{0.1 + 0.4*rng.Float64(), 0.6 + 0.4*rng.Float64()}
		for k := range truth {
			g.mean[k] = truth[k] + g.sigma[k]*rng.NormFloat64()
		}
		c.Seed = uint64(trial)
		r, err := sampled(context.Background(), g.at, prior, c)
		if err != nil {
			t.Fatal(err)
		}
		for k, x := range truth {
			rank := 0
			for _, chain := range r.Draws {
				for _, draw := range chain {
					if draw[k] < x {
						rank++
					}
				}
			}
			counts[k][min(rank*bins/(c.Chains*c.Draws), bins-1)]++
		}
	}
	for k, count := range counts {
		chi2 := 0.0
		for _, n := range count {
			chi2 += (n - trials/bins) * (n - trials/bins) / (trials / bins)
		}
		if chi2 > 20.5 { // five degrees of freedom: exceeded with a chance of 0.001
			t.Errorf("parameter %d: ranks %v, chi² %.1f", k, count, chi2)
		}
	}
}

func (g gaussian) mover() integrator {
	return integrator{target{g.at, prior}, [][]float64{{0.3}, {-0.1, 0.2}}}
}

// TestReversible: forwards, turned round and forwards again ends at the start.
func TestReversible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := gaussian{
			mean: [2]float64{0.3, 0.8}, sigma: [2]float64{0.05, 0.1},
			rho: rapid.Float64Range(-0.9, 0.9).Draw(t, "correlation"),
		}
		u := rapid.SliceOfN(rapid.Float64Range(-1, 1), 2, 2).Draw(t, "logits")
		z := rapid.SliceOfN(rapid.Float64Range(-2, 2), 2, 2).Draw(t, "momenta")
		m, steps := g.mover(), rapid.IntRange(1, 10).Draw(t, "steps")
		start, err := m.at(context.Background(), [][]float64{u})
		if err != nil {
			t.Fatal(err)
		}
		moving := [][]float64{{z[0], z[1]}}
		there, _ := m.leapfrog(context.Background(), start, moving, 0.2, steps)
		moving[0][0], moving[0][1] = -moving[0][0], -moving[0][1]
		back, _ := m.leapfrog(context.Background(), there, moving, 0.2, steps)
		for k := range u {
			// Rounding of ten steps, amplified by forces whose change over a step is of order one.
			if math.Abs(back[0].Logits[k]-u[k]) > 1e-9 || math.Abs(moving[0][k]+z[k]) > 1e-9 {
				t.Fatalf("back at %v with %v, started at %v with %v", back[0].Logits, moving[0], u, z)
			}
		}
	})
}

// TestEnergyErrorOrder: over the same time the energy error goes with the square of the step.
func TestEnergyErrorOrder(t *testing.T) {
	g := gaussian{mean: [2]float64{0.33, 0.82}, sigma: [2]float64{0.1, 0.1}, rho: -0.5}
	m := g.mover()
	start, err := m.at(context.Background(), [][]float64{{0.7, -0.4}})
	if err != nil {
		t.Fatal(err)
	}
	var x, y []float64
	for steps := 32; steps <= 256; steps *= 2 {
		z := [][]float64{{0.5, -1}}
		before := energy(start[0], z[0])
		end, _ := m.leapfrog(context.Background(), start, z, 2/float64(steps), steps)
		x, y = append(x, math.Log(1/float64(steps))),
			append(y, math.Log(math.Abs(energy(end[0], z[0])-before)))
	}
	// the next order is 4: its share is below (1/16)²
	if _, slope := stat.LinearRegression(x, y, nil, false); math.Abs(slope-2) > 0.05 {
		t.Errorf("energy error goes as step^%.3f, want 2", slope)
	}
}

// TestGradientOfLogits compares with finite differences, and the Jacobian with them too.
func TestGradientOfLogits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := rapid.SliceOfN(rapid.Float64Range(-6, 6), 2, 2).Draw(t, "logits")
		tg := target{narrow.at, prior}
		value := func(u []float64) float64 {
			p, err := tg.at(context.Background(), [][]float64{u})
			if err != nil {
				t.Fatal(err)
			}
			return p[0].LogP
		}
		p, _ := tg.at(context.Background(), [][]float64{u})
		want := fd.Gradient(nil, value, u, &fd.Settings{Formula: fd.Central, Step: 1e-4})
		for k := range u {
			// third derivatives are up to 1e3 here, times 1e-8/6
			if math.Abs(p[0].Grad[k]-want[k]) > 1e-4*(1+math.Abs(want[k])) {
				t.Fatalf("gradient %v, by differences %v", p[0].Grad, want)
			}
			jacobian := fd.Derivative(func(v float64) float64 {
				w := append([]float64{}, u...)
				w[k] = v
				return prior.params(w)[k]
			}, u[k], &fd.Settings{Formula: fd.Central, Step: 1e-4})
			s := sigmoid(u[k])
			if math.Abs(jacobian-0.4*s*(1-s)) > 1e-8 {
				t.Fatalf("dx/du = %g, want %g", jacobian, 0.4*s*(1-s))
			}
		}
		back := prior.logits(prior.params(u))
		for k := range u {
			if math.Abs(back[k]-u[k]) > 1e-11 { // 1e-16 over the distance to the edge, 1e-3
				t.Fatalf("logits %v came back as %v", u, back)
			}
		}
	})
}
