package diffusion

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"
	"pgregory.net/rapid"
)

// linear returns the schedule of Ho et al., β from 10⁻⁴ to 0.02 over 1000 steps, squeezed into
// the given number of steps.
func linear(steps int) Schedule {
	betas := make([]float64, steps)
	for i := range betas {
		betas[i] = linspace(1e-4, 0.02, steps, i) * 1000 / float64(steps)
	}
	s, err := NewSchedule(betas)
	if err != nil {
		panic(err)
	}
	return s
}

func TestPaperSchedule(t *testing.T) {
	s := Paper()
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"T", float64(s.Steps()), 1000},
		{"β_0", s.Beta(0), 0},
		{"ᾱ_0", s.AlphaBar(0), 1},
		{"β_1", s.Beta(1), 1e-4},
		{"β_500", s.Beta(500), 1e-4 + 0.0099*499/999},
		{"β_501", s.Beta(501), 1e-4 + 0.0099*500/999},
		{"β_1000", s.Beta(1000), 0.03},
	} {
		if !scalar.EqualWithinAbsOrRel(c.got, c.want, 1e-15, 1e-14) {
			t.Errorf("%s = %.16g, want %.16g", c.name, c.got, c.want)
		}
	}
}

// anySchedule draws betas that no one would train with, too.
func anySchedule(t *rapid.T) Schedule {
	s, err := NewSchedule(rapid.SliceOfN(rapid.Float64Range(1e-6, 0.5), 1, 60).Draw(t, "betas"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestScheduleLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySchedule(t)
		for n := Step(1); n <= Step(s.Steps()); n++ {
			if !(s.AlphaBar(n) < s.AlphaBar(n-1)) || !(s.SNR(n) < s.SNR(n-1)) {
				t.Fatalf("ᾱ or the signal-to-noise ratio does not fall at step %d", n)
			}
			if v := s.PosteriorVariance(n); v < 0 || v >= s.Beta(n) {
				t.Fatalf("posterior variance %g at step %d, want it in [0, β = %g)", v, n, s.Beta(n))
			}
		}
		if s.PosteriorVariance(1) != 0 {
			t.Fatalf("posterior variance at step 1 = %g, want 0: x_0 is known", s.PosteriorVariance(1))
		}
	})
}

// TestPosteriorIsBayes multiplies q(x_{t−1} | x_0) and q(x_t | x_{t−1}), two Gaussians in x_{t−1}.
func TestPosteriorIsBayes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySchedule(t)
		if s.Steps() < 2 {
			return
		}
		n := Step(rapid.IntRange(2, s.Steps()).Draw(t, "t"))
		xt, x0 := rapid.Float64Range(-3, 3).Draw(t, "x_t"), rapid.Float64Range(-1, 1).Draw(t, "x_0")
		prior, likelihood := 1/(1-s.AlphaBar(n-1)), s.Alpha(n)/s.Beta(n)
		variance := 1 / (prior + likelihood)
		mean := variance * (prior*math.Sqrt(s.AlphaBar(n-1))*x0 + likelihood*xt/math.Sqrt(s.Alpha(n)))
		if got := s.PosteriorVariance(n); !scalar.EqualWithinRel(got, variance, 1e-8) {
			t.Fatalf("variance = %g, want %g", got, variance)
		}
		if got := s.PosteriorMean(n, xt, x0); !scalar.EqualWithinAbs(got, mean, 1e-8) {
			t.Fatalf("mean = %g, want %g", got, mean)
		}
	})
}

// TestParametrisationsAgree states one prediction as noise and as the clean map that the noise
// implies.
func TestParametrisationsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySchedule(t)
		n := Step(rapid.IntRange(1, s.Steps()).Draw(t, "t"))
		x0, e := rapid.Float64Range(-2, 2).Draw(t, "x_0"), rapid.Float64Range(-4, 4).Draw(t, "ε")
		if s.AlphaBar(n) < 1e-6 { // dividing by it loses the digits that this test looks at
			return
		}
		xt := s.Noised(n, x0, e)
		if got := s.Clean(n, xt, e); !scalar.EqualWithinAbs(got, x0, 1e-9) {
			t.Fatalf("Clean∘Noised = %g, want %g", got, x0)
		}
		if got, want := s.ReverseMean(n, xt, e), s.PosteriorMean(n, xt, x0); !scalar.EqualWithinAbs(got,
			want, 1e-8) {
			t.Fatalf("mean from the noise %g, from the clean map %g", got, want)
		}
	})
}

