package likelihood

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"darkfield/pkg/cosmology"
)

// pixels is the likelihood of n independent pixels whose mean and variance follow the parameters
// as those of maps do: the closed form of a surface that is no parabola. Its terms have a noise
// of their own, but the same at every θ.
type pixels struct {
	truth cosmology.Params
	n     float64
	terms int
	noise uint64
}

func (p pixels) moments(q cosmology.Params) (mean, variance float64) {
	return 0.5 * math.Log(q.OmegaM), 0.04 * math.Pow(q.Sigma8, 2.4) * math.Pow(q.OmegaM/0.3, -0.4)
}

func (p pixels) at(_ context.Context, thetas []cosmology.Params) ([][]float64, error) {
	mean, variance := p.moments(p.truth)
	out := make([][]float64, len(thetas))
	for i, q := range thetas {
		m, v := p.moments(q)
		for t := range p.terms {
			rng := rand.New(rand.NewPCG(p.noise, uint64(t)))
			shift, stretch := rng.NormFloat64()*math.Sqrt(variance/p.n), 1+rng.NormFloat64()*math.Sqrt(2/p.n)
			d := mean + shift - m
			out[i] = append(out[i], p.n/float64(1+t)*(math.Log(v)+(variance*stretch+d*d)/v)/2+1e4)
		}
	}
	return out, nil
}

// TestInterpolatedGrid: on a 50×50 grid the error is within the tolerance in the three-sigma
// region of every term, for a tenth of the evaluations, wherever the peak lies and however narrow
// it is; and the error found at the checks is not far from the true one.
func TestInterpolatedGrid(t *testing.T) {
	prior := cosmology.CAMELSPrior()
	optimism := 0.0
	rapid.Check(t, func(t *rapid.T) {
		p := pixels{
			truth: cosmology.Params{
				OmegaM: rapid.Float64Range(0.1, 0.5).Draw(t, "Ω_m"),
				Sigma8: rapid.Float64Range(0.6, 1).Draw(t, "σ_8"),
			},
			n:     math.Pow(10, rapid.Float64Range(1, 3.7).Draw(t, "log pixels")),
			terms: rapid.IntRange(1, 3).Draw(t, "terms"),
			noise: rapid.Uint64().Draw(t, "noise"),
		}
		grid := WholePrior(prior, 50)
		last, of := 0, 0
		in, err := Interpolate(context.Background(), p.at, grid, DefaultInterpolation(),
			func(done, total int) { last, of = done, total })
		if err != nil {
			t.Fatal(err)
		}
		if last != in.Evaluations || of != last || in.Evaluations > grid.Len()/10 {
			t.Fatalf("%d evaluations, progress ended at %d of %d", in.Evaluations, last, of)
		}
		if !in.Within {
			t.Fatalf("tolerance missed: error %g after %d evaluations", in.Error, in.Evaluations)
		}
		// the whole prior, and where the terms are not improbable
		for _, g := range []Grid{grid, in.Probable(50)} {
			want, err := Evaluate(context.Background(), p.at, g, nil)
			if err != nil {
				t.Fatal(err)
			}
			for k, s := range in.On(g) {
				exact, got := want[k].MinusTwoDeltaLnL(), s.MinusTwoDeltaLnL()
				for i := range exact {
					if exact[i] > Level3Sigma && got[i] > Level3Sigma {
						continue
					}
					if d := math.Abs(2 * (s.NLL[i] - want[k].NLL[i])); d > 0.05 {
						t.Fatalf("term %d at %v: error %g in −2Δln L, found %g at %d checks (%d evaluations)", k,
							g.Points()[i], d, in.Error, in.Checks, in.Evaluations)
					} else if d > 0.01 {
						optimism = max(optimism, d/in.Error)
					}
				}
			}
		}
	})
	t.Logf("true errors reach %.2f of those found at the checks", optimism)
}

