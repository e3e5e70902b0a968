package calibration

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// truncated returns, of the posterior of parameter k alone under the flat prior, the distribution
// function and ln of its evidence. In log units the flat prior goes as exp(width·x), which moves
// a Gaussian by width·std².
func truncated(u logUnits, n normal, k int) (cdf func(x float64) float64, lnZ float64) {
	s, w := n.std[k], u.width[k]
	d := distuv.Normal{Mu: n.at[k] + w*s*s, Sigma: s}
	inside := d.CDF(1) - d.CDF(0)
	lnZ = w*n.at[k] + w*w*s*s/2 + math.Log(w/math.Expm1(w)*s*math.Sqrt(2*math.Pi)*inside)
	return func(x float64) float64 { return (d.CDF(x) - d.CDF(0)) / inside }, lnZ
}

// TestScoreOfGaussians: probabilities of the truth are those of the closed form for posteriors
// from a ten-thousandth of the prior to all of it wide, with the peak inside it and out.
func TestScoreOfGaussians(t *testing.T) {
	u := logUnitsOf(t)
	rapid.Check(t, func(t *rapid.T) {
		var n normal
		var truth [2]float64
		for k := range truth {
			n.std[k] = math.Exp(rapid.Float64Range(math.Log(1e-4), math.Log(0.5)).Draw(t, "std"))
			truth[k] = rapid.Float64Range(0, 1).Draw(t, "truth")
			n.at[k] = truth[k] + n.std[k]*rapid.Float64Range(-2.5, 2.5).Draw(t, "error")
		}
		p := cosmology.Params{
			OmegaM: math.Exp(u.low[0] + u.width[0]*truth[0]),
			Sigma8: math.Exp(u.low[1] + u.width[1]*truth[1]),
		}
		got, err := scoreOf(Case{NLL: nllOf(u, n.nll), Truth: p}, prior, 1)
		if err != nil {
			t.Fatal(err)
		}
		lnZ := 0.0
		for k, s := range []ParameterScore{got.OmegaM, got.Sigma8} {
			cdf, z := truncated(u, n, k)
			lnZ += z
			if want := cdf(truth[k]); !(math.Abs(s.PIT-want) <= 0.002) { // NaN fails
				t.Fatalf("parameter %d: probability %g below the truth, want %g", k, s.PIT, want)
			}
			for _, q := range [][2]float64{
				{s.Median, 0.5},
				{s.Central68[0], 0.16},
				{s.Central68[1], 0.84},
				{s.Central95[0], 0.025},
				{s.Central95[1], 0.975},
			} {
				if at := cdf(u.of(k, q[0])); !(math.Abs(at-q[1]) <= 0.002) {
					t.Fatalf("parameter %d: probability %g below the quantile %g", k, at, q[1])
				}
			}
			// 0.74 of an exponential, 0.866 of a flat density
			if math.Abs(s.Z*s.Std-(s.Truth-s.Mean)) > 1e-12 || !(s.AbsZ > 0.6 && s.AbsZ < 0.87) {
				t.Fatalf("parameter %d: %+v", k, s)
			}
		}
		// The trapezoid at a cut peak errs by h²/12·|slope|, a thousandth at a tenth of sigma.
		if want := -n.nll(truth) - lnZ; !(math.Abs(got.LogScore-want) <= 0.004) {
			t.Fatalf("log score %g, want %g", got.LogScore, want)
		}
	})
}

// TestMeanAndStd of a narrow posterior: moments of the lognormal, with a correlation that must
// not matter to them.
func TestMeanAndStd(t *testing.T) {
	u := logUnitsOf(t)
	n := normal{at: [2]float64{0.6, 0.4}, std: [2]float64{0.02, 0.05}, rho: -0.9}
	truth := cosmology.Params{OmegaM: 0.3, Sigma8: 0.75}
	got, err := scoreOf(Case{NLL: nllOf(u, n.nll), Truth: truth}, prior, 1)
	if err != nil {
		t.Fatal(err)
	}
	// The flat prior moves the means in ln by the covariance times (1, 1).
	c := [2]float64{u.width[0] * n.std[0], u.width[1] * n.std[1]}
	for k, s := range []ParameterScore{got.OmegaM, got.Sigma8} {
		mu := u.low[k] + u.width[k]*n.at[k] + c[k]*c[k] + n.rho*c[0]*c[1]
		mean := math.Exp(mu + c[k]*c[k]/2)
		std := mean * math.Sqrt(math.Expm1(c[k]*c[k]))
		if math.Abs(s.Mean-mean) > 0.002*std || math.Abs(s.Std/std-1) > 0.002 {
			t.Errorf("parameter %d: %g ± %g, want %g ± %g", k, s.Mean, s.Std, mean, std)
		}
	}
	x := u.point(truth)
	// Mass nearer the peak than r in its metric; the prior's slope over a sigma of 0.03 moves it by
	// the square of that.
	if want := -math.Expm1(-n.nll(x)); math.Abs(got.HPD-want) > 0.004 {
		t.Errorf("%g of the probability is denser than the truth, want %g", got.HPD, want)
	}
}

