package baseline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distmv"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/likelihood"
)

// Mock maps whose answer is known: white Gaussian noise of standard deviation grain·σ_8 about
// log10 Ω_m, which is off by offset from map to map.
const (
	grain  = 0.05
	offset = 0.03
)

func grainy(p cosmology.Params, simulation int, rng *rand.Rand) Labelled {
	m := field.LogMap{Box: small, Values: make([]float32, small.Pixels())}
	mean := math.Log10(p.OmegaM) + offset*rng.NormFloat64()
	for i := range m.Values {
		m.Values[i] = float32(mean + grain*p.Sigma8*rng.NormFloat64())
	}
	return Labelled{Map: m, Theta: p, Simulation: simulation}
}

func grainyMaps(seed uint64, n int) []Labelled {
	rng := rand.New(rand.NewPCG(seed, 0))
	out := make([]Labelled, n)
	for i := range out {
		out[i] = grainy(prior.Params(cosmology.UnitParams{rng.Float64(), rng.Float64()}), i/2, rng)
	}
	return out
}

// fitted is the likelihood of 4000 toy maps, each ring of the spectrum its own bin.
func fitted(t *testing.T) *PowerLikelihood {
	t.Helper()
	c := PowerConfig{Bins: 20, MeanDegrees: []int{1, 2}, ShapeDegrees: []int{0, 1}, Folds: 2, Seed: 1}
	l, err := FitPower(context.Background(), c, prior, grainyMaps(1, 4000))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// trigamma is ψ'(n/2), the variance of ln χ² of n degrees of freedom, as a difference of ψ whose
// error is h²ψ”'/6 < 1e-7.
func trigamma(x float64) float64 {
	const h = 1e-4
	return (mathext.Digamma(x+h) - mathext.Digamma(x-h)) / (2 * h)
}

// TestSpectraOfNoise: ring r of M modes of white noise has a power of P·χ²_M/M, whose logarithm
// has the mean ln P + ψ(M/2) − ln(M/2) and the variance ψ'(M/2); the mean of a map has that of
// its offset and its pixels.
func TestSpectraOfNoise(t *testing.T) {
	l := fitted(t)
	p := cosmology.Params{OmegaM: 0.27, Sigma8: 0.85}
	mean, covariance := l.gaussian.moments(p)
	if len(mean) != 6 {
		t.Fatalf("%d numbers, want 4 rings and 2 means", len(mean))
	}
	cell := small.CellSide()
	pixel := grain * p.Sigma8
	// Standard errors of the fit of at most six polynomials to 4000 maps at a typical point:
	// √(6/4000) of a deviation, √(2·6/4000) of a variance, a little more as ln χ² has tails; tested
	// at four of them.
	const meanError, varianceError = 0.16, 0.25
	// in rings (r, r + 1] of the 8×8 plane, Nyquist modes counted once
	for r, modes := range []float64{4, 8, 16, 18} {
		want := math.Log(pixel*pixel*cell*cell) + mathext.Digamma(modes/2) - math.Log(modes/2)
		variance := trigamma(modes / 2)
		if math.Abs(mean[r]-want) > meanError*math.Sqrt(variance) {
			t.Errorf("ring %d: mean ln P = %.4f, want %.4f", r+1, mean[r], want)
		}
		if got := covariance.At(r, r); math.Abs(got/variance-1) > varianceError {
			t.Errorf("ring %d: variance %.4f, want %.4f", r+1, got, variance)
		}
		if c := covariance.At(r, 0) / math.Sqrt(covariance.At(r, r)*covariance.At(0, 0)); r > 0 &&
			math.Abs(c) > meanError {
			t.Errorf("rings 1 and %d correlate by %.3f, want 0", r+1, c)
		}
	}
	variance := offset*offset + pixel*pixel/float64(small.Pixels())
	if math.Abs(mean[4]-math.Log10(p.OmegaM)) > meanError*math.Sqrt(variance) ||
		math.Abs(covariance.At(4, 4)/variance-1) > varianceError {
		t.Errorf("the mean is %.4f ± %.4f, want %.4f ± %.4f", mean[4], math.Sqrt(covariance.At(4, 4)),
			math.Log10(p.OmegaM), math.Sqrt(variance))
	}
}

// TestPosteriors: Ω_m is known to ln 10 · Ω_m times the deviation of a map's mean, σ_8 to
// √(1/2·63) of itself, from the variance of 64 pixels; and errors are as large as they are said
// to be.
func TestPosteriors(t *testing.T) {
	l := fitted(t)
	centre := cosmology.Params{OmegaM: 0.25, Sigma8: 0.78}
	rng := rand.New(rand.NewPCG(8, 0))
	var test []Labelled
	for i := range 60 {
		test = append(test, grainy(centre, i, rng))
	}
	got, err := l.posteriors(context.Background(), mapsOf(test))
	if err != nil {
		t.Fatal(err)
	}
	var width cosmology.Params
	var zo, zs float64
	n := float64(len(got))
	for _, m := range got {
		width.OmegaM += m.Std.OmegaM / n
		width.Sigma8 += m.Std.Sigma8 / n
		zo += square(m.Z(centre).OmegaM) / n
		zs += square(m.Z(centre).Sigma8) / n
	}
	wantO := math.Ln10 * centre.OmegaM * math.Hypot(offset, grain*centre.Sigma8/8)
	wantS := centre.Sigma8 / math.Sqrt(2*63)
	t.Logf("widths %.4f and %.4f, Fisher's %.4f and %.4f; rms z %.3f and %.3f", width.OmegaM,
		width.Sigma8, wantO, wantS, math.Sqrt(zo), math.Sqrt(zs))
	// The posterior is log-normal rather than normal, which is worth (its relative width)² or 1 %;
	// fits and scatter add a few per cent.
	if math.Abs(width.OmegaM/wantO-1) > 0.1 || math.Abs(width.Sigma8/wantS-1) > 0.15 {
		t.Errorf("mean widths %.4f and %.4f, Fisher's are %.4f and %.4f", width.OmegaM, width.Sigma8,
			wantO, wantS)
	}
	// The rms of 60 numbers of variance 1 scatters by 1/√120 = 0.09.
	if math.Abs(math.Sqrt(zo)-1) > 0.36 || math.Abs(math.Sqrt(zs)-1) > 0.36 {
		t.Errorf("rms errors of %.2f and %.2f widths, want 1", math.Sqrt(zo), math.Sqrt(zs))
	}
}

// unitLog maps [low, high] to [−1, 1], linearly in the logarithm.
func unitLog(v, low, high float64) float64 { return 2*math.Log(v/low)/math.Log(high/low) - 1 }

// curved draws vectors of three numbers with a quadratic mean, couplings that change and a
// variance that rises with σ_8.
func curved(p cosmology.Params, rng *rand.Rand) (d, mean []float64, noise float64) {
	x, y := unitLog(p.OmegaM, 0.1, 0.5), unitLog(p.Sigma8, 0.6, 1)
	mean = []float64{1 + x, 5*x*x + y, 2 - x*y}
	noise = math.Exp(0.5 * y)
	d = []float64{noise * rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
	d[1] += (0.5 + 0.4*x) * d[0]
	d[2] += 0.7 * d[1]
	for i, m := range mean {
		d[i] += m
	}
	return d, mean, noise
}

func curvedSample(n int) (s sample) {
	rng := rand.New(rand.NewPCG(4, 0))
	for i := range n {
		p := prior.Params(cosmology.UnitParams{rng.Float64(), rng.Float64()})
		d, _, _ := curved(p, rng)
		s.add(Labelled{Theta: p, Simulation: i}, d)
	}
	return s
}

// TestRegression: mean, couplings and a variance that changes are found, and −ln L is that of the
// normal density with the mean and the covariance that moments gives.
func TestRegression(t *testing.T) {
	s := curvedSample(4000)
	g, err := s.fit(prior, Choice{Mean: 2, Shape: 1})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 0))
	for _, p := range []cosmology.Params{
		{OmegaM: 0.15, Sigma8: 0.65},
		{OmegaM: 0.3, Sigma8: 0.8},
		{OmegaM: 0.45, Sigma8: 0.95},
	} {
		d, want, noise := curved(p, rng)
		mean, covariance := g.moments(p)
		normal, ok := distmv.NewNormal(mean, covariance, nil)
		if !ok {
			t.Fatalf("the covariance at %v is not positive definite", p)
		}
		if got, want := g.nll(d, p), -normal.LogProb(d); math.Abs(got-want) > 1e-9*math.Abs(want) {
			t.Errorf("%v: −ln L = %.10f, of the normal density with its moments %.10f", p, got, want)
		}
		for j := range mean { // √(6/4000) of a deviation is typical; near a corner more; four times 0.06
			if math.Abs(mean[j]-want[j]) > 0.24*math.Sqrt(covariance.At(j, j)) {
				t.Errorf("%v: mean[%d] = %.3f, want %.3f", p, j, mean[j], want[j])
			}
		}
		x := unitLog(p.OmegaM, 0.1, 0.5)
		// three coefficients: √(2·3/4000) of a variance; five times that
		for name, c := range map[string][2]float64{
			"variance of 0": {covariance.At(0, 0), noise * noise},
			"coupling 0-1":  {covariance.At(0, 1), (0.5 + 0.4*x) * noise * noise},
			"variance of 1": {covariance.At(1, 1), 1 + square((0.5+0.4*x)*noise)},
			"coupling 1-2":  {covariance.At(1, 2), 0.7 * (1 + square((0.5+0.4*x)*noise))},
		} {
			if math.Abs(c[0]/c[1]-1) > 0.2 && math.Abs(c[0]-c[1]) > 0.1 {
				t.Errorf("%v: %s = %.3f, want %.3f", p, name, c[0], c[1])
			}
		}
	}
}