func TestScheduleRefuses(t *testing.T) {
	for _, betas := range [][]float64{nil, {0}, {0.1, 1}, {-0.1}, {0.1, math.NaN()}} {
		if _, err := NewSchedule(betas); err == nil {
			t.Errorf("NewSchedule(%v): no error", betas)
		}
	}
	if _, err := Named("cosine", nil); err == nil || !strings.Contains(err.Error(), `"cosine"`) {
		t.Errorf("Named(cosine): %v, want an error that names it", err)
	}
	if s, err := Named(PaperName, nil); err != nil || !slices.Equal(s.beta, Paper().beta) {
		t.Errorf("Named(%s) is not the paper's: %v", PaperName, err)
	}
}

// TestOwnVariances: a schedule is its numbers; a name beside them that says otherwise is refused.
func TestOwnVariances(t *testing.T) {
	betas := []float64{1e-4, 1e-3, 1e-2, 0.1, 0.5}
	s, err := Named(OwnName, betas)
	if err != nil || !slices.Equal(s.beta[1:], betas) {
		t.Errorf("schedule %v, error %v, want the variances %v", s, err, betas)
	}
	for _, c := range []struct {
		name  string
		betas []float64
		want  string
	}{
		{OwnName, nil, "at least 4"},
		{OwnName, []float64{0.9, 0.999}, "at least 4"},
		{
			PaperName, betas,
			"5 variances of its own",
		},
		{OwnName, []float64{0.1, 0.1, 0, 0.1}, "step 3"},
		{
			OwnName,
			[]float64{0.1, 0.1, 0.1, 1},
			"step 4",
		},
		{OwnName, []float64{0.1, 0.1, 0.1, math.NaN()}, "step 4"},
	} {
		if _, err := Named(c.name, c.betas); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: error = %v, want %q in it", c.name, c.betas, err, c.want)
		}
	}
	if !Paper().Near(Paper().Single(), 1e-7) || s.Near(Paper(), 1) {
		t.Error("the paper's schedule is not near itself, or another is")
	}
	other := slices.Clone(Paper().beta[1:])
	other[499] *= 1 + 2e-6
	if near, err := NewSchedule(other); err != nil || near.Near(Paper(), 1e-6) || !near.Near(Paper(),
		3e-6) {
		t.Errorf("a variance off by 2e-6 of itself is not told: %v", err)
	}
}

// TestKnownSchedules: the schedules of Ho et al. and of Nichol and Dhariwal have the variances that
// their papers say.
func TestKnownSchedules(t *testing.T) {
	linear, err := Linear(1000, 1e-4, 0.02)
	if err != nil {
		t.Fatal(err)
	}
	if b := linear.Betas(); b[0] != 1e-4 || b[999] != 0.02 ||
		math.Abs(b[333]-(1e-4+0.0199/3)) > 1e-12 {
		t.Errorf("linear: %g, %g, …, %g", b[0], b[333], b[999])
	}
	const steps = 400
	cosine, err := Cosine(steps)
	if err != nil {
		t.Fatal(err)
	}
	start := math.Pow(math.Cos(math.Pi/2*0.008/1.008), 2)
	for _, step := range []Step{1, 100, 200, 399} {
		want := math.Pow(math.Cos(math.Pi/2*(float64(step)/steps+0.008)/1.008), 2) / start
		if got := cosine.AlphaBar(step); math.Abs(got-want) > 1e-12 {
			t.Errorf("cosine: ᾱ_%d = %g, want %g", step, got, want)
		}
	}
	if last := cosine.Beta(steps); last != 0.999 {
		t.Errorf("cosine: last variance %g, want 0.999", last)
	}
	if _, err := Cosine(0); err == nil {
		t.Error("a schedule of no steps is accepted")
	}
}