// TestInterpolatedMarginals: means and widths of a peak far narrower than the prior.
func TestInterpolatedMarginals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := gaussian{
			mean: cosmology.Params{
				OmegaM: rapid.Float64Range(0.14, 0.46).Draw(t, "Ω_m"),
				Sigma8: rapid.Float64Range(0.68, 0.92).Draw(t, "σ_8"),
			},
			so:  rapid.Float64Range(0.002, 0.01).Draw(t, "width of Ω_m"),
			ss:  rapid.Float64Range(0.005, 0.02).Draw(t, "width of σ_8"),
			rho: rapid.Float64Range(-0.9, 0.9).Draw(t, "correlation"),
		}
		in, err := Interpolate(context.Background(), g.terms, WholePrior(cosmology.CAMELSPrior(), 2),
			DefaultInterpolation(), nil)
		if err != nil {
			t.Fatal(err)
		}
		resolved, err := in.Resolved()
		if err != nil {
			t.Fatal(err)
		}
		om, s8 := resolved.Marginals()
		if math.Abs(om.Mean-g.mean.OmegaM) > 0.02*g.so || math.Abs(om.Std/g.so-1) > 0.02 ||
			math.Abs(s8.Mean-g.mean.Sigma8) > 0.02*g.ss || math.Abs(s8.Std/g.ss-1) > 0.02 {
			t.Fatalf("Ω_m %g ± %g, σ_8 %g ± %g, want %+v", om.Mean, om.Std, s8.Mean, s8.Std, g)
		}
	})
}

// TestInterpolationOfAFlatLikelihood: nothing to find, and exact everywhere.
func TestInterpolationOfAFlatLikelihood(t *testing.T) {
	in, err := Interpolate(context.Background(), flat, WholePrior(cosmology.CAMELSPrior(), 2),
		DefaultInterpolation(), nil)
	if err != nil || !in.Within || in.Evaluations > 61 {
		t.Fatalf("%+v, %v", in, err)
	}
	for _, v := range in.On(WholePrior(cosmology.CAMELSPrior(), 9))[0].NLL {
		if math.Abs(v-7) > 1e-12 {
			t.Fatalf("flat surface holds %g, want 7", v)
		}
	}
}

// TestFewEvaluations: a polynomial in the logarithms of the parameters, of the degrees that so many
// evaluations allow, is found exactly, and nobody is told that it was checked.
func TestFewEvaluations(t *testing.T) {
	for most, want := range map[int][2]int{
		16: {3, 3}, 19: {3, 3}, 20: {4, 3}, 28: {6, 3}, 36: {8, 3}, 45: {8, 4}, 48: {8, 4},
	} {
		polynomial := func(p cosmology.Params) float64 {
			x, y := math.Log(p.OmegaM/0.3), math.Log(p.Sigma8/0.8)
			return 1 + x - 2*y + 3*x*y + math.Pow(x, float64(want[0])) -
				4*x*x*math.Pow(y, float64(want[1]))
		}
		terms := func(_ context.Context, thetas []cosmology.Params) ([][]float64, error) {
			out := make([][]float64, len(thetas))
			for i, p := range thetas {
				out[i] = []float64{polynomial(p)}
			}
			return out, nil
		}
		in, err := Interpolate(context.Background(), terms, WholePrior(cosmology.CAMELSPrior(), 2),
			Interpolation{Tolerance: 0.05, Evaluations: most}, nil)
		if n := (want[0] + 1) * (want[1] + 1); err != nil || in.Evaluations != n || in.Within ||
			in.Checks != 0 || !math.IsInf(in.Error, 1) {
			t.Fatalf("%d: %d evaluations, want %d, within %v, error %g, %d checks, %v", most,
				in.Evaluations, n, in.Within, in.Error, in.Checks, err)
		}
		s := in.On(WholePrior(cosmology.CAMELSPrior(), 9))[0]
		for k, p := range s.Grid.Points() {
			if d := math.Abs(s.NLL[k] - polynomial(p)); d > 1e-11 {
				t.Errorf("%d evaluations, %v: off by %g", most, p, d)
			}
		}
	}
}