// TestChoice: cross-validation prefers the degrees that the vectors were drawn with to smaller
// ones, by what those lose: the variance exp(y) instead of its mean costs the first number
// (ln⟨exp y⟩ − ⟨y⟩)/2 nats at best.
func TestChoice(t *testing.T) {
	l := PowerLikelihood{prior: prior}
	c := PowerConfig{
		Bins: 1, MeanDegrees: []int{1, 2, 3}, ShapeDegrees: []int{0, 1, 2},
		Folds: 3, Seed: 2,
	}
	if err := l.choose(context.Background(), c, curvedSample(1500)); err != nil {
		t.Fatal(err)
	}
	if l.Chosen.Mean < 2 || l.Chosen.Shape != 1 {
		t.Errorf("chose %+v of %+v, want a mean of degree 2 and a covariance of degree 1",
			l.Chosen, l.Tried)
	}
	if len(l.Tried) != 5 {
		t.Errorf("tried %+v, want 5 pairs", l.Tried)
	}
}

// TestFolds: a simulation is never on both sides, and each map is held out once.
func TestFolds(t *testing.T) {
	var s sample
	for i := range 40 {
		s.add(Labelled{Theta: cosmology.Fiducial, Simulation: i / 5}, []float64{float64(i)})
	}
	folds, err := s.folds(3, 1)
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, f := range folds {
		held += len(f[1].vectors)
		for _, sim := range f[1].simulations {
			if slices.Contains(f[0].simulations, sim) {
				t.Errorf("simulation %d is on both sides", sim)
			}
		}
	}
	if held != 40 {
		t.Errorf("%d maps were held out, want each once", held)
	}
}

