package diffusion

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"
)

// TestMapDependsOnItsNumberAlone samples five maps at once, one by one and in the middle.
func TestMapDependsOnItsNumberAlone(t *testing.T) {
	s := linear(50)
	d := GaussianDenoiser(s, mu, sd)
	const pixels = 7
	sample := func(m Sampler, first, size int) []float32 {
		x, err := m.Sample(context.Background(), d, s,
			Request{Pixels: pixels, ConditionDim: 2, Theta: make([]float32, 2*size), Seed: 5, First: first})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for _, m := range []Sampler{
		DDIM{Steps: 10},
		DDIM{Steps: 10, Eta: 1},
		DPMSolver{Steps: 10},
		DPMSolver{Steps: 10, Eta: 1},
	} {
		all := sample(m, 0, 5)
		for i := range 5 {
			if got := sample(m, i, 1); !slices.Equal(got, all[i*pixels:(i+1)*pixels]) {
				t.Errorf("%T: map %d alone differs from map %d of five", m, i, i)
			}
		}
		if got := sample(m, 2, 3); !slices.Equal(got, all[2*pixels:]) {
			t.Errorf("%T: maps 2…4 together differ from those of five", m)
		}
		if slices.Equal(all[:pixels], all[pixels:2*pixels]) {
			t.Errorf("%T: maps 0 and 1 are equal", m)
		}
	}
}

// TestFreshNoiseStopsAtItsBound: a bound of T leaves none, and one between makes maps of its own.
func TestFreshNoiseStopsAtItsBound(t *testing.T) {
	s := linear(50)
	for name, with := range map[string]func(eta float64, above Step) Sampler{
		"DDIM": func(eta float64, above Step) Sampler {
			return DDIM{Steps: 10, Eta: eta, ChurnMin: above}
		},
		"DPMSolver": func(eta float64, above Step) Sampler {
			return DPMSolver{Steps: 10, Eta: eta, ChurnMin: above}
		},
	} {
		sample := func(eta float64, above Step) []float32 {
			x, err := with(eta, above).Sample(context.Background(), GaussianDenoiser(s, mu, sd), s,
				Request{Pixels: 9, ConditionDim: 1, Theta: make([]float32, 3), Seed: 5})
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		flow, noisy, between := sample(0, 0), sample(1, 0), sample(1, 20)
		if got := sample(1, 50); !slices.Equal(got, flow) {
			t.Errorf("%s: noise above T alone differs from none", name)
		}
		if slices.Equal(between, flow) || slices.Equal(between, noisy) {
			t.Errorf("%s: noise above t = 20 makes the maps of none or of all", name)
		}
	}
}

func TestTimesFallToTheCleanMap(t *testing.T) {
	s := Paper()
	for _, g := range []Spacing{UniformTime, UniformLogSNR} {
		for _, steps := range []int{1, 2, 3, 7, 25, 600, 999, 1000} {
			times := g.times(s, steps)
			if len(times) != steps+1 || times[0] != 1000 || times[steps] != 0 {
				t.Errorf("%s, %d steps: %d times from %d to %d, want %d from 1000 to 0", g, steps, len(times),
					times[0], times[steps], steps+1)
			}
			for i := range steps {
				if times[i+1] >= times[i] {
					t.Errorf("%s, %d steps: times do not fall at %d → %d", g, steps, times[i], times[i+1])
				}
			}
		}
	}
}

// TestUniformLogSNR: where no times collide, the steps in ln SNR are equal but for rounding.
func TestUniformLogSNR(t *testing.T) {
	s := Paper()
	times := UniformLogSNR.times(s, 12)
	first, last := s.halfLogSNR(1000), s.halfLogSNR(1)
	for i, at := range times[:12] {
		want := first + (last-first)*float64(i)/11
		// half of ½ ln SNR's largest jump, from t = 2 to 1
		if d := math.Abs(s.halfLogSNR(at) - want); d > 0.2 {
			t.Errorf("time %d is %d with ½ ln SNR = %.3f, want %.3f", i, at, s.halfLogSNR(at), want)
		}
	}
}

// TestNetworkIsFedTheTimestep: 999 first, 0 last, and each row of θ with its map.
func TestNetworkIsFedTheTimestep(t *testing.T) {
	s := Paper()
	var seen []float32
	spy := func(_ context.Context, b Batch) ([]float32, error) {
		seen = append(seen, b.Timestep[0])
		if b.Size != 2 || b.Pixels != 3 || b.Timestep[1] != b.Timestep[0] ||
			!slices.Equal(b.Theta, []float32{1, 2, 3, 4}) {
			t.Fatalf("batch %+v", b)
		}
		return make([]float32, 6), nil
	}
	steps := 0
	r := Request{
		Pixels: 3, ConditionDim: 2, Theta: []float32{1, 2, 3, 4},
		Progress: func(done, all int) {
			steps++
			if done != steps || all != 1000 {
				t.Errorf("progress %d of %d after %d steps", done, all, steps)
			}
		},
	}
	if _, err := (DDIM{Steps: s.Steps(), Eta: 1}).Sample(context.Background(), spy, s, r); err != nil {
		t.Fatal(err)
	}
	if len(seen) != s.Steps() || seen[0] != 999 || seen[999] != 0 || steps != 1000 {
		t.Errorf("%d calls from index %g to %g, %d reports", len(seen), seen[0], seen[len(seen)-1], steps)
	}
}

func TestSamplersRefuse(t *testing.T) {
	s := linear(30)
	good := Request{Pixels: 2, ConditionDim: 2, Theta: make([]float32, 2)}
	still := GaussianDenoiser(s, mu, sd)
	broken := errors.New("broken")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		m      Sampler
		d      Denoiser
		r      Request
		reason string
	}{
		"no steps":       {m: DDIM{}, reason: "Steps = 0"},
		"too many steps": {m: DDIM{Steps: 31}, reason: "Steps = 31"},
		"no DPM steps":   {m: DPMSolver{}, reason: "DPMSolver.Steps = 0"},
		"too much noise": {m: DPMSolver{Steps: 3, Eta: 2}, reason: "DPMSolver.Eta = 2"},
		"noise below 0":  {m: DPMSolver{Steps: 3, ChurnMin: -1}, reason: "DPMSolver.ChurnMin = -1"},
		"noise beyond T": {m: DDIM{Steps: 3, ChurnMin: 31}, reason: "DDIM.ChurnMin = 31"},
		"strange times": {
			m:      DPMSolver{Steps: 3, Spacing: "sometimes"},
			reason: `"sometimes", want time or log-snr`,
		},
		"noise NaN": {m: DDIM{Steps: 5, Eta: math.NaN()}, reason: "Eta = NaN"},
		"no maps":   {r: Request{Pixels: 2, ConditionDim: 2}, reason: "at least one map"},
		"half a row": {
			r:      Request{Pixels: 2, ConditionDim: 2, Theta: make([]float32, 3)},
			reason: "whole rows",
		},
		"broken network": {
			d:      func(context.Context, Batch) ([]float32, error) { return nil, broken },
			reason: "broken",
		},
		"NaN": {d: func(context.Context, Batch) ([]float32, error) {
			return []float32{0, float32(math.NaN())}, nil
		}, reason: ErrDiverged.Error()},
		"cancelled": {ctx: cancelled, reason: context.Canceled.Error()},
	} {
		if c.ctx == nil {
			c.ctx = context.Background()
		}
		if c.m == nil {
			c.m = DDIM{Steps: s.Steps(), Eta: 1}
		}
		if c.d == nil {
			c.d = still
		}
		if c.r.Pixels == 0 {
			c.r = good
		}
		if _, err := c.m.Sample(c.ctx, c.d, s, c.r); err == nil ||
			!strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: error %v, want it to say %q", name, err, c.reason)
		}
	}
}

