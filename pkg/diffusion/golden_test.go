package diffusion

import (
	"context"
	"encoding/json"
	"math"
	"testing"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/sbinet/npyio/npz"
	"gonum.org/v1/gonum/floats/scalar"

	"darkfield/pkg/reference"
)

// golden reads arrays of the reference file, made with the code of the paper's authors.
type golden struct {
	*testing.T
	file *npz.Reader
}

func openGolden(t *testing.T) golden {
	t.Helper()
	r, err := npz.Open(reference.Path(t, "golden", "reference_dim8_side32.npz"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return golden{t, r}
}

func (g golden) floats(name string) (v []float32) {
	g.Helper()
	if err := g.file.Read(name+".npy", &v); err != nil {
		g.Fatal(name, err)
	}
	return v
}

func (g golden) scalar(name string) (v float32) {
	g.Helper()
	if err := g.file.Read(name+".npy", &v); err != nil {
		g.Fatal(name, err)
	}
	return v
}

// index returns t, the network's 0-based times.
func (g golden) index() []float32 {
	g.Helper()
	var v []int64
	if err := g.file.Read("t.npy", &v); err != nil {
		g.Fatal(err)
	}
	out := make([]float32, len(v))
	for i, n := range v {
		out[i] = float32(n)
	}
	return out
}

// TestGoldenSchedule uses 1e-6, the rounding of the reference's float32. Its posterior variance
// also inherits what 1 − ᾱ loses near t = 1 (up to 2.0e-4 at t = 3 against a schedule in
// float64), so that one is compared in single precision.
func TestGoldenSchedule(t *testing.T) {
	g, s := openGolden(t), Paper()
	compare := func(name string, f func(Step) float64, tolerance float64) {
		for i, want := range g.floats(name) {
			if got := f(Term(i).Step()); !scalar.EqualWithinAbsOrRel(got, float64(want), 0, tolerance) {
				t.Errorf("%s[%d] = %g, want %g", name, i, got, want)
			}
		}
	}
	compare("betas", s.Beta, 1e-6)
	compare("alphas_cumprod", s.AlphaBar, 1e-6)
	compare("posterior_variance", s.Single().PosteriorVariance, 1e-6)
	compare("posterior_variance", s.PosteriorVariance, 2.5e-4)
}

const goldenPixels = 32 * 32

func onGo(t testing.TB) compute.Backend {
	t.Helper()
	b, err := compute.NewWithConfig("go:ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// TestGoldenNoisedMaps uses 1e-6 in single precision. In float64 √(1 − ᾱ) differs from the
// reference's by up to 1e-6 at the first steps, times noise of up to 4.
func TestGoldenNoisedMaps(t *testing.T) {
	g := openGolden(t)
	x0, e, index, want := g.floats("x0"), g.floats("eps"), g.index(), g.floats("x_t")
	for _, c := range []struct {
		schedule  Schedule
		tolerance float64
	}{{Paper().Single(), 1e-6}, {Paper(), 5e-6}} {
		got := noisedOnGraph(t, c.schedule, x0, index, e)
		for i, w := range want {
			if math.Abs(float64(got[i]-w)) > c.tolerance {
				t.Fatalf("x_t[%d] = %g on the graph, want %g", i, got[i], w)
			}
			host := c.schedule.Noised(Step(index[i/goldenPixels])+1, float64(x0[i]), float64(e[i]))
			if math.Abs(host-float64(w)) > c.tolerance {
				t.Fatalf("x_t[%d] = %g on the host, want %g", i, host, w)
			}
		}
	}
}

func TestGoldenLosses(t *testing.T) {
	g := openGolden(t)
	exec := graph.MustNewExec(onGo(t), func(a, b *graph.Node) (*graph.Node, *graph.Node) {
		return graph.ReduceAllMean(HuberGraph(a, b)), graph.ReduceAllMean(SquareGraph(a, b))
	})
	out, err := exec.Call(g.floats("eps"), g.floats("eps_pred"))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"loss_huber", "loss_mse"} {
		got, want := out[i].Value().(float32), g.scalar(name)
		if !scalar.EqualWithinRel(float64(got), float64(want), 1e-5) {
			t.Errorf("%s = %g, want %g", name, got, want)
		}
	}
}

// replay is a denoiser that knows one answer.
func replay(predicted []float32) Denoiser {
	return func(context.Context, Batch) ([]float32, error) { return predicted, nil }
}

// TestGoldenBound needs no network where the file holds the prediction: L_0 of the first map (its
// index is 0, its noise the one of the bound), and L_T.
func TestGoldenBound(t *testing.T) {
	g, s := openGolden(t), Paper()
	var raw []uint8
	if err := g.file.Read("vlb_json.npy", &raw); err != nil {
		t.Fatal(err)
	}
	var want map[string]float64
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	first := func(name string) []float32 { return g.floats(name)[:goldenPixels] }
	x0, e, predicted, y := first("x0"), first("eps"), first("eps_pred"), g.floats("y")[:2]
	values, err := oneTerm(s, replay(predicted), 0, x0, e, y, 2)
	if err != nil {
		t.Fatal(err)
	}
	// From a float64 schedule L_0 is −3265.7210; the reference loses digits in float32. eps_pred is
	// good to 2e-5.
	if !scalar.EqualWithinRel(values[0], want["L0"], 5e-4) ||
		!scalar.EqualWithinAbs(values[0], -3265.7210, 0.01) {
		t.Errorf("L_0 = %.4f, want %.4f (reference) and -3265.7210 (float64 schedule)",
			values[0], want["L0"])
	}
	if got := s.LastTerm(x0); !scalar.EqualWithinRel(got, want["LT"], 5e-4) ||
		!scalar.EqualWithinAbs(got, 0.0155602, 1e-7) {
		t.Errorf("L_T = %.7f, want %.7f (reference) and 0.0155602 (float64 schedule)", got, want["LT"])
	}
}

func TestGoldenReverseStep(t *testing.T) {
	g, s := openGolden(t), Paper()
	last := func(name string) []float32 { return g.floats(name)[3*goldenPixels:] }
	n := Term(250).Step()
	xt, predicted, noise := last("x_t"), last("eps_pred"), g.floats("eps")[:goldenPixels]
	for i, want := range g.floats("reverse_step_t250") {
		got := s.ReverseMean(n, float64(xt[i]), float64(predicted[i])) +
			math.Sqrt(s.PosteriorVariance(n))*float64(noise[i])
		if math.Abs(got-float64(want)) > 1e-5 {
			t.Fatalf("pixel %d = %g, want %g", i, got, want)
		}
	}
}