// TestBins: each ring is in one bin, in order, and the first is alone.
func TestBins(t *testing.T) {
	for _, side := range []int{2, 8, 32, 64, 256} {
		v := newVector(field.Box{Side: 25, Cells: side}, 8)
		next := 0
		for _, bin := range v.bins {
			for _, r := range bin {
				if r != next {
					t.Fatalf("%d pixels: ring %d where %d is due", side, r, next)
				}
				next++
			}
		}
		if next != side/2 || len(v.bins) > 8 || len(v.bins[0]) != 1 || v.len() != len(v.bins)+2 {
			t.Errorf("%d pixels: bins %v", side, v.bins)
		}
	}
}

// TestPowerRefuses: bad input is one line that names it.
func TestPowerRefuses(t *testing.T) {
	ctx := context.Background()
	for want, change := range map[string]func(*PowerConfig, *[]Labelled){
		"PowerConfig.Folds":       func(c *PowerConfig, _ *[]Labelled) { c.Folds = 1 },
		"PowerConfig.MeanDegrees": func(c *PowerConfig, _ *[]Labelled) { c.MeanDegrees = nil },
		"no maps":                 func(_ *PowerConfig, m *[]Labelled) { *m = nil },
		"polynomials of degree":   func(_ *PowerConfig, m *[]Labelled) { *m = (*m)[:8] },
		"2 simulations":           func(_ *PowerConfig, m *[]Labelled) { *m = (*m)[:4] },
		"train[3]: σ_8":           func(_ *PowerConfig, m *[]Labelled) { (*m)[3].Theta.Sigma8 = 2 },
		"train[5]: the power in bin 0": func(_ *PowerConfig, m *[]Labelled) {
			clear((*m)[5].Map.Values)
		},
	} {
		c, maps := DefaultPower(), grainyMaps(1, 60)
		change(&c, &maps)
		if _, err := FitPower(ctx, c, prior, maps); err == nil || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("error = %v, want one line with %q", err, want)
		}
	}
	c := PowerConfig{Bins: 2, MeanDegrees: []int{1}, ShapeDegrees: []int{0}, Folds: 2}
	l, err := FitPower(ctx, c, prior, grainyMaps(1, 100))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Terms(randomMap(1, 16)); err == nil || !strings.Contains(err.Error(), "16 pixels") {
		t.Errorf("a map of another side: error = %v", err)
	}
	terms, err := l.Terms(grainyMaps(2, 1)[0].Map)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := terms(ctx, []cosmology.Params{{OmegaM: 0.05, Sigma8: 0.8}}); err == nil ||
		!strings.Contains(err.Error(), "Ω_m = 0.05") {
		t.Errorf("parameters outside the prior: error = %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := FitPower(cancelled, DefaultPower(), prior, grainyMaps(1, 60)); !errors.Is(err,
		context.Canceled) {
		t.Errorf("cancelled: error = %v", err)
	}
}

