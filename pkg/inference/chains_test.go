package inference

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"darkfield/pkg/calibration"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/heldout"
	"darkfield/pkg/heldout/whitenoise"
	"darkfield/pkg/hmc"
	"darkfield/pkg/likelihood"
)

// pairSlopes are the derivatives of pairTerms, weighted; for a parameter θ, du/dθ =
// 1/(θ·ln(max/min)).
func pairSlopes(factors [2]float64) Gradients {
	prior := cosmology.CAMELSPrior()
	length := [2]float64{
		math.Log(prior.Max.OmegaM / prior.Min.OmegaM),
		math.Log(prior.Max.Sigma8 / prior.Min.Sigma8),
	}
	return func(m field.LogMap, terms []diffusion.Term, weights []float64, _ []uint64) func(
		context.Context, []cosmology.Params) ([]float64, [][]float64, error) {
		return func(ctx context.Context, thetas []cosmology.Params) ([]float64, [][]float64, error) {
			values, grads := make([]float64, len(thetas)), make([][]float64, len(thetas))
			for i, p := range thetas {
				grads[i] = make([]float64, 2)
				for j, t := range terms {
					for k, at := range logUnits(p) {
						sigma := pairErrors[t][k]
						z := (at - float64(m.Values[2*int(t)+k])) / sigma
						values[i] += weights[j] * factors[t] * z * z / 2
						grads[i][k] += weights[j] * factors[t] * z / sigma / length[k] /
							[2]float64{p.OmegaM, p.Sigma8}[k]
					}
				}
			}
			return values, grads, ctx.Err()
		}
	}
}

