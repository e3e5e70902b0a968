package diffusion

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
)

// trial is the exact denoiser for N(mu, σ²) with σ read from θ: a network that is perfect at
// every θ.
func trial(s Schedule) Denoiser {
	return func(ctx context.Context, b Batch) ([]float32, error) {
		var out []float32
		for i := range b.Size {
			one := Batch{
				Size: 1, Pixels: b.Pixels, Xt: b.Xt[i*b.Pixels : (i+1)*b.Pixels],
				Timestep: b.Timestep[i : i+1],
			}
			e, err := GaussianDenoiser(s, mu, float64(b.Theta[i]))(ctx, one)
			if err != nil {
				return nil, err
			}
			out = append(out, e...)
		}
		return out, nil
	}
}

// oneTerm returns one term for many θ, two rows at a time.
func oneTerm(s Schedule, d Denoiser, term Term, x0, epsilon, theta []float32,
	thetas int,
) ([]float64, error) {
	values, err := s.BoundTerms(context.Background(), d, []Draw{{Term: term, Epsilon: epsilon}}, x0,
		theta, thetas, 2)
	out := make([]float64, len(values))
	for i, row := range values {
		out[i] = row[0]
	}
	return out, err
}

// gaussianBound returns bound and −log p of one map of N(mu, sd²) pixels for each σ, in nats a
// pixel.
func gaussianBound(t *testing.T, s Schedule, sigmas []float32,
	pixels int,
) (bound, exact []float64) {
	t.Helper()
	x0 := TermNoise(99, 0, pixels)
	for i := range x0 {
		x0[i] = float32(mu + sd*float64(x0[i]))
	}
	bound, exact = make([]float64, len(sigmas)), make([]float64, len(sigmas))
	for term := range Term(s.Steps()) {
		values, err := oneTerm(s, trial(s), term, x0, TermNoise(1, term, pixels), sigmas, 1)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			bound[i] += v / float64(pixels)
		}
	}
	for i, sigma := range sigmas {
		bound[i] += s.LastTerm(x0) / float64(pixels)
		v := float64(sigma) * float64(sigma)
		for _, x := range x0 {
			d := float64(x) - mu
			exact[i] += (d*d/v + math.Log(2*math.Pi*v)) / 2 / float64(pixels)
		}
	}
	return bound, exact
}

// parabola returns minimum and curvature of y at x near its smallest value, through three points.
func parabola(x []float32, y []float64) (at, curvature float64) {
	i := min(max(slices.Index(y, slices.Min(y)), 1), len(y)-2)
	h := float64(x[i+1] - x[i])
	curvature = (y[i+1] - 2*y[i] + y[i-1]) / (h * h)
	return float64(x[i]) - (y[i+1]-y[i-1])/(2*h*curvature), curvature
}

// expectedTerm is E[L_i] a pixel for the exact denoiser of N(mu, σ²) and data of N(mu, sd²), in
// closed form.
func expectedTerm(s Schedule, term Term, sigma float64) float64 {
	n := term.Step()
	bar := s.AlphaBar(n)
	c := math.Sqrt(1-bar) / (bar*sigma*sigma + 1 - bar)
	miss := math.Pow(1-c*math.Sqrt(1-bar), 2) + c*c*bar*sd*sd          // E[(ε − ε*)²]
	miss *= s.Beta(n) * s.Beta(n) / (s.Alpha(n) * (1 - s.AlphaBar(n))) // of the means
	if term == 0 {
		return miss/(2*s.Beta(1)) + math.Log(2*math.Pi*s.Beta(1))/2
	}
	return miss / (2 * s.PosteriorVariance(n))
}

// expectedGap is how far the bound lies above −log p on average, in nats a pixel, for the true σ.
func expectedGap(s Schedule) float64 {
	bar := s.AlphaBar(Step(s.Steps()))
	gap := (bar*(mu*mu+sd*sd) - bar - math.Log1p(-bar)) / 2 // L_T
	for term := range Term(s.Steps()) {
		gap += expectedTerm(s, term, sd)
	}
	return gap - math.Log(2*math.Pi*math.E*sd*sd)/2
}

