package evaluate

import (
	"context"
	"testing"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/heldout/whitenoise"
)

// TestNovelty: maps of a perfect emulator are as far from the training maps as held-out ones are;
// copies of training maps are found.
func TestNovelty(t *testing.T) {
	s, _ := withControl(t, &whitenoise.Counted{Stretch: 1})
	s.Data = whitenoise.Split(s.Data, 24)
	n, err := s.Novelty(ctx, smallConfig(), 60)
	if err != nil {
		t.Fatal(err)
	}
	if len(n.Rows) != 60 || n.Training != 6*camels.MapsPerSimulation {
		t.Fatalf("%d rows, %d training maps", len(n.Rows), n.Training)
	}
	if n.Smaller.P < 0.01 {
		t.Errorf("a perfect emulator copies: %+v", n.Smaller)
	}
	seen := map[int]bool{}
	for _, r := range n.Rows {
		sim := r.HeldOutMap / camels.MapsPerSimulation
		if seen[r.HeldOutMap] || sim%4 == 0 || s.Suite.Sets[camels.LH].Params(sim) != r.Params {
			t.Errorf("held-out map %d at %v", r.HeldOutMap, r.Params)
		}
		seen[r.HeldOutMap] = true
		if near := r.GeneratedNearest / camels.MapsPerSimulation; near%4 != 0 {
			t.Errorf("map %d is no training map", r.GeneratedNearest)
		}
	}
	whitenoise.CheckCSV(t, n.WriteCSV, 60)

	train, err := s.Simulation(s.Suite.Sets[camels.LH], 8)
	if err != nil {
		t.Fatal(err)
	}
	s.Checkpoint.Network = "copies"
	s.Sample = func(_ context.Context, _ int, params []cosmology.Params, _ uint64,
		_ func(done, total int),
	) ([]field.LogMap, error) {
		out := make([]field.LogMap, len(params))
		for i := range out {
			out[i] = field.LogMap{Box: s.Box, Values: make([]float32, s.Box.Pixels())}
			field.Symmetry(i%field.Symmetries).ApplyTo(out[i].Values,
				train[i%len(train)].Values, s.Box.Cells)
		}
		return out, nil
	}
	n, err = s.Novelty(ctx, smallConfig(), 60)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range n.Rows {
		if want := 8*camels.MapsPerSimulation + i%camels.MapsPerSimulation; r.Generated > 1e-6 ||
			r.GeneratedNearest != want {
			t.Errorf("a copy of map %d is found at %g dex from map %d", want, r.Generated,
				r.GeneratedNearest)
		}
	}
	if n.Smaller.D != 1 {
		t.Errorf("copies pass: %+v", n.Smaller)
	}
}
