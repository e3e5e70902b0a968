package summary

import (
	"fmt"
	"math"
	"sync"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/field"
)

// triangleWidth is the width of the rings of a Bispectrum in fundamental modes: the narrowest
// whole number with triangles in each.
const triangleWidth = 2

// Bispectrum holds the bispectra of one map for triangles whose sides lie in rings of modes.
type Bispectrum struct {
	K           []float64 // mean |k| of the modes of each ring, h/Mpc
	Power       []float64 // mean power of each ring
	Equilateral []float64 // B(k, k, k): all sides in one ring
	Squeezed    []float64 // B(k₁, k, k) with k₁ in the first ring; the first entry is equilateral
}

// BispectrumOf returns the bispectra of values, the pixels of a map in box, row-major.
//
//   - Shape: rings 2 fundamental modes wide, (0, 2], (2, 4], …, below a third of Cells: from
//     there on, sums of three modes wrap around.
//   - Units: with FT = CellSide²·Σ x exp(−ik·x), P = |FT|²/Side² and B = FT(k₁)FT(k₂)FT(k₃)/Side²
//     for k₁ + k₂ + k₃ = 0, averaged over triangles: (Mpc/h)⁴ times the cube of the unit of x.
//     White noise of third central moment m gives m·CellSide⁴.
//   - Errors: panics as PowerOf does, unless Cells is at least 7, and for SumNormalised, whose
//     power has another unit. NaN or infinite values give NaN.
//   - Source: Scoccimarro (2015): the sum over triangles is that over pixels of a product of
//     three filtered maps.
func (c Convention) BispectrumOf(values []float64, box field.Box) Bispectrum {
	n := box.Cells
	if len(values) != n*n || n <= 3*triangleWidth {
		panic(fmt.Sprintf("summary: BispectrumOf %d values in a map of %d pixels a side", len(values), n))
	}
	if c == SumNormalised {
		panic("summary: BispectrumOf with SumNormalised; use Contrast for densities, Deviation for " +
			"their logarithms")
	}
	pool := plansOf(n)
	p := pool.Get().(*plan)
	defer pool.Put(p)
	c.normalise(p.values, values)
	p.transform()
	t, bands := trianglesOf(n), p.bands()
	area := box.CellSide() * box.CellSide()
	power, bispectrum := area*area/(box.Side*box.Side), area*area*area/(box.Side*box.Side)
	out := Bispectrum{}
	for b, band := range bands {
		out.K = append(out.K, t.k[b]*box.KFundamental())
		out.Power = append(out.Power, power*modeSquares(band)/t.modes[b])
		out.Equilateral = append(out.Equilateral, bispectrum*closed(band, band, band)/t.equilateral[b])
		out.Squeezed = append(out.Squeezed, bispectrum*closed(bands[0], band, band)/t.squeezed[b])
	}
	return out
}

// Bispectrum returns the bispectra of a log map.
func (c Convention) Bispectrum(m field.LogMap) Bispectrum {
	return c.BispectrumOf(widen(m.Values), m.Box)
}

// OverdensityBispectrum returns the bispectra of the density contrast of a map, in (Mpc/h)⁴.
func OverdensityBispectrum(m field.Map) Bispectrum {
	return Contrast.BispectrumOf(widen(m.Values), m.Box)
}

// Reduced returns the reduced bispectra Q = B/(P₁P₂ + P₂P₃ + P₃P₁) of the map, which scale as the
// inverse of the field's amplitude and to first order do not depend on its spectrum. Unit: the
// inverse of that of the values.
func (b Bispectrum) Reduced() (equilateral, squeezed []float64) {
	for i, p := range b.Power {
		equilateral = append(equilateral, b.Equilateral[i]/(3*p*p))
		squeezed = append(squeezed, b.Squeezed[i]/(2*b.Power[0]*p+p*p))
	}
	return equilateral, squeezed
}

// closed returns the sum over ordered closed triangles of modes of three bands of their product:
// that over pixels, times pixels².
func closed(a, b, c []float64) float64 {
	sum, pixels := 0.0, float64(len(a))
	for i, v := range a {
		sum += v * b[i] * c[i]
	}
	return sum * pixels * pixels
}

// modeSquares returns the sum of |modes|² of a band, by Parseval's theorem.
func modeSquares(band []float64) float64 { return floats.Dot(band, band) * float64(len(band)) }

// bands returns the map of the modes of each ring, from the modes of the plan, divided by the
// number of pixels as inverse transforms are.
func (p *plan) bands() [][]float64 {
	all := append([]complex128(nil), p.modes...)
	out := make([][]float64, (p.n-1)/(3*triangleWidth))
	for b := range out {
		for i, v := range all {
			if p.rings.bin[i]/triangleWidth != b || i == 0 {
				v = 0
			}
			p.modes[i] = v
		}
		p.inverse()
		out[b] = append([]float64(nil), p.values...)
	}
	return out
}

// triangles are the numbers of modes, and of ordered closed triangles of modes, of the rings of
// maps of one side.
type triangles struct {
	k           []float64 // mean |k| in fundamental modes
	modes       []float64
	equilateral []float64
	squeezed    []float64
}

// counted keeps triangles by the side of the map.
var counted sync.Map // int → triangles

// trianglesOf counts triangles as BispectrumOf sums over them: with modes that are all 1.
func trianglesOf(n int) triangles {
	if t, ok := counted.Load(n); ok {
		return t.(triangles)
	}
	pool := plansOf(n)
	p := pool.Get().(*plan)
	defer pool.Put(p)
	for i := range p.modes {
		p.modes[i] = 1
	}
	bands := p.bands()
	var t triangles
	for b, band := range bands {
		modes, k := 0.0, 0.0
		for r := triangleWidth * b; r < triangleWidth*(b+1); r++ {
			modes, k = modes+p.rings.modes[r], k+p.rings.modes[r]*p.rings.k[r]
		}
		t.k, t.modes = append(t.k, k/modes), append(t.modes, modes)
		t.equilateral = append(t.equilateral, math.Round(closed(band, band, band)))
		t.squeezed = append(t.squeezed, math.Round(closed(bands[0], band, band)))
	}
	counted.Store(n, t)
	return t
}