// TestNoise: moments of 10⁵ numbers within four standard errors, and no correlation between
// neighbouring streams.
func TestNoise(t *testing.T) {
	const n = 100_000
	a := wide(TermNoise(7, 3, n))
	mean, variance := stat.MeanVariance(a, nil)
	if math.Abs(mean) > 4/math.Sqrt(n) || math.Abs(variance-1) > 4*math.Sqrt(2.0/n) {
		t.Errorf("mean %.4f and variance %.4f, want 0 and 1", mean, variance)
	}
	for name, other := range map[string][]float32{
		"next term": TermNoise(7, 4, n), "next seed": TermNoise(8, 3, n),
		"seed and term exchanged": TermNoise(3, 7, n),
	} {
		if r := stat.Correlation(a, wide(other), nil); math.Abs(r) > 4/math.Sqrt(n) {
			t.Errorf("%s: correlation %.4f, want 0", name, r)
		}
	}
	if !slices.Equal(TermNoise(7, 3, 5), TermNoise(7, 3, 9)[:5]) {
		t.Error("the noise of a term depends on the number of pixels")
	}
}

// TestNoiseIsPinned forbids changes to the streams: stored maps and likelihoods could no longer
// be made again.
func TestNoiseIsPinned(t *testing.T) {
	st, err := (Request{Pixels: 2, ConditionDim: 1, Theta: []float32{0}, Seed: 42, First: 3}).start()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := TermNoise(42, 5, 3),
		[]float32{1.2385297, -0.29279003, -0.4031659}; !slices.Equal(got, want) {
		t.Errorf("TermNoise(42, 5) = %v, was %v", got, want)
	}
	if got, want := st.x, []float32{1.224312, 0.768486}; !slices.Equal(got, want) {
		t.Errorf("start of map 3 with seed 42 = %v, was %v", got, want)
	}
}

func BenchmarkHost(b *testing.B) {
	s := Paper()
	e := make([]float32, 20*64*64)
	st, err := (Request{Pixels: 64 * 64, ConditionDim: 1, Theta: make([]float32, 20)}).start()
	if err != nil {
		b.Fatal(err)
	}
	clean := make([]float32, len(e))
	for b.Loop() {
		st.take(DDIM{Eta: 1}.move(s, 500, 499), e, clean, clean)
	}
}
