package summary

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"darkfield/pkg/fft"
	"darkfield/pkg/field"
	"darkfield/pkg/parallel"
)

// Library finds the nearest of many maps to another one, over the 8 symmetries of the square and
// all periodic shifts. It keeps 20 bytes a pixel of its maps. It is safe for concurrent use once
// made.
type Library struct {
	side    int
	maps    []field.LogMap
	means   []float64
	squares []float64   // sum over pixels of (value − mean)²
	modes   []complex64 // [map][ky, kx] of the values without their mean
	// [map, mode]: |modes|·√weight, weight 2 where the conjugate is not in the half plane
	amplitudes blas32.General
}

// Neighbour is the map of a Library that is nearest to another one, and the symmetry and shift of
// that other one with which it is.
type Neighbour struct {
	Map            int            // index in the library
	Distance       float64        // rms difference of pixels, in their unit
	Symmetry       field.Symmetry // applied before the shift
	ShiftY, ShiftX int            // pixels, periodic
}

// roundOff bounds the error of float32 in a squared distance, as a fraction of the sum of both
// maps' squares.
const roundOff = 1e-4

// NewLibrary returns a library of maps, which must not change afterwards. It returns an error for
// no maps, and for sides that differ or are no power of two >= 8.
func NewLibrary(maps []field.LogMap) (*Library, error) {
	if len(maps) == 0 {
		return nil, fmt.Errorf("summary: a library of no maps")
	}
	n := maps[0].Box.Cells
	if n < 8 || n&(n-1) != 0 {
		return nil, fmt.Errorf("summary: a library of maps of %d pixels a side, want a power of two >= 8",
			n)
	}
	plan := fft.NewPlan(n)
	half := n * plan.Modes()
	l := &Library{
		side: n, maps: maps, means: make([]float64, len(maps)), squares: make([]float64, len(maps)),
		modes: make([]complex64, len(maps)*half),
		amplitudes: blas32.General{
			Rows: len(maps), Cols: half, Stride: half,
			Data: make([]float32, len(maps)*half),
		},
	}
	for i, m := range maps {
		if m.Box.Cells != n || len(m.Values) != n*n {
			return nil, fmt.Errorf("summary: map %d of a library has %d values and %d pixels a side, the "+
				"first has %d", i, len(m.Values), m.Box.Cells, n)
		}
		var values []float32
		values, l.means[i], l.squares[i] = centred(m.Values)
		modes := l.modes[i*half : (i+1)*half]
		plan.ForwardPlane(modes, values)
		amplitudesOf(l.amplitudes.Data[i*half:(i+1)*half], modes, n)
	}
	return l, nil
}

// centred returns values without their mean, the mean, and the sum of squares about it.
func centred(values []float32) (out []float32, mean, square float64) {
	for _, v := range values {
		mean += float64(v) / float64(len(values))
	}
	out = make([]float32, len(values))
	for i, v := range values {
		d := float64(v) - mean
		out[i] = float32(d)
		square += d * d
	}
	return out, mean, square
}

// amplitudesOf writes |modes|·√weight, so that the scalar product of two half planes is that of the
// whole planes.
func amplitudesOf(dst []float32, modes []complex64, n int) {
	half := n/2 + 1
	for i, v := range modes {
		weight := 2.0
		if kx := i % half; kx == 0 || kx == n/2 {
			weight = 1
		}
		dst[i] = float32(math.Sqrt(weight) * math.Hypot(float64(real(v)), float64(imag(v))))
	}
}

// Nearest returns the neighbour of each of some maps, found on all cores. progress, if not nil,
// is told maps done, from one goroutine at a time. It panics on maps of another side.
//
//   - Distance: over shifts it is √((|a|² + |b|² − 2 max corr)/pixels), corr the periodic
//     cross-correlation, from one transform a pair.
//   - Search: by Parseval's theorem and |Σ z| <= Σ|z|, corr is at most Σ|F_a||F_b|/pixels at any
//     shift, which bounds the distance from below. Pairs are tried in the order of this bound until
//     it exceeds the smallest distance so far, so that nothing nearer is missed. Both are float32:
//     of two neighbours that differ by less than its rounding either may be found. The returned
//     distance is summed in float64.
func (l *Library) Nearest(ctx context.Context, maps []field.LogMap, progress func(done, all int),
) ([]Neighbour, error) {
	out, order := make([]Neighbour, len(maps)), make([]int, len(maps))
	for i := range order {
		order[i] = i
	}
	searchers := sync.Pool{New: func() any { return l.searcher() }}
	done := 0
	err := parallel.Each(ctx, 0, order, func(_ context.Context, i int) error {
		s := searchers.Get().(*searcher)
		defer searchers.Put(s)
		out[i] = s.nearest(maps[i])
		return nil
	}, func(int) {
		if done++; progress != nil {
			progress(done, len(maps))
		}
	})
	return out, err
}

