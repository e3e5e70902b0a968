package summary

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"

	"darkfield/pkg/field"
)

func whiteNoise(rng *rand.Rand, box field.Box) []float32 {
	out := make([]float32, box.Pixels())
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

// movedAnyhow turns, flips and shifts a map as drawn.
func movedAnyhow(t *rapid.T, values []float32, box field.Box) []float32 {
	symmetry := field.Symmetry(rapid.IntRange(0, field.Symmetries-1).Draw(t, "symmetry"))
	dy, dx := rapid.IntRange(0, box.Cells-1).Draw(t, "dy"),
		rapid.IntRange(0, box.Cells-1).Draw(t, "dx")
	return moved(field.LogMap{Box: box, Values: values}, symmetry, dy, dx).Values
}

// TestPeaksOfWhiteNoise: each of 9 pixels is the highest of its block as often as the others. The
// variance of the number is 0.0251 a pixel: 8/81 from a pixel alone, −8/81 from its neighbours,
// which cannot be peaks too, and the rest from the 16 pixels two steps away, whose blocks share
// 1, 2 or 3 pixels with its own.
func TestPeaksOfWhiteNoise(t *testing.T) {
	box := field.Box{Side: 25, Cells: 300}
	peaks := float64(len(Peaks(whiteNoise(rand.New(rand.NewPCG(1, 1)), box), box)))
	pixels := float64(box.Pixels())
	if want := pixels / 9; math.Abs(peaks-want) > 4*math.Sqrt(0.0251*pixels) {
		t.Errorf("%g peaks, want %g", peaks, want)
	}
}

// TestPeaksAtTheEdge: a peak in a corner has neighbours across both edges; equal neighbours and
// NaN are none.
func TestPeaksAtTheEdge(t *testing.T) {
	box := field.Box{Side: 10, Cells: 5}
	values := make([]float32, 25)
	values[0], values[12] = 3, 2
	if got := Peaks(values, box); !slices.Equal(got, []float64{3, 2}) {
		t.Errorf("peaks %v, want 3 and 2", got)
	}
	values[24] = 4 // touches the corner at (0, 0) from across
	if got := Peaks(values, box); !slices.Equal(got, []float64{2, 4}) {
		t.Errorf("peaks %v, want 2 and 4", got)
	}
	values[20], values[13] = 4, float32(math.NaN())
	if got := Peaks(values, box); len(got) != 0 {
		t.Errorf("peaks %v, want none", got)
	}
}

// TestPeakDensity: 4 peaks on an area of 100, and edges that belong to the bin above.
func TestPeakDensity(t *testing.T) {
	box := field.Box{Side: 10, Cells: 8}
	values := make([]float32, 64)
	for i, v := range []float32{1, 2, 2.5, 4} {
		values[i*16+2*i] = v
	}
	if got := PeakDensity(values, box, []float64{1, 2, 4}); !slices.Equal(got, []float64{0.01, 0.02}) {
		t.Errorf("density %v, want one and two peaks on 100", got)
	}
}

// TestPeaksMoveWithTheMap: no shift, turn or flip makes or loses a peak, and a rising function of
// the values keeps their number.
func TestPeaksMoveWithTheMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		box := field.Box{Side: 25, Cells: rapid.IntRange(3, 12).Draw(t, "side")}
		values := whiteNoise(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)), box)
		want := slices.Sorted(slices.Values(Peaks(values, box)))
		if got := slices.Sorted(slices.Values(Peaks(movedAnyhow(t, values, box), box))); !slices.Equal(
			got, want) {
			t.Fatalf("peaks %v of a moved map, want %v", got, want)
		}
		low, high := floats.Min(want)-1, floats.Max(want)+1
		if got := PeakDensity(values, box, []float64{low, high})[0] *
			625; math.Abs(got-float64(len(want))) > 1e-9 {
			t.Fatalf("%g peaks in all, want %d", got, len(want))
		}
	})
}
