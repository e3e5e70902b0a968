package hmc

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func quick() Config {
	c := Default()
	c.Warmup, c.Draws = 60, 40
	return c
}

// TestResume: a sampling stopped at any iteration, written as JSON and read again ends with the
// same draws, to the last bit.
func TestResume(t *testing.T) {
	whole, err := sampled(context.Background(), narrow.at, prior, quick())
	if err != nil {
		t.Fatal(err)
	}
	for _, stop := range []int{1, 9, 20, 40, 60, 75} {
		s, err := NewState(prior, quick(), nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		err = s.Run(ctx, narrow.at, func(p Progress) {
			if p.Done == stop {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) || s.Iteration != stop {
			t.Fatalf("stopped at %d of %d: %v", s.Iteration, stop, err)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var again State
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		if err := again.Run(context.Background(), narrow.at, nil); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(whole, again.Result()); d != "" {
			t.Errorf("stopped at %d: %s", stop, d)
		}
	}
}

// TestFailureLeavesWhole: an error in the middle of a trajectory leaves the state after the last
// whole iteration, and it goes on from there.
func TestFailureLeavesWhole(t *testing.T) {
	whole, err := sampled(context.Background(), narrow.at, prior, quick())
	if err != nil {
		t.Fatal(err)
	}
	lost := errors.New("device lost")
	s, err := NewState(prior, quick(), nil)
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	flaky := func(ctx context.Context, points [][]float64) ([]float64, [][]float64, error) {
		if calls++; calls%17 == 0 {
			return nil, nil, lost
		}
		return narrow.at(ctx, points)
	}
	failures := 0
	for err := s.Run(context.Background(), flaky, nil); err != nil; err = s.Run(context.Background(),
		flaky, nil) {
		if !errors.Is(err, lost) {
			t.Fatal(err)
		}
		failures++
	}
	if d := cmp.Diff(whole, s.Result()); d != "" || failures == 0 {
		t.Errorf("after %d failures: %s", failures, d)
	}
}

// TestChainsDoNotDisturb: from one step and mass on, a chain's draws do not depend on how many
// others there are.
func TestChainsDoNotDisturb(t *testing.T) {
	draws := func(chains int) [][]float64 {
		c := quick()
		c.Chains = chains
		s, err := NewState(prior, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.start(context.Background(), target{narrow.at, prior}); err != nil {
			t.Fatal(err)
		}
		s.Iteration, s.Search, s.Step = c.Warmup, false, startStep(0.02)
		if err := s.Run(context.Background(), narrow.at, nil); err != nil {
			t.Fatal(err)
		}
		return s.Draws[1]
	}
	if d := cmp.Diff(draws(2), draws(5)); d != "" {
		t.Error(d)
	}
}

// TestNotFinite: where the density has no value chains turn back and say so; a start there is an
// error.
func TestNotFinite(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		hole := func(ctx context.Context, points [][]float64) ([]float64, [][]float64, error) {
			logp, grad, err := narrow.at(ctx, points)
			for c, p := range points {
				if p[0] > narrow.mean[0] {
					logp[c] = bad
				}
			}
			return logp, grad, err
		}
		s, err := NewState(prior, Config{
			Chains: 2, Warmup: 100, Draws: 100, Acceptance: 0.8, Path: 1,
			MaxSteps: 5,
		}, [][]float64{{0.3, 0.8}, {0.29, 0.82}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(context.Background(), hole, nil); err != nil {
			t.Fatal(err)
		}
		for c, chain := range s.Draws {
			if s.Divergences[c] == 0 {
				t.Errorf("%g: no divergences of chain %d", bad, c)
			}
			for _, x := range chain {
				if !(x[0] <= narrow.mean[0]) {
					t.Fatalf("%g: a draw at %v, where there is no density", bad, x)
				}
			}
		}
		s, err = NewState(prior, quick(), [][]float64{{0.3, 0.8}, {0.3, 0.8}, {0.3, 0.8}, {0.4, 0.8}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(context.Background(), hole, nil); err == nil {
			t.Errorf("%g: a start without a density was accepted", bad)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, b := range []Box{
		{},
		{Low: []float64{0}, High: []float64{0}},
		{Low: []float64{0, 1}, High: []float64{1}},
		{Low: []float64{math.NaN()}, High: []float64{1}},
	} {
		if _, err := NewState(b, Default(), nil); err == nil {
			t.Errorf("box %v was accepted", b)
		}
	}
	var field *FieldError
	if err := (Config{Acceptance: math.NaN(), Path: math.Inf(1)}).Validate(); !errors.As(err, &field) {
		t.Errorf("an empty Config gave %v", err)
	}
	for _, starts := range [][][]float64{
		{{0.3, 0.8}},
		{{0.1, 0.8}, {0.3, 0.8}, {0.3, 0.8}, {0.3, 0.8}},
		{{0.3}, {0.3}, {0.3}, {0.3}},
	} {
		if _, err := NewState(prior, Default(), starts); err == nil {
			t.Errorf("starts %v were accepted", starts)
		}
	}
	if _, err := sampled(context.Background(), func(context.Context, [][]float64) ([]float64,
		[][]float64, error,
	) {
		return []float64{1}, nil, nil
	}, prior, Default()); err == nil {
		t.Error("one result for four points was accepted")
	}
	s, _ := NewState(prior, Default(), nil)
	s.Mass = s.Mass[:1]
	if s.Run(context.Background(), narrow.at, nil) == nil {
		t.Error("a state without a mass was accepted")
	}
}