// TestBoundOfGaussian is the claim that the likelihood rests on. The bound is a loss: it lies
// above −log p (by 0.46 nat a pixel for the linear schedule), because the reverse steps' variance
// is not the best one. But its minimum is that of −log p and its curvature is 1–2 % larger. Of
// 3000 pixels the gap scatters by 0.017, mostly from L_0 and L_1; three of that are allowed. In
// differences between σ most of the scatter cancels, for they share their noise.
func TestBoundOfGaussian(t *testing.T) {
	sigmas := []float32{0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85}
	for name, s := range map[string]Schedule{"linear": linear(1000), "paper": Paper()} {
		bound, exact := gaussianBound(t, s, sigmas, 3000)
		for i, sigma := range sigmas {
			if bound[i] < exact[i] {
				t.Errorf("%s, σ = %g: bound %.4f below −log p = %.4f", name, sigma, bound[i], exact[i])
			}
		}
		gap := bound[3] - exact[3]
		at, curvature := parabola(sigmas, bound)
		wantAt, want := parabola(sigmas, exact)
		t.Logf("%s: gap %.3f nat (%.3f expected), minimum at %.4f (−log p: %.4f), curvature ratio %.3f",
			name, gap, expectedGap(s), at, wantAt, curvature/want)
		if math.Abs(gap-expectedGap(s)) > 0.05 {
			t.Errorf("%s: the bound lies %.3f nat above −log p, want %.3f", name, gap, expectedGap(s))
		}
		if math.Abs(at-wantAt) > 0.01 {
			t.Errorf("%s: minimum at σ = %.4f, that of −log p at %.4f", name, at, wantAt)
		}
		if r := curvature / want; r < 1 || r > 1.04 {
			t.Errorf("%s: curvature %.3f of that of −log p, want 1 to 1.04", name, r)
		}
	}
	// computed elsewhere, to two digits
	if gap := expectedGap(linear(1000)); math.Abs(gap-0.46) > 0.005 {
		t.Errorf("expected gap of the linear schedule %.4f nat, want 0.46", gap)
	}
}

// TestTermIsTheDivergence computes L_i from the means and variances of the two Gaussians, as the
// definition reads, for a prediction that is wrong.
func TestTermIsTheDivergence(t *testing.T) {
	s := Paper()
	x0, e, predicted := TermNoise(1, 10, 50), TermNoise(1, 11, 50), TermNoise(1, 12, 50)
	for _, term := range []Term{0, 1, 2, 20, 500, 999} {
		n := term.Step()
		want := 0.0
		for i := range x0 {
			xt := s.Noised(n, float64(x0[i]), float64(e[i]))
			q := s.PosteriorMean(n, xt, float64(x0[i]))
			p := s.PosteriorMean(n, xt, s.Clean(n, xt, float64(predicted[i])))
			if term == 0 {
				d := float64(x0[i]) - p
				want += d*d/(2*s.Beta(1)) + math.Log(2*math.Pi*s.Beta(1))/2
			} else {
				want += (q - p) * (q - p) / (2 * s.PosteriorVariance(n))
			}
		}
		got, err := oneTerm(s, replay(predicted), term, x0, e, []float32{0}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got[0]-want) > 1e-7*math.Abs(want) {
			t.Errorf("L_%d = %.9g, want %.9g", term, got[0], want)
		}
	}
}