// moments returns the mean and the covariance at p: numbers are built up one after the other, as
// e = A·noise.
func (g gaussian) moments(p cosmology.Params) ([]float64, *mat.SymDense) {
	polynomials, shapes := g.mean.At(p), g.shape.At(p)
	n := len(g.lines)
	e, a := make([]float64, n), mat.NewDense(n, n, nil) // mean, and what each noise adds
	for j, l := range g.lines {
		intercept, couplings := l.at(polynomials, shapes, j)
		e[j] = intercept + floats.Dot(couplings, e[:j])
		for k, c := range couplings {
			floats.AddScaled(a.RawRowView(j), c, a.RawRowView(k))
		}
		a.Set(j, j, math.Exp(floats.Dot(shapes, l.logVariance)/2))
	}
	mean := make([]float64, n)
	for j := range n {
		mean[j] = floats.Dot(polynomials, g.centre[j]) + g.scale[j]*e[j]
		floats.Scale(g.scale[j], a.RawRowView(j))
	}
	var covariance mat.SymDense
	covariance.SymOuterK(1, a)
	return mean, &covariance
}

// posteriors returns the posterior's moments for each map, under a density uniform in the prior.
func (l *PowerLikelihood) posteriors(ctx context.Context, maps []field.LogMap) ([]Moments, error) {
	precise := likelihood.Interpolation{
		Tolerance:   likelihood.DefaultInterpolation().Tolerance,
		Evaluations: 2500,
	}
	out := make([]Moments, len(maps))
	for i, m := range maps {
		terms, err := l.Terms(m)
		if err != nil {
			return nil, fmt.Errorf("baseline: maps[%d]: %w", i, err)
		}
		in, err := likelihood.Interpolate(ctx, terms, likelihood.WholePrior(l.prior, 2), precise, nil)
		if err != nil {
			return nil, fmt.Errorf("baseline: maps[%d]: %w", i, err)
		}
		resolved, err := in.Resolved()
		if err != nil {
			return nil, fmt.Errorf("baseline: maps[%d]: %w", i, err)
		}
		om, s8 := resolved.Marginals()
		out[i] = Moments{
			Mean: cosmology.Params{OmegaM: om.Mean, Sigma8: s8.Mean},
			Std:  cosmology.Params{OmegaM: om.Std, Sigma8: s8.Std},
		}
	}
	return out, nil
}
