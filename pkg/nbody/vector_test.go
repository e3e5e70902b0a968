package nbody

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"darkfield/pkg/field"
)

// sameByBoth compares what the vector kernels and the portable code compute: to the last bit.
func sameByBoth(t *rapid.T, compute func() []float32) {
	if !vector {
		t.Skip("no vector kernels here")
	}
	got := compute()
	vector = false
	defer func() { vector = true }()
	want := compute()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("number %d is %v by vectors, %v portably", i, got[i], want[i])
		}
	}
}

// TestRadiiAgree: few and many points, some of them at the same place, in the whole box or across
// its edge; lists that a vector kernel holds and longer ones.
func TestRadiiAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const side = 10
		k := rapid.IntRange(1, 20).Draw(t, "neighbours")
		n := rapid.IntRange(k+1, 2000).Draw(t, "points")
		width := rapid.SampledFrom([]float32{0.01, 1, side}).Draw(t, "width")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		var x [3][]float32
		for axis := range x {
			x[axis] = make([]float32, n)
			for i := range x[axis] {
				x[axis][i] = wrap(width*(rng.Float32()*rng.Float32()-0.5), side)
			}
			copy(x[axis][n/2:], x[axis][:n/8])
		}
		sameByBoth(t, func() []float32 { return newTree(side, x).radii(k) })
	})
}

// TestSpheresAgree: spheres anywhere on a map, also across its edges and in its last row.
func TestSpheresAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cells := rapid.IntRange(8, 64).Draw(t, "cells")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		spheres := make([]sphere, 20)
		for i := range spheres {
			spheres[i] = sphere{
				float32(cells) * rng.Float32(), float32(cells) * rng.Float32(),
				1 + rng.Float32()*float32(cells)/2,
			}
		}
		sameByBoth(t, func() []float32 {
			b := brush{Map: field.NewMap(field.Box{Side: 1, Cells: cells})}
			for _, s := range spheres {
				b.add(s, 1)
			}
			return b.Values
		})
	})
}
