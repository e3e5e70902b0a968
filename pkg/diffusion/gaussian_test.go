package diffusion

import (
	"context"
	"math"
	"testing"

	"gonum.org/v1/gonum/stat"
)

// The data of the oracle tests: pixels N(mu, sd²).
const (
	mu = 0.3
	sd = 0.7
)

// sampleGaussian runs a sampler with the exact denoiser.
func sampleGaussian(t *testing.T, m Sampler, s Schedule, maps, pixels int) []float64 {
	t.Helper()
	r := Request{Pixels: pixels, ConditionDim: 1, Theta: make([]float32, maps), Seed: 1}
	x, err := m.Sample(context.Background(), GaussianDenoiser(s, mu, sd), s, r)
	if err != nil {
		t.Fatal(err)
	}
	return wide(x)
}

func wide(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// recursion follows mean and variance of x_t down algorithm 2 of Ho et al. Written from that page
// and not from ours: with the exact denoiser every step is linear, so both are exact.
func recursion(s Schedule) (mean, variance float64) {
	mean, variance = 0, 1
	for t := s.Steps(); t >= 1; t-- {
		beta, bar, before := s.beta[t], s.alphaBar[t], s.alphaBar[t-1]
		c := math.Sqrt(1-bar) / (bar*sd*sd + 1 - bar) // ε* = c (x_t − √ᾱ μ)
		k := beta / math.Sqrt(1-bar)
		gain := (1 - k*c) / math.Sqrt(1-beta)
		mean = gain*mean + k*c*math.Sqrt(bar)*mu/math.Sqrt(1-beta)
		variance = gain * gain * variance
		if t > 1 {
			variance += beta * (1 - before) / (1 - bar)
		}
	}
	return mean, variance
}

// TestRecursion pins the recursion to numbers computed elsewhere for linear schedules, so that it
// is not its own witness.
func TestRecursion(t *testing.T) {
	for steps, want := range map[int]float64{100: 0.442, 1000: 0.484} {
		if _, got := recursion(linear(steps)); math.Abs(got-want) > 6e-4 { // printed to three digits
			t.Errorf("variance after %d steps = %.4f, want %.3f", steps, got, want)
		}
	}
}

// TestAncestralMoments: with n independent pixels the mean is good to √(v/n) and the variance to
// v·√(2/n); four of each are allowed. β in place of the posterior variance would miss by 20 of
// them at 100 steps.
func TestAncestralMoments(t *testing.T) {
	const maps, pixels = 40, 2500
	n := float64(maps * pixels)
	for name, s := range map[string]Schedule{"linear, 100 steps": linear(100), "paper": Paper()} {
		mean, variance := recursion(s)
		all := DDIM{Steps: s.Steps(), Eta: 1}
		gotMean, gotVariance := stat.MeanVariance(sampleGaussian(t, all, s, maps, pixels), nil)
		if d := math.Abs(gotMean-mean) / math.Sqrt(variance/n); d > 4 {
			t.Errorf("%s: mean %.5f, want %.5f: %.1f standard errors", name, gotMean, mean, d)
		}
		if d := math.Abs(gotVariance-variance) / (variance * math.Sqrt(2/n)); d > 4 {
			t.Errorf("%s: variance %.5f, want %.5f: %.1f standard errors", name, gotVariance, variance, d)
		}
	}
}

// TestNoisyDPMSolverMoments: with fresh noise the pixels are still N(mu, sd²), as long as the
// steps are short: 4 standard errors, and 1 % of the deviation for what 100 steps leave.
func TestNoisyDPMSolverMoments(t *testing.T) {
	const maps, pixels = 40, 2500
	n := float64(maps * pixels)
	for _, m := range []DPMSolver{
		{Steps: 100, Eta: 0.5},
		{Steps: 100, Eta: 1},
		{Steps: 100, Eta: 1, ChurnMin: 250},
	} {
		mean, deviation := stat.MeanStdDev(sampleGaussian(t, m, Paper(), maps, pixels), nil)
		t.Logf("%+v: mean %.5f, standard deviation %.5f, want %g and %g", m, mean, deviation, mu, sd)
		if math.Abs(mean-mu) > 4*sd/math.Sqrt(n)+0.01*sd ||
			math.Abs(deviation/sd-1) > 4/math.Sqrt(2*n)+0.01 {
			t.Errorf("%+v: mean %.5f and standard deviation %.5f, want %g and %g", m, mean,
				deviation, mu, sd)
		}
	}
}

// TestFewNoisyStepsWiden: 25 noisy steps leave 4.7 % too much variance, by the recursion of the
// solver's own coefficients; half a percent is four standard errors of what the pixels show. With
// noise at early times alone it is 1.8 %.
func TestFewNoisyStepsWiden(t *testing.T) {
	for _, c := range []struct {
		m    DPMSolver
		want float64
	}{
		{DPMSolver{Steps: 25, Eta: 1}, 1.047},
		{DPMSolver{Steps: 25, Eta: 1, ChurnMin: 600}, 1.018},
		{DPMSolver{Steps: 50, Eta: 1}, 1.013},
	} {
		variance := stat.Variance(sampleGaussian(t, c.m, Paper(), 100, 12000), nil) / (sd * sd)
		t.Logf("%+v: variance %.4f of the right one", c.m, variance)
		if math.Abs(variance-c.want) > 0.005 {
			t.Errorf("%+v: variance %.4f of the right one, want %.3f", c.m, variance, c.want)
		}
	}
}

// ddimError returns the largest distance from where the continuous flow takes each x_T.
func ddimError(t *testing.T, steps int) float64 {
	t.Helper()
	s := Paper()
	r := Request{Pixels: 64, ConditionDim: 1, Theta: make([]float32, 4), Seed: 1}
	st, err := r.start()
	if err != nil {
		t.Fatal(err)
	}
	bar := s.AlphaBar(1000)
	worst := 0.0
	for i, x := range sampleGaussian(t, DDIM{Steps: steps}, s, 4, 64) {
		want := mu + sd*(float64(st.x[i])-math.Sqrt(bar)*mu)/math.Sqrt(bar*sd*sd+1-bar)
		worst = max(worst, math.Abs(x-want))
	}
	return worst
}

// TestDDIMOrder: the error halves for each doubling of the steps. The fitted slope may miss −1 by
// 0.1, the share of the next order at 25 steps.
func TestDDIMOrder(t *testing.T) {
	var x, y []float64
	for _, steps := range []int{25, 50, 125, 250} { // all divide T, so that the grid is even
		e := ddimError(t, steps)
		t.Logf("%d steps: error %.5f", steps, e)
		x, y = append(x, math.Log(float64(steps))), append(y, math.Log(e))
	}
	if _, slope := stat.LinearRegression(x, y, nil, false); math.Abs(slope+1) > 0.1 {
		t.Errorf("the error falls with slope %.3f, want −1", slope)
	}
}

// TestDPMSolverOrder: the error falls fourfold for each doubling of the steps. The schedule has
// so many times that rounding to them does not matter, and the flow is followed to ½ ln SNR = 2:
// the last step, to the clean map, has no order.
func TestDPMSolverOrder(t *testing.T) {
	betas := make([]float64, 100_000)
	for i := range betas {
		betas[i] = linspace(1e-6, 2e-4, len(betas), i)
	}
	s, err := NewSchedule(betas)
	if err != nil {
		t.Fatal(err)
	}
	d := GaussianDenoiser(s, mu, sd)
	r := Request{Pixels: 64, ConditionDim: 1, Theta: make([]float32, 4), Seed: 1}
	first, last := s.halfLogSNR(Step(s.Steps())), 2.0
	scale := func(t Step) float64 { return math.Sqrt(s.AlphaBar(t)*sd*sd + 1 - s.AlphaBar(t)) }
	var x, y []float64
	for _, steps := range []int{48, 96, 192, 384} {
		times := make([]Step, steps+1)
		for i := range times {
			times[i] = s.withHalfLogSNR(linspace(first, last, steps+1, i))
		}
		st, err := r.start()
		if err != nil {
			t.Fatal(err)
		}
		start, from, to := wide(st.x), times[0], times[steps]
		if _, err := st.follow(context.Background(), d, DPMSolver{}.along(s, times)); err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for i, x := range st.x {
			want := math.Sqrt(s.AlphaBar(to))*mu +
				scale(to)*(start[i]-math.Sqrt(s.AlphaBar(from))*mu)/scale(from)
			worst = max(worst, math.Abs(float64(x)-want))
		}
		t.Logf("%d steps: error %.6f", steps, worst)
		x, y = append(x, math.Log(float64(steps))), append(y, math.Log(worst))
	}
	// The share of the next order at 48 steps lets the fitted slope miss −2 by 0.1.
	if _, slope := stat.LinearRegression(x, y, nil, false); math.Abs(slope+2) > 0.1 {
		t.Errorf("the error falls with slope %.3f, want −2", slope)
	}
}

// TestFullDDIMIsAncestral: with all steps and Eta = 1 a step has the mean and the variance of
// algorithm 2 of Ho et al.
func TestFullDDIMIsAncestral(t *testing.T) {
	s := Paper()
	for at := Step(s.Steps()); at >= 1; at-- {
		got := DDIM{Eta: 1}.move(s, at, at-1)
		for _, v := range [][2]float64{
			{got.X, s.ReverseMean(at, 1, 0)},
			{got.Epsilon, s.ReverseMean(at, 0, 1)},
			{got.Fresh, math.Sqrt(s.PosteriorVariance(at))},
		} {
			// 1 − ᾱ keeps 12 digits at the first step.
			if math.Abs(v[0]-v[1]) > 1e-11*math.Abs(v[1]) {
				t.Fatalf("t = %d: %v, want %v", at, v[0], v[1])
			}
		}
	}
}

// TestGaussianDenoiserIsTheMean: E[ε | x_t] minimises the squared error, so its error is
// uncorrelated with x_t and smaller than that of any other line.
func TestGaussianDenoiserIsTheMean(t *testing.T) {
	const n = 100_000
	s, step := Paper(), Step(200)
	e, x0 := TermNoise(1, 0, n), TermNoise(1, 1, n)
	b := Batch{Size: 1, Pixels: n, Xt: make([]float32, n), Timestep: []float32{step.Timestep()}}
	for i := range e {
		b.Xt[i] = float32(s.Noised(step, mu+sd*float64(x0[i]), float64(e[i])))
	}
	predicted, err := GaussianDenoiser(s, mu, sd)(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	offset, slope := stat.LinearRegression(wide(predicted), wide(e), nil, false)
	// Residuals have variance at most 1, predictions about 0.5: standard errors of the fit are below
	// 0.005.
	if math.Abs(offset) > 0.015 || math.Abs(slope-1) > 0.02 {
		t.Errorf("ε regressed on its prediction: %.4f + %.4f·ε*, want 0 + 1·ε*", offset, slope)
	}
}

// TestTrapezoidKeepsSmallScales: pixels that scatter by three times the noise of the last time have
// a tenth of their variance less where the last step is the clean map, and all of it by the
// trapezoidal rule; wide ones, which have fresh noise at early times alone here, do not care. By
// the recursion of the solver's own coefficients; four standard errors of the variance are 0.007.
func TestTrapezoidKeepsSmallScales(t *testing.T) {
	s := Paper()
	for _, c := range []struct {
		variance  float64
		trapezoid bool
		want      float64
	}{
		{0.001, false, 0.911}, {0.001, true, 1.004}, {0.3, false, 1.013}, {0.3, true, 1.013},
	} {
		m := DPMSolver{Steps: 25, Eta: 1, ChurnMin: 100, Trapezoid: c.trapezoid}
		r := Request{Pixels: 6400, ConditionDim: 1, Theta: make([]float32, 100), Seed: 1}
		x, err := m.Sample(context.Background(), GaussianDenoiser(s, 0, math.Sqrt(c.variance)), s, r)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, v := range x {
			sum += float64(v) * float64(v)
		}
		if got := sum / float64(len(x)) / c.variance; math.Abs(got-c.want) > 0.007 {
			t.Errorf("%+v: variance %.4f of %g, want %.3f", m, got, c.variance, c.want)
		}
	}
}
