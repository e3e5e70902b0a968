package nbody

import (
	"context"
	"fmt"
	"math"
	"slices"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

const (
	slabs           = 5         // along each axis
	criticalDensity = 2.7754e11 // today, (Msun/h)/(Mpc/h)³
)

// Project returns the 15 surface densities of a universe, as CAMELS cuts them: for each axis the 5 slabs across it, each
// pixels×pixels, in (Msun/h)/(Mpc/h)². The mean over the slabs of an axis is that of the dark matter,
// (Ω_m − Ω_b)·2.7754e11·Side/5.
//
// A particle is a uniform sphere that just holds its nearest neighbours, so that voids are smooth and haloes sharp; the whole
// sphere goes to the slab of its centre. Where no sphere of a slab reaches, in the deepest voids, the nearest one grows until it
// does: mass is conserved and every pixel has a logarithm.
func Project(p *Particles, neighbours, pixels int) ([]field.Map, error) {
	radii := newTree(float32(p.Side), p.Positions).radii(neighbours)
	box := field.Box{Side: p.Side, Cells: pixels}
	mass := (p.Universe.OmegaM - p.Universe.OmegaB) * criticalDensity * p.Side * p.Side * p.Side / float64(len(radii))
	density := float32(mass / (box.CellSide() * box.CellSide()))
	perCell := float32(1 / box.CellSide())
	var out []field.Map
	for axis := range 3 {
		across, up, right := p.Positions[axis], p.Positions[(axis+1)%3], p.Positions[(axis+2)%3]
		var spheres [slabs][]sphere
		for i, r := range radii {
			slab := min(int(float64(across[i])/p.Side*slabs), slabs-1)
			// A sphere smaller than a pixel becomes one pixel wide, which the nearest four share.
			spheres[slab] = append(spheres[slab], sphere{up[i] * perCell, right[i] * perCell, max(r*perCell, 1)})
		}
		for _, s := range spheres {
			out = append(out, surfaceDensity(box, s, density))
		}
	}
	for i, m := range out {
		if err := m.CheckPositive(); err != nil {
			return nil, fmt.Errorf("nbody: map %d of Ω_m=%g: %w: the simulation ran away; use more steps", i, p.Universe.OmegaM, err)
		}
	}
	return out, nil
}

// sphere is what a particle becomes on a map; lengths are in pixels.
type sphere struct{ y, x, radius float32 }

// surfaceDensity returns the map of spheres of equal weight, none of whose pixels is empty.
func surfaceDensity(box field.Box, spheres []sphere, weight float32) field.Map {
	draw := func() field.Map {
		m := field.NewMap(box)
		for _, s := range spheres {
			s.add(m, weight)
		}
		return m
	}
	m := draw()
	if !slices.Contains(m.Values, 0) || len(spheres) == 0 {
		return m
	}
	for i, v := range m.Values {
		if v == 0 {
			reach(spheres, float32(i/box.Cells), float32(i%box.Cells), float32(box.Cells))
		}
	}
	return draw()
}

// reach lets the sphere whose edge is nearest to a pixel grow to one pixel beyond it, unless one is there already.
func reach(spheres []sphere, y, x, cells float32) {
	nearest, gap := 0, float32(math.Inf(1))
	for i, s := range spheres {
		if d := s.distance(y, x, cells) - s.radius; d < gap {
			nearest, gap = i, d
		}
	}
	if gap > -0.5 {
		spheres[nearest].radius += gap + 1
	}
}

// distance from the centre to a pixel of a periodic map.
func (s sphere) distance(y, x, cells float32) float32 {
	periodic := func(d float32) float64 {
		d = float32(math.Abs(float64(d)))
		return float64(min(d, cells-d))
	}
	return float32(math.Hypot(periodic(s.y-y), periodic(s.x-x)))
}

// add adds the column density of the sphere with the total weight to a periodic map.
func (s sphere) add(m field.Map, weight float32) {
	cells := m.Box.Cells
	top, bottom := int(math.Ceil(float64(s.y-s.radius))), int(math.Floor(float64(s.y+s.radius)))
	sum := float32(0)
	for iy := top; iy <= bottom; iy++ {
		sum += chords(s.x, s.radius, float32(iy)-s.y, nil, 0, cells)
	}
	for iy := top; iy <= bottom; iy++ {
		row := modulo(iy, cells) * cells
		chords(s.x, s.radius, float32(iy)-s.y, m.Values[row:row+cells], weight/sum, cells)
	}
}

// chords sums √(r² − d²) over the pixels of a row at distance dy from the centre and, where row is given, adds them times
// scale.
func chords(cx, r, dy float32, row []float32, scale float32, cells int) float32 {
	h := r*r - dy*dy
	if h <= 0 {
		return 0
	}
	w := float32(math.Sqrt(float64(h)))
	sum := float32(0)
	first := int(math.Ceil(float64(cx - w)))
	last := int(math.Floor(float64(cx + w)))
	ix := modulo(first, cells)
	for i := first; i <= last; i++ {
		d := float32(i) - cx
		c := float32(math.Sqrt(float64(max(h-d*d, 0))))
		if row != nil {
			row[ix] += c * scale
		}
		sum += c
		if ix++; ix == cells {
			ix = 0
		}
	}
	return sum
}

func modulo(i, n int) int { return ((i % n) + n) % n }

// Universe simulates one universe and returns its 15 maps averaged down to cells pixels a side, which must divide
// Config.Pixels.
func Universe(ctx context.Context, c Config, params cosmology.Params, seed uint64, cells int) ([]field.Map, error) {
	p, err := Simulate(ctx, c, params, seed)
	if err != nil {
		return nil, err
	}
	maps, err := Project(p, c.Neighbours, c.Pixels)
	if err != nil {
		return nil, err
	}
	for i, m := range maps {
		if maps[i], err = field.BlockAverage(m, cells); err != nil {
			return nil, fmt.Errorf("nbody: %w", err)
		}
	}
	return maps, nil
}