// TestNarrowPosteriors: 28 evaluations follow a posterior as narrow as that of a 64² map, of a
// likelihood that is no quadratic in the logarithms of the parameters, to a tenth of its width.
func TestNarrowPosteriors(t *testing.T) {
	prior := cosmology.CAMELSPrior()
	for _, truth := range []cosmology.Params{
		{OmegaM: 0.3, Sigma8: 0.8},
		{OmegaM: 0.12, Sigma8: 0.95},
		{OmegaM: 0.45, Sigma8: 0.62},
		{OmegaM: 0.2, Sigma8: 0.99},
	} {
		// Two power laws, each known to 3 %. Of a value r times the true one the error is between ln r
		// and r − 1.
		law := func(p cosmology.Params, a, b float64) float64 {
			const c = 0.3
			r := math.Pow(math.Pow(p.OmegaM/truth.OmegaM, a)*math.Pow(p.Sigma8/truth.Sigma8, b), c)
			return (r - 1) * (r - 1) / (2 * c * c * 0.03 * 0.03)
		}
		exact := func(g Grid) Surface {
			out := Surface{Grid: g}
			for _, p := range g.Points() {
				out.NLL = append(out.NLL, law(p, 0.9, 1.3)+law(p, 1.5, -0.7))
			}
			return out
		}
		terms := func(_ context.Context, thetas []cosmology.Params) ([][]float64, error) {
			out := make([][]float64, len(thetas))
			for i, p := range thetas {
				out[i] = exact(Grid{OmegaM: []float64{p.OmegaM}, Sigma8: []float64{p.Sigma8}}).NLL
			}
			return out, nil
		}
		in, err := Interpolate(context.Background(), terms, WholePrior(prior, 2),
			Interpolation{Tolerance: 0.05, Evaluations: 28}, nil)
		if err != nil {
			t.Fatal(err)
		}
		moments := func(nll NLL) [2]Marginal {
			s, err := Resolve(nll, prior)
			if err != nil {
				t.Fatal(err)
			}
			om, s8 := s.Marginals()
			return [2]Marginal{om, s8}
		}
		got, want := moments(WeightedSum(in.On, []float64{1})), moments(exact)
		for k := range got {
			if d := (got[k].Mean - want[k].Mean) / want[k].Std; math.Abs(d) > 0.1 ||
				math.Abs(got[k].Std/want[k].Std-1) > 0.1 {
				t.Errorf("%v: %.4f ± %.4f, want %.4f ± %.4f", truth, got[k].Mean, got[k].Std,
					want[k].Mean, want[k].Std)
			}
		}
	}
}

// TestInterpolationSaysWhatItMissed: a surface with more structure than the evaluations can
// follow is not passed off as good.
func TestInterpolationSaysWhatItMissed(t *testing.T) {
	ripples := func(_ context.Context, thetas []cosmology.Params) ([][]float64, error) {
		out := make([][]float64, len(thetas))
		for i, p := range thetas {
			out[i] = []float64{math.Sin(400*p.OmegaM) * math.Cos(400*p.Sigma8)}
		}
		return out, nil
	}
	in, err := Interpolate(context.Background(), ripples, WholePrior(cosmology.CAMELSPrior(), 2),
		DefaultInterpolation(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if in.Within || in.Error < 0.5 || in.Evaluations > 250 {
		t.Errorf("ripples: within the tolerance %v, error %g, %d evaluations", in.Within, in.Error,
			in.Evaluations)
	}
}

func TestInterpolationRefuses(t *testing.T) {
	grid := WholePrior(cosmology.CAMELSPrior(), 5)
	for _, c := range []Interpolation{
		{},
		{Tolerance: 0.05, Evaluations: 15},
		{Tolerance: math.NaN(), Evaluations: 250},
	} {
		if _, err := Interpolate(context.Background(), flat, grid, c, nil); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
	if _, err := Interpolate(context.Background(), flat, Grid{}, DefaultInterpolation(),
		nil); err == nil {
		t.Error("an empty grid was accepted")
	}
	if _, err := Interpolate(context.Background(), flat,
		Grid{OmegaM: []float64{0, 0.5}, Sigma8: []float64{0.6, 1}}, DefaultInterpolation(),
		nil); err == nil {
		t.Error("a grid from Ω_m = 0 was accepted, which has no logarithm")
	}
	broken := errors.New("broken")
	if _, err := Interpolate(context.Background(),
		func(context.Context, []cosmology.Params) ([][]float64, error) {
			return nil, broken
		}, grid, DefaultInterpolation(), nil); !errors.Is(err, broken) {
		t.Errorf("error %v, want the terms' own", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Interpolate(ctx, flat, grid, DefaultInterpolation(), nil); !errors.Is(err,
		context.Canceled) {
		t.Errorf("a cancelled context gave %v", err)
	}
}