// TestTARPAgainstDraws counts draws of a narrow posterior nearer to the reference than the truth.
func TestTARPAgainstDraws(t *testing.T) {
	u := logUnitsOf(t)
	n := normal{at: [2]float64{0.6, 0.4}, std: [2]float64{0.01, 0.02}}
	d, err := newDensity(nllOf(u, n.nll), prior)
	if err != nil {
		t.Fatal(err)
	}
	truth, reference := cosmology.Params{OmegaM: 0.265, Sigma8: 0.736}, cosmology.UnitParams{0.1, 0.9}
	distance := func(x cosmology.UnitParams) float64 {
		return math.Hypot(x[0]-reference[0], x[1]-reference[1])
	}
	rng := rand.New(rand.NewPCG(1, 1))
	nearer := 0.0
	const draws = 200000
	for range draws {
		var p [2]float64
		for k := range p {
			p[k] = math.Exp(u.low[k] +
				u.width[k]*(n.at[k]+u.width[k]*n.std[k]*n.std[k]+n.std[k]*rng.NormFloat64()))
		}
		if distance(prior.Unit(cosmology.Params{OmegaM: p[0], Sigma8: p[1]})) < distance(
			prior.Unit(truth)) {
			nearer++
		}
	}
	got, want := d.nearer(prior, truth, reference), nearer/draws
	// draws know it to 0.001, nodes of a tenth of sigma to 0.003
	if math.Abs(got-want) > 0.005 || want < 0.1 || want > 0.9 {
		t.Errorf("probability %g nearer than the truth, draws say %g", got, want)
	}
}

// TestFlat: nothing learnt means the prior, and truths at random places among equals.
func TestFlat(t *testing.T) {
	s := nllOf(logUnitsOf(t), func([2]float64) float64 { return 0 })
	sum := 0.0
	const n = 40
	for seed := range uint64(n) {
		got, err := scoreOf(Case{NLL: s, Truth: cosmology.Params{OmegaM: 0.2, Sigma8: 0.9}}, prior,
			seed)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got.OmegaM.PIT-0.25) > 1e-9 || math.Abs(got.Sigma8.Median-0.8) > 1e-9 ||
			math.Abs(got.LogScore) > 1e-9 {
			t.Fatalf("flat surface: %+v", got)
		}
		sum += got.HPD / n
	}
	if math.Abs(sum-0.5) > 4*0.289/math.Sqrt(n) {
		t.Errorf("mean level of the truth %g, want 1/2", sum)
	}
}

func TestScoreRefuses(t *testing.T) {
	u := logUnitsOf(t)
	good := nllOf(u, normal{std: [2]float64{1, 1}}.nll)
	inside := cosmology.Params{OmegaM: 0.3, Sigma8: 0.8}
	broken := nllOf(u, func(x [2]float64) float64 { return math.Log(x[0] - 0.5) })
	outside := Case{NLL: good, Truth: cosmology.Params{OmegaM: 0.7, Sigma8: 0.8}}
	if _, err := ScoreAll([]Case{outside}, prior, 1); err == nil {
		t.Error("a truth outside the prior was accepted")
	}
	if _, err := ScoreAll([]Case{{NLL: broken, Truth: inside}}, prior, 1); !errors.Is(err,
		likelihood.ErrNotFinite) {
		t.Errorf("not finite: %v", err)
	}
	if _, err := scoreOf(Case{NLL: good, Truth: inside}, cosmology.Prior{}, 1); err == nil {
		t.Error("a prior without a volume was accepted")
	}
}
