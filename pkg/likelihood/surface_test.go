package likelihood

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"darkfield/pkg/cosmology"
)

// gaussian is a bivariate normal in (Ω_m, σ_8): the closed form that grids, contours and
// marginals are held against.
type gaussian struct {
	mean   cosmology.Params
	so, ss float64
	rho    float64
}

var oracle = gaussian{
	mean: cosmology.Params{OmegaM: 0.31, Sigma8: 0.79}, so: 0.02,
	ss: 0.03, rho: -0.6,
}

func (g gaussian) nll(p cosmology.Params) float64 {
	u, v := (p.OmegaM-g.mean.OmegaM)/g.so, (p.Sigma8-g.mean.Sigma8)/g.ss
	return (u*u - 2*g.rho*u*v + v*v) / (2 * (1 - g.rho*g.rho))
}

// terms splits the Gaussian into two terms that add up to it, plus a constant that must not matter.
func (g gaussian) terms(_ context.Context, thetas []cosmology.Params) ([][]float64, error) {
	out := make([][]float64, len(thetas))
	for i, p := range thetas {
		out[i] = []float64{0.25*g.nll(p) + 1e4, 0.75*g.nll(p) - 3}
	}
	return out, nil
}

func surfaceOf(t *testing.T, terms Terms, grid Grid) Surface {
	t.Helper()
	s, err := Evaluate(context.Background(), terms, grid, nil)
	if err != nil {
		t.Fatal(err)
	}
	return Sum(s)
}

func flat(_ context.Context, thetas []cosmology.Params) ([][]float64, error) {
	out := make([][]float64, len(thetas))
	for i := range out {
		out[i] = []float64{7}
	}
	return out, nil
}

func TestGrids(t *testing.T) {
	prior := cosmology.CAMELSPrior()
	whole := WholePrior(prior, 5)
	if whole.OmegaM[0] != 0.1 || whole.OmegaM[4] != 0.5 || whole.Sigma8[0] != 0.6 ||
		whole.Sigma8[4] != 1.0 {
		t.Errorf("whole prior = %v", whole)
	}
	if p := whole.Points(); len(p) != 25 ||
		p[1] != (cosmology.Params{OmegaM: whole.OmegaM[0], Sigma8: whole.Sigma8[1]}) {
		t.Errorf("points must run through σ_8 first, got %v", p[:2])
	}
	cutGrid := AroundTruth(cosmology.Params{OmegaM: 0.15, Sigma8: 0.95}, 0.1, prior, 50)
	if cutGrid.OmegaM[0] != 0.1 || cutGrid.OmegaM[49] != 0.25 ||
		math.Abs(cutGrid.Sigma8[0]-0.85) > 1e-15 || cutGrid.Sigma8[49] != 1.0 {
		t.Errorf("truth-centred grid must be cut to the prior, got Ω_m %g…%g, σ_8 %g…%g",
			cutGrid.OmegaM[0], cutGrid.OmegaM[49], cutGrid.Sigma8[0], cutGrid.Sigma8[49])
	}
	for _, bad := range []Grid{
		{},
		{OmegaM: []float64{1, 1}, Sigma8: []float64{1, 2}},
		{OmegaM: []float64{1, 2}, Sigma8: []float64{1, math.NaN()}},
	} {
		if bad.Validate() == nil {
			t.Errorf("grid %v should be refused", bad)
		}
	}
}

func TestSurfaceOfAGaussian(t *testing.T) {
	grid := WholePrior(cosmology.CAMELSPrior(), 41) // spacing 0.01: the mean is a grid point
	s := surfaceOf(t, oracle.terms, grid)
	if b := s.Best(); math.Abs(b.OmegaM-0.31) > 1e-12 || math.Abs(b.Sigma8-0.79) > 1e-12 {
		t.Errorf("best = %v, want %v", b, oracle.mean)
	}
	for i, p := range grid.Points() {
		// The constant 1e4 costs 1e4·2^-52 in each difference.
		if got, want := s.MinusTwoDeltaLnL()[i], 2*oracle.nll(p); math.Abs(got-want) > 1e-10 {
			t.Fatalf("−2Δln L at %v = %g, want %g", p, got, want)
		}
	}
}

// TestNotFinite: a NaN must stop the evaluation and say where it was, never reach a contour or a
// marginal.
func TestNotFinite(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		_, err := Evaluate(context.Background(), func(ctx context.Context, thetas []cosmology.Params) (
			[][]float64, error,
		) {
			out, _ := oracle.terms(ctx, thetas)
			for i, p := range thetas {
				if p.OmegaM > 0.49 && p.Sigma8 < 0.61 {
					out[i][1] = bad
				}
			}
			return out, nil
		}, WholePrior(cosmology.CAMELSPrior(), 20), nil)
		if !errors.Is(err, ErrNotFinite) || !strings.Contains(err.Error(), "Ω_m=0.500 σ_8=0.600") ||
			!strings.Contains(err.Error(), "entry 1") {
			t.Errorf("error for %g = %v, want one that names θ and the term", bad, err)
		}
	}
}

