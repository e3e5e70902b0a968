package validation

import (
	"fmt"

	"darkfield/pkg/report"
)

// Resolution compares maps of fewer particles with those of more, of the same phases.
type Resolution struct {
	Sides    []int       // pixels of the maps
	K        [][]float64 // [side][bin]
	Compared []Compared
	Caption  string
}

// Compared is the power of coarser maps over that of finer ones.
type Compared struct {
	Name       string
	Ratio, Log [][]float64 // [side][bin] of the overdensity, and of log10 of the maps
	Error      [][]float64 // of Ratio, from the scatter over seeds; NaN for one seed
	LogError   [][]float64 // of Log
	Within     []float64   // [side] largest k up to which Log stays within 10 % of 1, h/Mpc
	judged     bool
}

// within is the tolerance of the power of coarser maps, relative to that of finer ones.
const within = 0.1

func (b *boxStudy) resolution(c Config) Resolution {
	out := Resolution{Sides: c.Sides}
	for side := range c.Sides {
		out.K = append(out.K, b.fine[0].K[side])
	}
	compare := func(name string, judged bool, coarse, fine []boxMaps) {
		d := Compared{Name: name, judged: judged}
		for side := range c.Sides {
			r, e := ratioOf(coarse, fine, side)
			l, le := ratioOfLogs(coarse, fine, side)
			d.Ratio, d.Error = append(d.Ratio, r), append(d.Error, e)
			d.Log, d.LogError = append(d.Log, l), append(d.LogError, le)
			d.Within = append(d.Within, reach(out.K[side], l))
		}
		out.Compared = append(out.Compared, d)
	}
	compare(fmt.Sprintf("%d³ over %d³ particles", c.Coarse.Particles, c.Fine.Particles),
		true, b.coarse, b.fine)
	referred := c.Reference.Particles > 0
	if referred {
		name := fmt.Sprintf("%d³ over %d³ particles", c.Fine.Particles, c.Reference.Particles)
		compare(name, false, b.fine[:1], b.reference[:1])
		compare(name+", spheres of the same mass", false, b.fine[:1], b.reference[1:])
	}
	out.Caption = fmt.Sprintf("Maps of fewer particles over maps of more in %g Mpc/h, %d steps, the "+
		"same phases; %d seeds × 15 maps, band: ± standard error.",
		c.Box.BoxSide, c.Box.Steps, c.ResolutionSeeds)
	if referred {
		out.Caption += fmt.Sprintf(" %d³ particles: one box; with spheres that hold %d particles, "+
			"and with spheres that hold the mass of those of %d³ particles.",
			c.Reference.Particles, c.Fine.Neighbours, c.Fine.Particles)
	}
	return out
}

// reach returns the largest k up to which a ratio stays within 10 % of 1.
func reach(k, ratio []float64) float64 {
	last := 0.0
	for i, r := range ratio {
		if !(r >= 1-within && r <= 1+within) {
			break
		}
		last = k[i]
	}
	return last
}

func (r Resolution) rows(c Config) []Row {
	var out []Row
	const source = "the finer simulation"
	for _, d := range r.Compared {
		for side, pixels := range r.Sides {
			name := fmt.Sprintf("%s, maps of %d²", d.Name, pixels)
			for _, part := range []struct {
				low, high, tolerance float64
			}{{0, 2, within}, {2, 6, within}, {6, 12, 0}, {12, 30, 0}} {
				mean, e, n := meanWithin(r.K[side], d.Ratio[side], d.Error[side], part.low, part.high)
				if n == 0 {
					continue
				}
				tolerance := 0.0
				if d.judged {
					tolerance = c.tolerance(part.tolerance)
				}
				quantity := fmt.Sprintf("%s: mean over %g < k < %g h/Mpc", name, part.low, part.high)
				out = append(out, row(quantity, source, mean).plusMinus(e).want(1, tolerance))
			}
			out = append(out, row(name+": power of log10 within 10 % up to k in h/Mpc",
				"the last k of the maps", d.Within[side]).want(r.K[side][len(r.K[side])-1], 0))
		}
	}
	return section(SectionResolution, out)
}

// WriteCSV writes one row a number.
func (r Resolution) WriteCSV(path string) error {
	t := report.NewTable("compared", "pixels_a_side", "quantity", "k_h_per_mpc", "value")
	for _, d := range r.Compared {
		for side, pixels := range r.Sides {
			add := func(name string, values []float64) {
				t.Curve(r.K[side], values, d.Name, pixels, name)
			}
			add("power_over_finer", d.Ratio[side])
			add("power_over_finer_error", d.Error[side])
			add("log_power_over_finer", d.Log[side])
			add("log_power_over_finer_error", d.LogError[side])
		}
	}
	return t.Write(path)
}
