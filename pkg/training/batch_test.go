package training

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
)

// TestLogTheta: with LogTheta the network is fed the logarithms, in training as in validation,
// and the manifest says so; nothing else changes.
func TestLogTheta(t *testing.T) {
	draw := func(logTheta bool) (training, validation batch, m checkpoint.Manifest) {
		j := job("")
		j.Config.LogTheta = logTheta
		schedule, err := j.check()
		if err != nil {
			t.Fatal(err)
		}
		d := &drawer{Config: j.Config, data: j.Data.as(j.Manifest), thetas: 2, schedule: schedule}
		held, err := d.validationBatches()
		if err != nil {
			t.Fatal(err)
		}
		return d.draw(1), held[0], j.Manifest
	}
	plain, held, m := draw(false)
	logs, heldLogs, mLogs := draw(true)
	if m.LogTheta || !mLogs.LogTheta || !slices.Equal(plain.x0, logs.x0) {
		t.Errorf("manifests say %v and %v, want false and true, and the same maps", m.LogTheta,
			mLogs.LogTheta)
	}
	for _, pair := range [][2]batch{{plain, logs}, {held, heldLogs}} {
		for i := 0; i < len(pair[0].theta); i += 2 {
			p := m.Prior.Params(cosmology.UnitParams{float64(pair[0].theta[i]), float64(pair[0].theta[i+1])})
			for c, want := range mLogs.Theta(p) {
				if got := float64(pair[1].theta[i+c]); math.Abs(got-want) > 1e-6 {
					t.Errorf("%v goes in as %g, want %g", p, got, want)
				}
			}
		}
	}
}

// TestStratifiedTimes: each map's time lies in its own part of the schedule, and all times come.
func TestStratifiedTimes(t *testing.T) {
	schedule := diffusion.Paper()
	j := job("")
	j.Config.Stratified, j.Config.Batch = true, 4
	d := &drawer{Config: j.Config, data: j.Data, thetas: 2, schedule: schedule}
	low, high := math.Inf(1), math.Inf(-1)
	for n := 1; n <= 2000; n++ {
		for k, index := range d.draw(n).timestep {
			if part := int(index) * 4 / schedule.Steps(); part != k {
				t.Fatalf("step %d: map %d has time %g, in part %d", n, k, index, part)
			}
			low, high = min(low, float64(index)), max(high, float64(index))
		}
	}
	if low > 5 || high < 994 {
		t.Errorf("times of 8000 maps lie in %g…%g, want nearly 0…999", low, high)
	}
}

// TestLogUniformShare: as many maps as asked for have log-uniform times, so that each
// octave comes as often; the others are uniform.
func TestLogUniformShare(t *testing.T) {
	schedule := diffusion.Paper()
	for _, even := range []bool{false, true} {
		j := job("")
		j.Config.Stratified, j.Config.LogUniformShare, j.Config.Batch = even, 0.5, 8
		d := &drawer{Config: j.Config, data: j.Data, thetas: 2, schedule: schedule}
		const steps = 2000
		var early, late float64 // mean ln(1 + i) of the first half, mean i of the second
		below := 0
		for n := 1; n <= steps; n++ {
			for k, index := range d.draw(n).timestep {
				if k < 4 {
					early += math.Log1p(float64(index)) / (4 * steps)
					if index < 31 {
						below++
					}
				} else {
					late += float64(index) / (4 * steps)
				}
			}
		}
		// Half of ln 1001 is 3.454; whole numbers lie lower. ln 32/ln 1001 of the times are below 31.
		if math.Abs(early-3.32) > 0.1 || math.Abs(late-499.5) > 15 {
			t.Errorf("even %v: mean ln(1 + i) = %.3f, want 3.32; mean of the others %.1f, want 499.5",
				even, early, late)
		}
		if share := float64(below) / (4 * steps); math.Abs(share-0.5016) > 0.025 {
			t.Errorf("even %v: %.3f of the early times are below 31, want 0.502", even, share)
		}
	}
}

// TestShifts: maps come with all augmentations, and only where they are periodic.
func TestShifts(t *testing.T) {
	j := job(t.TempDir())
	j.Config.Shifts = true
	if _, err := train(t, context.Background(), j); err == nil ||
		!strings.Contains(err.Error(), "not periodic") {
		t.Errorf("error = %v, want one that says that the maps are not periodic", err)
	}
	j.Data.Train = Source{Len: 1, Fill: func(_ int, dst []float32) ([]float32, error) {
		clear(dst)
		dst[0] = 1
		return make([]float32, 2), nil
	}}
	for _, shifts := range []bool{false, true} {
		j.Config.Shifts = shifts
		d := &drawer{Config: j.Config, data: j.Data, thetas: 2, schedule: diffusion.Paper()}
		at := map[int]bool{}
		for n := range 2000 {
			at[slices.Index(d.draw(n + 1).x0[:side*side], 1)] = true
		}
		if want := map[bool]int{false: 4, true: side * side}[shifts]; len(at) != want {
			t.Errorf("shifts %v: a pixel in the corner comes to lie at %d places, want %d", shifts,
				len(at), want)
		}
	}
}

// TestBatches: a batch follows from the seed and the step alone, every map comes once an epoch,
// and validation is fixed.
func TestBatches(t *testing.T) {
	schedule := diffusion.Paper()
	j := job("")
	a, b := &drawer{Config: j.Config, data: j.Data, thetas: 2, schedule: schedule},
		&drawer{Config: j.Config, data: j.Data, thetas: 2, schedule: schedule}
	for n := 1; n < 7; n++ {
		a.draw(n)
	}
	x, y := a.draw(7), b.draw(7)
	for i := range x.x0 {
		if x.x0[i] != y.x0[i] || x.epsilon[i] != y.epsilon[i] {
			t.Fatal("the batch of step 7 depends on the batches before it")
		}
	}
	seen := map[int]int{}
	for p := range 3 * j.Data.Train.Len {
		seen[b.at(p)]++
	}
	for i := range j.Data.Train.Len {
		if seen[i] != 3 {
			t.Errorf("map %d came %d times in 3 epochs", i, seen[i])
		}
	}
	v, err := a.validationBatches()
	if err != nil {
		t.Fatal(err)
	}
	w, _ := b.validationBatches()
	if len(v) != 2 || v[1].epsilon[5] != w[1].epsilon[5] || v[0].timestep[2] != w[0].timestep[2] {
		t.Error("validation batches are not fixed")
	}
}