func TestEvaluatePassesErrorsOn(t *testing.T) {
	grid := WholePrior(cosmology.CAMELSPrior(), 20)
	want := errors.New("device lost")
	if _, err := Evaluate(context.Background(), func(context.Context, []cosmology.Params) ([][]float64,
		error,
	) {
		return nil, want
	}, grid, nil); !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Evaluate(ctx, flat, grid, func(done, total int) {
		if total != 400 || done < 1 || done > 400 {
			t.Errorf("progress %d of %d", done, total)
		}
		cancel()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context gave %v", err)
	}
	if _, err := Evaluate(context.Background(),
		func(_ context.Context, p []cosmology.Params) ([][]float64, error) {
			return make([][]float64, len(p)), nil
		}, grid, nil); err == nil {
		t.Error("no terms at all should be an error")
	}
}

// TestOrder: terms summed in any order give the same bits, whatever their sizes.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		grid := WholePrior(cosmology.CAMELSPrior(), 2)
		n := rapid.IntRange(1, 8).Draw(t, "terms")
		surfaces := make([]Surface, n)
		for i := range surfaces {
			surfaces[i] = Surface{Grid: grid, NLL: rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 4,
				4).Draw(t, "nll")}
		}
		want := Sum(surfaces).NLL
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		rng.Shuffle(n, func(i, j int) { surfaces[i], surfaces[j] = surfaces[j], surfaces[i] })
		for i, v := range Sum(surfaces).NLL {
			if v != want[i] {
				t.Fatalf("sum = %v, in another order %v", want[i], v)
			}
		}
	})
}

func TestMarginalsOfAGaussian(t *testing.T) {
	s := surfaceOf(t, oracle.terms, WholePrior(cosmology.CAMELSPrior(), 401)) // spacing σ_Ω/20
	om, s8 := s.Marginals()
	const z = 0.994457883 // the 84 % quantile of a standard normal
	for _, c := range []struct {
		name        string
		got         Marginal
		mean, sigma float64
	}{{"Ω_m", om, 0.31, 0.02}, {"σ_8", s8, 0.79, 0.03}} {
		// Linear interpolation of the cumulative distribution errs by h²/8·p' < 1e-6 at this spacing h
		// = 0.001.
		tol := 2e-5
		for _, v := range [][2]float64{
			{c.got.Mean, c.mean},
			{c.got.Best, c.mean},
			{c.got.Std, c.sigma},
			{c.got.Low, c.mean - z*c.sigma},
			{c.got.High, c.mean + z*c.sigma},
		} {
			if math.Abs(v[0]-v[1]) > tol {
				t.Errorf("%s: got %g, want %g", c.name, v[0], v[1])
			}
		}
		peak := 1 / (c.sigma * math.Sqrt(2*math.Pi))
		top := 0.0
		for _, p := range c.got.P {
			top = math.Max(top, p)
		}
		if math.Abs(top/peak-1) > 1e-6 {
			t.Errorf("%s: the density peaks at %g, want %g", c.name, top, peak)
		}
	}
}

// TestMarginalsOfAFlatLikelihood: nothing learnt means the prior's own quantiles, and its middle
// for an argmax.
func TestMarginalsOfAFlatLikelihood(t *testing.T) {
	s := surfaceOf(t, flat, WholePrior(cosmology.CAMELSPrior(), 16))
	om, s8 := s.Marginals()
	for _, c := range []struct {
		m     Marginal
		start float64
	}{{om, 0.1}, {s8, 0.6}} {
		for _, v := range [][2]float64{
			{c.m.Low, c.start + 0.4*0.16},
			{c.m.High, c.start + 0.4*0.84},
			{c.m.Best, c.start + 0.2},
			{c.m.Mean, c.start + 0.2},
		} {
			if math.Abs(v[0]-v[1]) > 1e-12 {
				t.Errorf("got %g, want %g", v[0], v[1])
			}
		}
	}
	if s.Range() != 0 {
		t.Errorf("range of a flat surface = %g", s.Range())
	}
	if lines := s.Contour(Level1Sigma); len(lines) != 0 {
		t.Errorf("a flat surface has contours: %v", lines)
	}
}

// TestMarginalsOnUnevenGrid: the weights must follow the spacing, or dense parts of the grid
// would count more.
func TestMarginalsOnUnevenGrid(t *testing.T) {
	grid := WholePrior(cosmology.CAMELSPrior(), 16)
	grid.OmegaM = []float64{0.1, 0.11, 0.12, 0.13, 0.14, 0.5}
	om, s8 := surfaceOf(t, flat, grid).Marginals()
	if math.Abs(om.Low-0.164) > 1e-12 || math.Abs(om.High-0.436) > 1e-12 ||
		math.Abs(s8.Low-0.664) > 1e-12 {
		t.Errorf("flat on an uneven grid: Ω_m %g…%g, σ_8 from %g", om.Low, om.High, s8.Low)
	}
}