// chainsProblem is a map with a posterior well inside the prior, and its grid.
func chainsProblem(t *testing.T) (Likelihood, field.LogMap, Calibration, Constraint) {
	t.Helper()
	factors := [2]float64{9, 9}
	s := Likelihood{
		Data: heldout.Data{
			Prior: cosmology.CAMELSPrior(), Checkpoint: heldout.Checkpoint{Network: "hash"},
		}, Terms: pairTerms(factors),
		Gradients: pairSlopes(factors),
	}
	m := field.LogMap{Box: field.Box{Side: 25, Cells: 2}, Values: []float32{0.5, 0.45, 0.55, 0.5}}
	cal := Uncalibrated(s.Checkpoint.Hash, s.Prior, pairConfig().Bound)
	// to 1 each
	cal.Bound.Quadrature.Weights, cal.Weights, cal.Temperature = []float64{0.5, 2}, []float64{4, 1}, 2
	cal.Offset = calibration.Offset{9, -6, 2, 1, 3}
	b, err := s.BoundOf(ctx, cal.Bound, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	one, err := cal.Constrain(b)
	if err != nil {
		t.Fatal(err)
	}
	return s, m, cal, one
}

// TestChainsAgreeWithTheGrid: with at least 400 effective draws a mean is good to 1/√400 = 0.05
// standard deviations and a width to 1/√800 = 3.5 %, three times of which are allowed.
func TestChainsAgreeWithTheGrid(t *testing.T) {
	s, m, cal, grid := chainsProblem(t)
	c := hmc.Default()
	c.Draws = 600
	last := 0
	chains, err := s.SampleChains(ctx, m, cal, c, grid, "",
		func(p hmc.Progress) { last = p.Done })
	if err != nil {
		t.Fatal(err)
	}
	if !chains.Converged() || last != c.Warmup+c.Draws {
		t.Errorf("diagnosis %+v after %d iterations", chains.Diagnosis, last)
	}
	for k, want := range []likelihood.Marginal{grid.OmegaM, grid.Sigma8} {
		got := chains.Diagnosis[k]
		if math.Abs(got.Mean-want.Mean) > 0.15*want.Std || math.Abs(got.Std/want.Std-1) > 0.1 {
			t.Errorf("parameter %d: chains %.4f ± %.4f, grid %.4f ± %.4f", k, got.Mean, got.Std,
				want.Mean, want.Std)
		}
	}
	whitenoise.CheckCSV(t, chains.WriteCSV, c.Chains*c.Draws)
}

// TestInterruptedChainsGoOn: the draws are those of a sampling without the break, also where more
// are asked for; a state of something else is refused.
func TestInterruptedChainsGoOn(t *testing.T) {
	s, m, cal, grid := chainsProblem(t)
	c := hmc.Default()
	c.Chains, c.Warmup, c.Draws = 2, 50, 30
	sample := func(ctx context.Context, s Likelihood, m field.LogMap, c hmc.Config, path string,
		progress func(hmc.Progress),
	) (Chains, error) {
		return s.SampleChains(ctx, m, cal, c, grid, path, progress)
	}
	whole, err := sample(ctx, s, m, c, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "chains", "state.json")
	for _, stop := range []int{10, 65} {
		broken, cancel := context.WithCancel(ctx)
		_, err = sample(broken, s, m, c, path, func(p hmc.Progress) {
			if p.Done == stop {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped after %d iterations: error %v", stop, err)
		}
	}
	iterations := 0
	again, err := sample(ctx, s, m, c, path, func(hmc.Progress) { iterations++ })
	if err != nil || asJSON(t, again.Result.Draws) != asJSON(t, whole.Result.Draws) {
		t.Errorf("%v, or other draws after a break", err)
	}
	if iterations != c.Warmup+c.Draws-65 {
		t.Errorf("%d iterations after the break, want %d", iterations, c.Warmup+c.Draws-65)
	}
	longer := c
	longer.Draws = 40
	if whole, err = sample(ctx, s, m, longer, "", nil); err != nil {
		t.Fatal(err)
	}
	if again, err = sample(ctx, s, m, longer, path, nil); err != nil ||
		asJSON(t, again.Result.Draws) != asJSON(t, whole.Result.Draws) {
		t.Errorf("%v, or other draws where ten more are asked for", err)
	}
	other := m
	other.Values = append([]float32{0.6}, m.Values[1:]...)
	shorter, network := c, s
	shorter.Draws, network.Checkpoint.Network = 20, "another"
	for what, try := range map[string]func() (Chains, error){
		"another map": func() (Chains, error) { return sample(ctx, s, other, c, path, nil) },
		"network":     func() (Chains, error) { return sample(ctx, network, m, c, path, nil) },
		"settings":    func() (Chains, error) { return sample(ctx, s, m, shorter, path, nil) },
	} {
		if _, err := try(); err == nil || !strings.Contains(err.Error(), path) ||
			!strings.Contains(err.Error(), "delete it or") {
			t.Errorf("%s: error %v", what, err)
		}
	}
	for _, bad := range []string{"{", "{}", `{"state": null}`, `{"state": {}}`} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sample(ctx, s, m, c, path, nil); err == nil ||
			!strings.Contains(err.Error(), "delete it to begin anew") {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}

func TestChainsWithTooFewDraws(t *testing.T) {
	s, m, cal, grid := chainsProblem(t)
	c := hmc.Default()
	c.Draws = 3
	if _, err := s.SampleChains(ctx, m, cal, c, grid, "", nil); err == nil ||
		!strings.Contains(err.Error(), "Config.Draws = 3, want >= 4") {
		t.Errorf("error %v", err)
	}
	c.Draws = 4
	cal.Weights = cal.Weights[:1]
	if _, err := s.SampleChains(ctx, m, cal, c, grid, "", nil); err == nil ||
		!strings.Contains(err.Error(), "1 weights for 2 terms") {
		t.Errorf("error %v", err)
	}
}

// TestConvergence: both parameters must meet all limits.
func TestConvergence(t *testing.T) {
	good := hmc.Diagnosis{RHat: 1.01, BulkESS: 400, TailESS: 400}
	bad := []hmc.Diagnosis{
		{RHat: 1.02, BulkESS: 400, TailESS: 400},
		{RHat: 1, BulkESS: 399, TailESS: 400},
		{RHat: 1, BulkESS: 400, TailESS: 399},
		{RHat: math.NaN(), BulkESS: 400, TailESS: 400},
	}
	if !(Chains{Diagnosis: []hmc.Diagnosis{good, good}}).Converged() {
		t.Error("good chains have not converged")
	}
	for _, d := range bad {
		if (Chains{Diagnosis: []hmc.Diagnosis{good, d}}).Converged() ||
			(Chains{Diagnosis: []hmc.Diagnosis{d, good}}).Converged() {
			t.Errorf("%+v has converged", d)
		}
	}
}

// TestVerdict: so few draws that no chains could be quoted are not asked to be.
func TestVerdict(t *testing.T) {
	good := hmc.Diagnosis{RHat: 1, BulkESS: 500, TailESS: 500}
	few := hmc.Diagnosis{RHat: 1, BulkESS: 30, TailESS: 30}
	for want, c := range map[string]Chains{
		"have converged": {
			Diagnosis: []hmc.Diagnosis{good, good}, Config: hmc.Config{Chains: 4, Draws: 500},
		},
		"40 draws are too few to quote, which takes 400 effective ones": {
			Diagnosis: []hmc.Diagnosis{few, few}, Config: hmc.Config{Chains: 2, Draws: 20},
		},
		"ask for more draws": {
			Diagnosis: []hmc.Diagnosis{few, few}, Config: hmc.Config{Chains: 4, Draws: 500},
		},
	} {
		if got := c.Verdict(); !strings.Contains(got, want) {
			t.Errorf("verdict %q, want %q", got, want)
		}
	}
}
