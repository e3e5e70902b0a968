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

// Project returns the 15 surface densities of a box, as CAMELS cuts them: the 5 slabs across each
// axis, pixels×pixels each, in (Msun/h)/(Mpc/h)². The mean over the slabs of an axis is that of the
// dark matter, (Ω_m − Ω_b)·2.7754e11·Side/5.
//
// A particle is a uniform sphere that reaches to its k-th nearest neighbour, so that voids are
// smooth and haloes sharp; the whole sphere goes to the slab of its centre. Pixels of the deepest
// voids that no sphere of the slab reaches are reached by growing the nearest one: mass is
// conserved and every pixel has a logarithm.
func Project(p *Particles, neighbours, pixels int) ([]field.Map, error) {
	radii := newTree(float32(p.Side), p.Positions).radii(neighbours)
	box := field.Box{Side: p.Side, Cells: pixels}
	mass := (p.Universe.OmegaM - p.Universe.OmegaB) * criticalDensity * p.Side * p.Side * p.Side /
		float64(len(radii))
	density := float32(mass / (box.CellSide() * box.CellSide()))
	perCell := float32(1 / box.CellSide())
	var out []field.Map
	for axis := range 3 {
		across, up, right := p.Positions[axis], p.Positions[(axis+1)%3], p.Positions[(axis+2)%3]
		var spheres [slabs][]sphere
		for i, r := range radii {
			slab := min(int(float64(across[i])/p.Side*slabs), slabs-1)
			// A sphere smaller than a pixel becomes one pixel wide, which the nearest four share.
			spheres[slab] = append(spheres[slab],
				sphere{up[i] * perCell, right[i] * perCell, max(r*perCell, 1)})
		}
		for _, s := range spheres {
			out = append(out, surfaceDensity(box, s, density))
		}
	}
	for i, m := range out {
		if err := m.CheckPositive(); err != nil {
			return nil, fmt.Errorf("nbody: map %d of Ω_m=%g: %w: the simulation diverged; use more steps", i,
				p.Universe.OmegaM, err)
		}
	}
	return out, nil
}

// sphere is what a particle becomes on a map; lengths are in pixels.
type sphere struct{ y, x, radius float32 }

// surfaceDensity returns the map of spheres of equal weight, none of whose pixels is empty.
func surfaceDensity(box field.Box, spheres []sphere, weight float32) field.Map {
	draw := func() field.Map {
		b := brush{Map: field.NewMap(box)}
		for _, s := range spheres {
			b.add(s, weight)
		}
		return b.Map
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

// reach grows the sphere whose edge is nearest to a pixel until it ends one pixel beyond it, unless
// a sphere that grew for an earlier pixel covers it already.
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

// brush adds spheres to a periodic map.
type brush struct {
	field.Map
	spans  []span
	chords []float32
}

// span is a run of pixels of a row, which may go round the edge.
type span struct{ y, x, pixels int }

// add adds the column density of a sphere, √(r² − d²) at a distance d from its centre, scaled to
// the total weight.
func (b *brush) add(s sphere, weight float32) {
	b.spans, b.chords = b.spans[:0], b.chords[:0]
	bottom := int(math.Floor(float64(s.y + s.radius)))
	for y := int(math.Ceil(float64(s.y - s.radius))); y <= bottom; y++ {
		dy := float32(y) - s.y
		h := s.radius*s.radius - dy*dy
		if h <= 0 {
			continue
		}
		w := float32(math.Sqrt(float64(h)))
		first, last := int(math.Ceil(float64(s.x-w))), int(math.Floor(float64(s.x+w)))
		pixels := last + 1 - first
		start := len(b.chords)
		b.chords = slices.Grow(b.chords, pixels+7)[:start+pixels] // 7: vectors reach beyond
		b.spans = append(b.spans, span{y, first, pixels})
		chords, x := b.chords[start:], float32(first)
		if vector && pixels > 0 {
			chordsAVX2(&chords[0], pixels, x, s.x, h)
			continue
		}
		for i := range chords {
			dx := x - s.x
			chord := float32(0)
			if rest := h - dx*dx; rest > 0 {
				chord = float32(math.Sqrt(float64(rest)))
			}
			chords[i] = chord
			x++
		}
	}
	sum := float32(0)
	for _, chord := range b.chords {
		sum += chord
	}
	cells, scale, chords := b.Box.Cells, weight/sum, b.chords
	for _, p := range b.spans {
		rows := b.Values[within(p.y, cells)*cells:]
		row := rows[:cells]
		x := within(p.x, cells)
		line := chords[:p.pixels]
		chords = chords[p.pixels:]
		if vector && p.pixels > 0 && x+p.pixels <= cells && x+p.pixels+7 <= len(rows) {
			addAVX2(&rows[x], &line[0], p.pixels, scale)
			continue
		}
		for len(line) > 0 { // to the end of the row, then on from its start
			here := row[x:min(x+len(line), cells)]
			for i, chord := range line[:len(here)] {
				here[i] += chord * scale
			}
			line, x = line[len(here):], 0
		}
	}
}

// within returns the periodic image in 0…n−1 of an index that lies at most a few n outside, without
// a division.
func within(i, n int) int {
	for i < 0 {
		i += n
	}
	for i >= n {
		i -= n
	}
	return i
}

// Universe simulates one box and returns its 15 maps averaged down to cells pixels a side, which
// must divide Config.Pixels.
func Universe(ctx context.Context, c Config, params cosmology.Params, seed uint64, cells int,
) ([]field.Map, error) {
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
