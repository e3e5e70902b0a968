package summary

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats/scalar"
	"pgregory.net/rapid"

	"darkfield/pkg/field"
)

// redMap is a map with more power on large scales, of a mean and an amplitude of its own, as log
// densities are.
func redMap(rng *rand.Rand, n int) field.LogMap {
	m := field.LogMap{Box: field.Box{Side: 25, Cells: n}, Values: make([]float32, n*n)}
	mean := 11 + 0.3*rng.NormFloat64()
	for i := range m.Values {
		m.Values[i] = float32(mean)
	}
	for ky := range 4 {
		for kx := range 4 {
			a := (0.2 + 0.2*rng.Float64()) * rng.NormFloat64() / (1 + float64(kx*kx+ky*ky))
			phase := 2 * math.Pi * rng.Float64()
			for i := range m.Values {
				m.Values[i] += float32(a * math.Cos(2*math.Pi*float64(ky*(i/n)+kx*(i%n))/float64(n)+phase))
			}
		}
	}
	for i := range m.Values {
		m.Values[i] += float32(0.1 * rng.NormFloat64())
	}
	return m
}

// moved turns a map and shifts it.
func moved(m field.LogMap, s field.Symmetry, dy, dx int) field.LogMap {
	n := m.Box.Cells
	turned := make([]float32, n*n)
	s.ApplyTo(turned, m.Values, n)
	out := field.LogMap{Box: m.Box, Values: make([]float32, n*n)}
	for i, v := range turned {
		out.Values[(i/n+dy)%n*n+(i%n+dx)%n] = v
	}
	return out
}

func rms(a, b field.LogMap) float64 {
	sum := 0.0
	for i, v := range a.Values {
		d := float64(v) - float64(b.Values[i])
		sum += d * d
	}
	return math.Sqrt(sum / float64(len(a.Values)))
}

func some(rng *rand.Rand, count, n int) []field.LogMap {
	var out []field.LogMap
	for range count {
		out = append(out, redMap(rng, n))
	}
	return out
}

// TestNearestIsTheTrueMinimum: the search finds what trying every map, symmetry and shift finds.
func TestNearestIsTheTrueMinimum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		const n = 8
		maps := some(rng, rapid.IntRange(1, 12).Draw(t, "maps"), n)
		look := redMap(rng, n)
		l, err := NewLibrary(maps)
		if err != nil {
			t.Fatal(err)
		}
		found, err := l.Nearest(context.Background(), []field.LogMap{look}, nil)
		if err != nil {
			t.Fatal(err)
		}
		least := math.Inf(1)
		for _, m := range maps {
			for s := range field.Symmetries {
				for shift := range n * n {
					least = min(least, rms(m, moved(look, field.Symmetry(s), shift/n, shift%n)))
				}
			}
		}
		if got := found[0]; !scalar.EqualWithinRel(got.Distance, least, 1e-5) {
			t.Fatalf("found %+v, the least distance is %g", got, least)
		}
	})
}

// TestBoundsAreBounds: no bound lies above the distance of its pair, for either of the symmetries
// that it stands for.
func TestBoundsAreBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const n = 16
	maps := some(rng, 40, n)
	l, err := NewLibrary(maps)
	if err != nil {
		t.Fatal(err)
	}
	s := l.searcher()
	for _, look := range append(some(rng, 5, n), moved(maps[3], 6, 1, 2)) {
		s.nearest(look)
		_, mean, square := centred(look.Values)
		last := float32(math.Inf(-1))
		for _, p := range s.pairs {
			if p.bound < last {
				t.Fatal("the bounds do not rise")
			}
			last = p.bound
			for _, symmetry := range []field.Symmetry{p.symmetry, p.symmetry ^ halfTurn} {
				_, corr := s.correlate(symmetry, int(p.index))
				if d := s.offset(int(p.index), mean, square) - 2*float64(corr); d < float64(p.bound) {
					t.Errorf("map %d, symmetry %d: squared distance %g below its bound %g", p.index,
						symmetry, d, p.bound)
				}
			}
		}
		if len(s.pairs) != 4*len(maps) {
			t.Fatalf("%d pairs", len(s.pairs))
		}
	}
}

// TestCopiesAreFound: a turned and shifted map of the library is found, at the distance 0, and
// one with noise at the noise's rms.
func TestCopiesAreFound(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	const n = 32
	maps := some(rng, 50, n)
	l, err := NewLibrary(maps)
	if err != nil {
		t.Fatal(err)
	}
	for s := range field.Symmetry(field.Symmetries) {
		i, dy, dx := rng.IntN(len(maps)), rng.IntN(n), rng.IntN(n)
		exact, noisy := moved(maps[i], s, dy, dx), moved(maps[i], s, dy, dx)
		for j := range noisy.Values {
			noisy.Values[j] += float32(0.05 * rng.NormFloat64())
		}
		told := 0
		found, err := l.Nearest(context.Background(), []field.LogMap{exact, noisy},
			func(done, all int) { told = 10*done + all })
		if err != nil || told != 22 {
			t.Fatalf("error %v, progress ended at %d", err, told)
		}
		if found[0].Map != i || found[0].Distance > 1e-6 {
			t.Errorf("symmetry %d: a copy of map %d was found as %+v", s, i, found[0])
		}
		if d := rms(maps[i], moved(exact, found[0].Symmetry, found[0].ShiftY, found[0].ShiftX)); d >
			1e-6 {
			t.Errorf("symmetry %d: the copy of map %d does not lie as %+v says: %g off", s, i, found[0], d)
		}
		// 1024 pixels know the noise's rms to 2 %; 5 of these.
		if found[1].Map != i || !scalar.EqualWithinRel(found[1].Distance, 0.05, 0.11) {
			t.Errorf("symmetry %d: map %d with noise was found as %+v", s, i, found[1])
		}
	}
}

func TestLibraryErrors(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	eight, sixteen := some(rng, 1, 8), some(rng, 1, 16)
	twelve := []field.LogMap{{Box: field.Box{Side: 25, Cells: 12}, Values: make([]float32, 144)}}
	for name, maps := range map[string][]field.LogMap{
		"none":      nil,
		"two sides": append(eight, sixteen...), "12 pixels": twelve,
	} {
		if _, err := NewLibrary(maps); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	l, err := NewLibrary(sixteen)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Nearest(ctx, sixteen, nil); err == nil {
		t.Error("a cancelled search ended as if it were done")
	}
}

// BenchmarkNearest looks up one map of 32² pixels among 1000.
func BenchmarkNearest(b *testing.B) {
	rng := rand.New(rand.NewPCG(11, 12))
	l, err := NewLibrary(some(rng, 1000, 32))
	if err != nil {
		b.Fatal(err)
	}
	look, s := redMap(rng, 32), l.searcher()
	for b.Loop() {
		s.nearest(look)
	}
}
