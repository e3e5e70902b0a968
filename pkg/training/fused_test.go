package training

import (
	"context"
	"math"
	"testing"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/tracking"
)

// TestFusedSteps: one graph a step gives the weights and the losses of gradient and updates up to
// rounding, with both optimisers, and an interrupted run goes on to the same bytes.
func TestFusedSteps(t *testing.T) {
	for _, optimiser := range []Optimiser{AdamOptimiser, MuonOptimiser} {
		made := map[bool]checkpoint.Tensors{}
		losses := map[bool][]tracking.Record{}
		dirs := map[bool]string{}
		for _, fused := range []bool{false, true} {
			j := job(t.TempDir())
			j.Config.Fused, j.Config.Optimiser, j.Config.ClipNorm = fused, optimiser, 0.5
			r, err := train(t, context.Background(), j)
			if err != nil {
				t.Fatal(err)
			}
			c, err := checkpoint.Load(r.Checkpoint)
			if err != nil {
				t.Fatal(err)
			}
			made[fused], losses[fused], dirs[fused] = c.Tensors, values(t, j.Dir), j.Dir
		}
		for name, a := range made[false] {
			for i, v := range made[true][name].Data {
				if d := math.Abs(float64(v - a.Data[i])); d > 2e-4 {
					t.Fatalf("%q: entry %d of %s is %g fused, %g split", optimiser, i, name, v, a.Data[i])
				}
			}
		}
		for i, r := range losses[false] {
			got, want := losses[true][i].Values[tracking.Loss], r.Values[tracking.Loss]
			if losses[true][i].Step != r.Step || math.Abs(got-want) > 1e-4 {
				t.Errorf("%q: record %d: step %d, loss %g fused; step %d, loss %g split", optimiser, i,
					losses[true][i].Step, got, r.Step, want)
			}
		}
		j := job(t.TempDir())
		j.Config.Fused, j.Config.Optimiser, j.Config.ClipNorm = true, optimiser, 0.5
		ctx, cancel := context.WithCancel(context.Background())
		j.Report = func(p Progress) {
			if p.Step == 7 {
				cancel()
			}
		}
		if _, err := train(t, ctx, j); err == nil {
			t.Fatal("the run was not interrupted")
		}
		j.Report = nil
		if _, err := train(t, context.Background(), j); err != nil {
			t.Fatal(err)
		}
		if string(last(t, j.Dir)) != string(last(t, dirs[true])) {
			t.Errorf("%q: the resumed run has other tensors than the unbroken one", optimiser)
		}
	}
}
