package fft

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// kernels runs a test with the portable kernels and, where the processor has them, with the
// vector ones.
func kernels(t *testing.T, test func(t *testing.T)) {
	t.Run("portable", func(t *testing.T) { portably(t, func() { test(t) }) })
	if vector {
		t.Run("vector", test)
	}
}

// portably runs do without the vector kernels.
func portably(_ rapid.TB, do func()) {
	old := vector
	vector = false
	defer func() { vector = old }()
	do()
}

// numbers returns complex numbers with parts below 1.
func numbers(rng *rand.Rand, n int) []complex64 {
	out := make([]complex64, n)
	for i := range out {
		out[i] = complex(2*rng.Float32()-1, 2*rng.Float32()-1)
	}
	return out
}

// sameByBoth runs a kernel both ways on copies of dst and compares all of dst, so that a write
// beside its place shows, too. The largest numbers are size; about 8 roundings each make either
// result.
func sameByBoth(t *rapid.T, dst []complex64, size float64, kernel func(dst []complex64)) {
	if !vector {
		t.Skip("no vector kernels here")
	}
	want, got := append([]complex64(nil), dst...), append([]complex64(nil), dst...)
	portably(t, func() { kernel(want) })
	kernel(got)
	for i := range want {
		if d := cmplx.Abs(complex128(got[i] - want[i])); !(d <= 2*8*6e-8*size) {
			t.Fatalf("number %d: %v by vectors, %v portably", i, got[i], want[i])
		}
	}
}

func TestButterfliesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(low, high int, name string) int { return rapid.IntRange(low, high).Draw(t, name) }
		radix := 4 * draw(1, 2, "radix/4")
		g := geometry{rows: draw(1, 5, "rows"), columns: draw(4, 21, "columns")}
		gap := draw(0, 5, "gap")
		g.fromRow, g.toLeg = g.columns+gap, g.columns+gap
		g.fromLeg, g.toRow = g.rows*g.fromRow, radix*g.toLeg
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		src, dst := numbers(rng, radix*g.fromLeg), numbers(rng, g.rows*g.toRow)
		var twiddles []complex64
		if rapid.Bool().Draw(t, "twiddles") {
			twiddles = numbers(rng, g.rows*(radix-1))
		}
		d := direction(draw(0, 1, "direction"))
		sameByBoth(t, dst, 4*float64(radix),
			func(dst []complex64) { butterflies(radix, dst, src, g, twiddles, d) })
	})
}

func TestRealSplitsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, columns := rapid.IntRange(1, 5).Draw(t, "rows"), rapid.IntRange(4, 21).Draw(t, "columns")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		size := 2 * rows * columns
		src, dst, factors := numbers(rng, size), numbers(rng, size), numbers(rng, rows)
		kernel := realSplit{
			up: 0, down: size - columns, above: 0, below: size - columns, rows: rows,
			columns: columns, scale: 0.5,
		}
		sameByBoth(t, dst, 8, func(dst []complex64) { kernel.run(dst, src, factors) })
	})
}

func TestTransposesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, columns := rapid.IntRange(4, 21).Draw(t, "rows"), rapid.IntRange(4, 21).Draw(t, "columns")
		gap := rapid.IntRange(0, 3).Draw(t, "gap")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		src, dst := numbers(rng, rows*(columns+gap)), numbers(rng, columns*(rows+gap))
		sameByBoth(t, dst, 0,
			func(dst []complex64) { transpose(dst, src, rows+gap, columns+gap, rows, columns) })
	})
}

// TestRowsAgree: rows of any length, whose last numbers fill no vector. Neither kernel rounds
// otherwise than its portable form.
func TestRowsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 21).Draw(t, "columns")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		src, dst := numbers(rng, columns), numbers(rng, columns+1)
		factors := make([]float32, columns)
		for i := range factors {
			factors[i] = float32(rng.NormFloat64())
		}
		sameByBoth(t, dst, 0, func(dst []complex64) { scale(dst, src, factors[0]) })
		sameByBoth(t, dst, 0, func(dst []complex64) { timesI(dst[:columns], factors) })
	})
}

// TestLinesAgainstDefinition: every length and both directions, in place and with distances
// between lines.
func TestLinesAgainstDefinition(t *testing.T) {
	kernels(t, func(t *testing.T) {
		for n := 4; n <= 512; n *= 2 {
			for d, sign := range map[direction]float64{forward: -1, inverse: 1} {
				const columns = 7
				l := lines{columns: columns, from: columns + 2, to: columns + 2}
				x := numbers(rand.New(rand.NewPCG(uint64(n), 2)), n*l.from)
				got := append([]complex64(nil), x...)
				scratch := [2][]complex64{make([]complex64, n*columns), make([]complex64, n*columns)}
				newStages(n).run(got, got, l, d, &scratch)
				for k := range n {
					want := complex128(0)
					for i := range n {
						want += complex128(x[i*l.from+3]) * cmplx.Rect(1, sign*2*math.Pi*float64(k*i%n)/float64(n))
					}
					if e := cmplx.Abs(complex128(got[k*l.to+3]) - want); e > 5*tolerance(n)*math.Sqrt(float64(n)) {
						t.Fatalf("n = %d, direction %d: number %d is %v, want %v", n, d, k, got[k*l.to+3], want)
					}
				}
				if got[columns] != x[columns] || got[n*l.to-1] != x[n*l.from-1] {
					t.Fatalf("n = %d: what lies between lines has changed", n)
				}
			}
		}
	})
}

func TestPassOutOfBounds(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a pass beyond the end of its numbers was accepted")
		}
	}()
	g := geometry{rows: 1, columns: 4, fromLeg: 4, toLeg: 4}
	butterflies(4, make([]complex64, 16), make([]complex64, 15), g, nil, forward)
}
