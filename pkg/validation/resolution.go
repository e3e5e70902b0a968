package validation

import "fmt"

// Resolution compares maps of fewer particles with those of more, of the same phases.
type Resolution struct {
	Sides   []int       // pixels of the maps
	K       [][]float64 // [side][bin]
	Ratio   [][]float64 // power of the coarser over that of the finer
	Error   [][]float64 // from the scatter over seeds; NaN for one seed
	Caption string
}

func (b *boxStudy) resolution(c Config) Resolution {
	out := Resolution{Sides: c.Sides}
	for side := range c.Sides {
		r, e := ratioOf(b.coarse, b.fine, side)
		out.K, out.Ratio, out.Error = append(out.K, b.fine[0].K[side]), append(out.Ratio, r), append(out.Error, e)
	}
	out.Caption = fmt.Sprintf("%d³ particles over %d³ in %g Mpc/h, %d steps, the same phases; %d seeds × 15 maps, band: ± standard error.",
		c.Coarse.Particles, c.Fine.Particles, c.Box.BoxSide, c.Box.Steps, c.ResolutionSeeds)
	return out
}

func (r Resolution) rows(c Config) []Row {
	var out []Row
	name := fmt.Sprintf("%d³ over %d³ particles", c.Coarse.Particles, c.Fine.Particles)
	for side, pixels := range r.Sides {
		for _, part := range []struct {
			low, high, tolerance float64
		}{{0, 2, 0.1}, {2, 6, 0.1}, {6, 12, 0}, {12, 30, 0}} {
			mean, e, n := meanWithin(r.K[side], r.Ratio[side], r.Error[side], part.low, part.high)
			if n == 0 {
				continue
			}
			out = append(out, Row{
				Quantity: fmt.Sprintf("%s, maps of %d²: mean over %g < k < %g h/Mpc", name, pixels, part.low, part.high), Value: mean, Error: e,
				Reference: 1, Tolerance: c.tolerance(part.tolerance), Source: "the finer simulation",
			})
		}
	}
	return section(SectionResolution, out)
}

// WriteCSV writes one row a number.
func (r Resolution) WriteCSV(path string) error {
	t := newTable("pixels_a_side", "quantity", "k_h_per_mpc", "value")
	for side, pixels := range r.Sides {
		t.curve([]string{fmt.Sprint(pixels), "power_over_finer"}, r.K[side], r.Ratio[side])
		t.curve([]string{fmt.Sprint(pixels), "power_over_finer_error"}, r.K[side], r.Error[side])
	}
	return t.write(path)
}