// searcher holds the scratch memory of one goroutine.
type searcher struct {
	*Library
	plan        *fft.Plan
	turned      [field.Symmetries][]complex64 // modes of the looked-up map under each symmetry
	amplitudes  []float32
	products    []float32 // of amplitudes, by map
	pairs       []pair
	modes       []complex64
	correlation []float32
}

// pair is a map of the library and a symmetry. It stands for the symmetry rotated by 180°, too,
// which has the same amplitudes.
type pair struct {
	bound    float32 // lower bound of the summed squared differences, less roundOff
	symmetry field.Symmetry
	index    int32
}

func (l *Library) searcher() *searcher {
	half := l.side * (l.side/2 + 1)
	s := &searcher{
		Library: l, plan: fft.NewPlan(l.side), amplitudes: make([]float32, half),
		products: make([]float32, len(l.maps)), modes: make([]complex64, half),
		correlation: make([]float32, l.side*l.side),
	}
	for i := range s.turned {
		s.turned[i] = make([]complex64, half)
	}
	return s
}

// halfTurn is the bit of a symmetry that rotates by 180°.
const halfTurn = 2

func (s *searcher) nearest(m field.LogMap) Neighbour {
	n := s.side
	if m.Box.Cells != n || len(m.Values) != n*n {
		panic(fmt.Sprintf("summary: %d values of a map of %d pixels a side looked up in a library of %d",
			len(m.Values), m.Box.Cells, n))
	}
	values, mean, square := centred(m.Values)
	turned := make([]float32, len(values))
	for i := range s.turned {
		field.Symmetry(i).ApplyTo(turned, values, n)
		s.plan.ForwardPlane(s.turned[i], turned)
	}
	s.bounds(mean, square)
	best, lowest := Neighbour{Distance: math.Inf(1)}, math.Inf(1)
	for _, p := range s.pairs {
		if float64(p.bound) >= lowest {
			break
		}
		offset := s.offset(int(p.index), mean, square)
		for _, symmetry := range []field.Symmetry{p.symmetry, p.symmetry ^ halfTurn} {
			at, corr := s.correlate(symmetry, int(p.index))
			if d := offset - 2*float64(corr); d < lowest {
				lowest = d
				best = Neighbour{Map: int(p.index), Symmetry: symmetry, ShiftY: at / n, ShiftX: at % n}
			}
		}
	}
	best.Distance = s.distance(m, best)
	return best
}

// offset is the summed squared difference of two maps without correlation: from their means, and
// both sums of squares about the means.
func (s *searcher) offset(index int, mean, square float64) float64 {
	d := mean - s.means[index]
	return float64(s.side*s.side)*d*d + square + s.squares[index]
}

// bounds fills in the pairs, those of the lowest bound first.
func (s *searcher) bounds(mean, square float64) {
	s.pairs = s.pairs[:0]
	for i := range field.Symmetry(field.Symmetries) {
		if i&halfTurn != 0 {
			continue
		}
		amplitudesOf(s.amplitudes, s.turned[i], s.side)
		blas32.Gemv(blas.NoTrans, 1, s.Library.amplitudes,
			blas32.Vector{N: len(s.amplitudes), Inc: 1, Data: s.amplitudes}, 0,
			blas32.Vector{N: len(s.products), Inc: 1, Data: s.products})
		for j, product := range s.products {
			most := float64(product) / float64(s.side*s.side)
			slack := roundOff * (square + s.squares[j])
			s.pairs = append(s.pairs, pair{float32(s.offset(j, mean, square) - 2*most - slack), i, int32(j)})
		}
	}
	slices.SortFunc(s.pairs, func(a, b pair) int { return cmp.Compare(a.bound, b.bound) })
}

// correlate returns the highest cross-correlation Σ b(x + d)·a(x) of a map of the library, b,
// with the turned map, a, and the pixel d where it is.
func (s *searcher) correlate(symmetry field.Symmetry, index int) (at int, highest float32) {
	turned, half := s.turned[symmetry], len(s.modes)
	modes := s.Library.modes[index*half : (index+1)*half][:len(turned)]
	product := s.modes[:len(turned)]
	for i, a := range turned {
		b := modes[i]
		product[i] = complex(real(a)*real(b)+imag(a)*imag(b), real(a)*imag(b)-imag(a)*real(b))
	}
	s.plan.InversePlane(s.correlation, product)
	highest = s.correlation[0]
	for i, v := range s.correlation {
		if v > highest {
			at, highest = i, v
		}
	}
	return at, highest / float32(s.side*s.side)
}

// distance is the rms difference of a neighbour from the map that was looked up, in float64.
func (s *searcher) distance(m field.LogMap, to Neighbour) float64 {
	n := s.side
	turned := make([]float32, len(m.Values))
	to.Symmetry.ApplyTo(turned, m.Values, n)
	sum := 0.0
	for i, b := range s.maps[to.Map].Values {
		y, x := (i/n-to.ShiftY+n)%n, (i%n-to.ShiftX+n)%n
		d := float64(b) - float64(turned[y*n+x])
		sum += d * d
	}
	return math.Sqrt(sum / float64(n*n))
}