// TestLastTermIsTheDivergence: the closed form KL[N(m, v) ‖ N(0, 1)] = (m² + v − 1 − ln v)/2.
func TestLastTermIsTheDivergence(t *testing.T) {
	s := linear(30)
	x0 := TermNoise(1, 10, 50)
	want := 0.0
	for _, x := range x0 {
		m, v := math.Sqrt(s.AlphaBar(30))*float64(x), 1-s.AlphaBar(30)
		want += (m*m + v - 1 - math.Log(v)) / 2
	}
	if got := s.LastTerm(x0); math.Abs(got-want) > 1e-12 {
		t.Errorf("L_T = %g, want %g", got, want)
	}
}

// TestThetasShareNoise: equal θ get equal values, and each θ the value it has alone.
func TestThetasShareNoise(t *testing.T) {
	s := Paper()
	x0, e := TermNoise(1, 10, 50), TermNoise(1, 11, 50)
	at := func(sigmas ...float32) []float64 {
		v, err := oneTerm(s, trial(s), 3, x0, e, sigmas, 1)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	all := at(0.5, 0.7, 0.5)
	if all[0] != all[2] || all[0] != at(0.5)[0] || all[1] != at(0.7)[0] || all[0] == all[1] {
		t.Errorf("values %v, alone %v and %v", all, at(0.5), at(0.7))
	}
}

// TestTermsTogether: terms asked for together, however many at a time, are those asked for one by
// one.
func TestTermsTogether(t *testing.T) {
	s := Paper()
	x0, sigmas := TermNoise(1, 10, 50), []float32{0.5, 0.7, 0.9, 1.1, 1.3}
	var draws []Draw
	for _, term := range []Term{0, 7, 400} {
		draws = append(draws, Draw{Term: term, Epsilon: TermNoise(3, term, 50)})
	}
	for _, rows := range []int{1, 4, 15, 100} {
		all, err := s.BoundTerms(context.Background(), trial(s), draws, x0, sigmas, 1, rows)
		if err != nil {
			t.Fatal(err)
		}
		for k, draw := range draws {
			alone, err := oneTerm(s, trial(s), draw.Term, x0, draw.Epsilon, sigmas, 1)
			if err != nil {
				t.Fatal(err)
			}
			for i := range sigmas {
				if all[i][k] != alone[i] {
					t.Errorf("%d at a time: term %d of θ %d is %g, alone %g", rows, draw.Term, i,
						all[i][k], alone[i])
				}
			}
		}
	}
}

func TestBoundRefuses(t *testing.T) {
	s := linear(30)
	x := make([]float32, 4)
	for term, reason := range map[Term]string{-1: "term -1", 30: "want 0…29"} {
		if _, err := oneTerm(s, trial(s), term, x, x, x[:1], 1); err == nil ||
			!strings.Contains(err.Error(), reason) {
			t.Errorf("term %d: error %v, want it to say %q", term, err, reason)
		}
	}
	nan := replay([]float32{0, 0, float32(math.NaN()), 0})
	if _, err := oneTerm(s, nan, 2, x, x, x[:1], 1); err == nil ||
		!strings.Contains(err.Error(), "not finite") {
		t.Errorf("a network that predicts NaN: error %v", err)
	}
}

// TestBoundAveragesToItsExpectation: for the exact denoiser of a wrong σ.
func TestBoundAveragesToItsExpectation(t *testing.T) {
	s, pixels, sigma := Paper(), 40_000, 0.5
	x0 := TermNoise(99, 0, pixels)
	for i := range x0 {
		x0[i] = float32(mu + sd*float64(x0[i]))
	}
	for _, term := range []Term{1, 10, 100, 600} {
		got, err := oneTerm(s, trial(s), term, x0, TermNoise(1, term, pixels),
			[]float32{float32(sigma)}, 1)
		if err != nil {
			t.Fatal(err)
		}
		r := got[0] / float64(pixels) / expectedTerm(s, term, sigma)
		// each pixel gives a chi² of one degree of freedom
		if math.Abs(r-1) > 4*math.Sqrt(2/float64(pixels)) {
			t.Errorf("L_%d a pixel is %.4f of its expectation", term, r)
		}
	}
}
