package nbody

import (
	"context"
	"fmt"
	"math"

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
// sphere goes to the slab of its centre. A pixel that no sphere reaches is an error.
func Project(p *Particles, neighbours, pixels int) ([]field.Map, error) {
	radii := newTree(float32(p.Side), p.Positions).radii(neighbours)
	box := field.Box{Side: p.Side, Cells: pixels}
	mass := (p.Universe.OmegaM - p.Universe.OmegaB) * criticalDensity * p.Side * p.Side * p.Side / float64(len(radii))
	density := float32(mass / (box.CellSide() * box.CellSide()))
	var out []field.Map
	for axis := range 3 {
		maps := make([]field.Map, slabs)
		for i := range maps {
			maps[i] = field.NewMap(box)
		}
		across, up, right := p.Positions[axis], p.Positions[(axis+1)%3], p.Positions[(axis+2)%3]
		for i, r := range radii {
			slab := min(int(float64(across[i])/p.Side*slabs), slabs-1)
			addSphere(maps[slab], up[i], right[i], r, density)
		}
		out = append(out, maps...)
	}
	for i, m := range out {
		if err := m.CheckPositive(); err != nil {
			return nil, fmt.Errorf("nbody: map %d: %w: too few particles for %d pixels a side; ask for fewer", i, err, pixels)
		}
	}
	return out, nil
}

// addSphere adds the column density of a uniform sphere with the total weight to a periodic map. Spheres smaller than a pixel
// become one pixel wide, which the nearest four share.
func addSphere(m field.Map, y, x, radius, total float32) {
	cells := m.Box.Cells
	perCell := float32(float64(cells) / m.Box.Side)
	cy, cx, r := y*perCell, x*perCell, max(radius*perCell, 1)
	top, bottom := int(math.Ceil(float64(cy-r))), int(math.Floor(float64(cy+r)))
	sum := float32(0)
	for iy := top; iy <= bottom; iy++ {
		sum += chords(cx, r, float32(iy)-cy, nil, 0, cells)
	}
	for iy := top; iy <= bottom; iy++ {
		row := modulo(iy, cells) * cells
		chords(cx, r, float32(iy)-cy, m.Values[row:row+cells], total/sum, cells)
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
