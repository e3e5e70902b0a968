package figure

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"darkfield/pkg/validation"
)

// The figures of the simulator's validation. References are dashed or points, the simulator's own
// numbers solid.

// Growth draws growth factor and rate beside their closed forms, and the longest waves of
// simulations over linear growth.
func Growth(g validation.Growth) *Figure {
	factor := newPanel(logarithmic, linear, "", "a", "D(a)/a")
	rate := newPanel(logarithmic, linear, "", "a", "f(a) = dlnD/dlna")
	waves := newPanel(linear, linear, "", "k [h/Mpc]", "δ / δ_{linear} today")
	var factors, rates [][]float64
	for _, c := range g.Curves {
		factors, rates = append(factors, over(c.Factor, c.A)), append(rates, c.Rate)
	}
	all := finite(factors...)
	if len(all) == 0 || len(g.Waves) == 0 {
		return Empty("No growth was measured.")
	}
	factor.rangeX(0.019, 1.05)
	factor.rangeY(0.95, 1.05*all[len(all)-1])
	rate.rangeX(0.019, 1.05)
	rate.rangeY(finite(rates...)[0]-0.03, 1.03)
	point := draw.GlyphStyle{Color: black, Radius: vg.Points(2.5), Shape: draw.RingGlyph{}}
	var entries []entry
	for i, c := range g.Curves {
		sty := categories[i%len(categories)]
		factor.line(c.A, factors[i], sty)
		rate.line(c.A, c.Rate, sty)
		for j := 0; j < len(c.A); j += 5 {
			factor.Add(spots{factor.points(c.A[j:j+1], []float64{c.ClosedFactor[j] / c.A[j]}), point})
			rate.Add(spots{rate.points(c.A[j:j+1], c.ClosedRate[j:j+1]), point})
		}
		entries = append(entries, entry{label: fmt.Sprintf("Ω_m = %g", c.OmegaM), line: sty})
	}
	entries = append(entries, entry{label: "closed form", glyph: point})
	low, high, last := 1.0, 1.0, 0.0
	for _, w := range g.Waves {
		for i := range w.K {
			low, high, last = min(low, w.Ratio[i]-w.Single[i]), max(high, w.Ratio[i]+w.Single[i]),
				max(last, w.K[i])
		}
	}
	waves.rangeX(0, 1.15*last)
	waves.rangeY(max(low, 0)-0.03, min(high, 2)+0.03)
	waves.horizontal(1, unity)
	shapes := []draw.GlyphDrawer{draw.BoxGlyph{}, draw.CircleGlyph{}, draw.PyramidGlyph{}}
	for i, w := range g.Waves {
		glyph := draw.GlyphStyle{
			Color: categories[i%len(categories)].Color, Radius: vg.Points(3),
			Shape: shapes[i%len(shapes)],
		}
		k := make([]float64, len(w.K))
		for j := range k {
			k[j] = w.K[j] + 0.0006*float64(i-1) // side by side
		}
		low, high := envelope(w.Ratio, w.Single)
		waves.markers(k, w.Ratio, low, high, glyph)
		entries = append(entries, entry{label: w.Name, glyph: glyph})
	}
	return page(pageWidth, 2.7*vg.Inch, entries, g.Caption+outside("Waves", waves),
		[]*panel{factor, rate, waves})
}

// over returns a/b.
func over(a, b []float64) []float64 { return floats.DivTo(make([]float64, len(a)), a, b) }

// fitDots mark what darkfield offers but does not begin with.
var fitDots = []vg.Length{vg.Points(1.2), vg.Points(1.6)}

// Transfer draws the transfer function beside CAMB's, and the ratios to CAMB's of the linear
// spectrum and of Eisenstein and Hu's.
func Transfer(t validation.Transfer) *Figure {
	if len(t.Curves) == 0 {
		return Empty("CAMB's tables hold no universe.")
	}
	both := newPanel(logarithmic, logarithmic, "", "k [h/Mpc]", "T(k)")
	ratio := newPanel(logarithmic, linear, "", "k [h/Mpc]", "P(k) / P_{CAMB}(k)")
	var values, ratios, fits [][]float64
	for _, c := range t.Curves {
		values = append(values, c.T, c.CAMBT)
		ratios, fits = append(ratios, over(c.P, c.CAMBP)), append(fits, over(c.FittedP, c.CAMBP))
		both.rangeX(limitsK(c.K))
		ratio.rangeX(limitsK(c.K))
	}
	both.rangeY(logLimits(positive(finite(values...)), nil))
	all := finite(slices.Concat(ratios, fits)...)
	ratio.rangeY(min(0.93, all[0]-0.01), max(1.07, all[len(all)-1]+0.01))
	ratio.horizontal(1, unity)
	dashed := line(black, 0.9, genDash...)
	var entries []entry
	for i, c := range t.Curves {
		of := categories[1+i%(len(categories)-1)] // black is CAMB's
		both.line(c.K, c.T, thin(of, 1.6))
		both.line(c.K, c.CAMBT, dashed)
		ratio.line(c.K, ratios[i], of)
		ratio.line(c.K, fits[i], thin(of, 0.8, fitDots...))
		entries = append(entries, entry{label: c.Params.String(), line: of})
	}
	entries = append(entries, entry{label: "CAMB", line: dashed},
		entry{label: "Eisenstein and Hu", line: line(grey, 0.8, fitDots...)})
	return page(pageWidth, 2.9*vg.Inch, entries, t.Caption, []*panel{both, ratio})
}

// MatterPower draws the power of large boxes over linear theory and over HMcode; the fiducial
// universe with its error.
func MatterPower(m validation.MatterPower) *Figure {
	if len(m.Universes) == 0 {
		return Empty("No large box was measured.")
	}
	boost := newPanel(logarithmic, logarithmic, "", "k [h/Mpc]", "P(k) / P_{linear}(k)")
	ratio := newPanel(logarithmic, linear, "", "k [h/Mpc]", "P(k) / P_{HMcode}(k)")
	var boosts [][]float64
	for _, u := range m.Universes {
		boosts = append(boosts, u.OverLinear, u.HMcode)
	}
	boost.rangeX(limitsK(m.Universes[0].K))
	boost.rangeY(logLimits(positive(finite(boosts...)), nil))
	ratio.rangeX(limitsK(m.Universes[0].K))
	ratio.rangeY(0.7, 1.3)
	ratio.strip(validation.NonlinearLow, validation.NonlinearHigh, 0.9, 1.1, aim)
	ratio.horizontal(1, unity)
	var entries []entry
	for i, u := range m.Universes {
		of := categories[i%len(categories)]
		sty := thin(of, 1.2, of.Dashes...)
		if i == 0 {
			sty.Width = vg.Points(1.8)
			boost.spread(u.K, u.OverLinear, u.LinearError, faint(black, 0.2))
			ratio.spread(u.K, u.OverHMcode, u.HMError, faint(black, 0.2))
		}
		boost.line(u.K, u.HMcode, thin(of, 0.7))
		boost.line(u.K, u.OverLinear, sty)
		ratio.line(u.K, u.OverHMcode, sty)
		entries = append(entries, entry{label: u.Params.String(), line: sty})
	}
	entries = append(entries, entry{label: "HMcode / CAMB's linear power", line: line(black, 0.7)},
		entry{label: "0.9 to 1.1", fill: aim})
	return page(pageWidth, 3*vg.Inch, entries, m.Caption+outside("P/P_{HMcode}", ratio),
		[]*panel{boost, ratio})
}

// Choices draws how much the power of log maps changes with numerical choices, a panel for each
// Ω_m.
func Choices(v validation.Choices) *Figure {
	if len(v.Changes) == 0 {
		return Empty("No numerical choice was changed.")
	}
	var panels []*panel
	var entries []entry
	byOmega := map[float64]*panel{}
	styles := map[string]draw.LineStyle{}
	for _, c := range v.Changes {
		p := byOmega[c.OmegaM]
		if p == nil {
			p = newPanel(logarithmic, linear, fmt.Sprintf("Ω_m = %g", c.OmegaM), "k [h/Mpc]",
				"P_{log}(k) / P_{log, default}(k)")
			p.rangeX(limitsK(v.K))
			p.rangeY(0.92, 1.08)
			p.horizontal(1, unity)
			byOmega[c.OmegaM] = p
			panels = append(panels, p)
		}
		sty, known := styles[c.Name]
		if !known {
			sty = categories[len(styles)%len(categories)]
			styles[c.Name] = sty
			entries = append(entries, entry{label: c.Name, line: sty})
		}
		p.banded(v.K, c.Ratio, c.Error, sty, 0.15)
	}
	return page(pageWidth, 2.9*vg.Inch, entries, v.Caption+outside("Ratios", panels...), panels)
}

// Resolution draws the power of maps of few particles over that of more, of the finest maps: of the
// overdensity at the left, of log10 at the right.
func Resolution(r validation.Resolution) *Figure {
	if len(r.K) == 0 {
		return Empty("No resolutions were compared.")
	}
	left := newPanel(logarithmic, linear, "overdensity", "k [h/Mpc]", "P(k) / P_{finer}(k)")
	right := newPanel(logarithmic, linear, "log10 of the maps", "k [h/Mpc]", "P(k) / P_{finer}(k)")
	side := len(r.Sides) - 1
	k := r.K[side]
	var entries []entry
	for _, p := range []*panel{left, right} {
		p.rangeX(limitsK(k))
		p.rangeY(0.4, 1.6)
		p.horizontal(1, unity)
	}
	for i, d := range r.Compared {
		left.banded(k, d.Ratio[side], d.Error[side], categories[i], 0.2)
		right.banded(k, d.Log[side], d.LogError[side], categories[i], 0.2)
		entries = append(entries, entry{label: d.Name, line: categories[i]})
	}
	return page(pageWidth, 2.9*vg.Inch, entries, r.Caption+outside("Ratios", left, right),
		[]*panel{left, right})
}

// Responses draws how power answers to one parameter, with the acceptance numbers as points.
func Responses(r validation.Responses) *Figure {
	if len(r.Varied) == 0 {
		return Empty("No parameter was moved.")
	}
	p := newPanel(logarithmic, logarithmic, "", "k [h/Mpc]", "P(k) / P_{fid}(k)")
	p.rangeX(limitsK(r.K))
	var values [][]float64
	for _, m := range r.Varied {
		values = append(values, m.Ratio)
	}
	p.rangeY(logLimits(positive(finite(values...)), nil))
	p.horizontal(1, unity)
	var entries []entry
	for i, m := range r.Varied {
		sty := categories[i%len(categories)]
		p.banded(r.K, m.Ratio, m.Error, sty, 0.2)
		p.markers([]float64{validation.BandK}, []float64{m.Reference},
			[]float64{m.Reference * (1 - m.Tolerance)}, []float64{m.Reference * (1 + m.Tolerance)},
			dot(sty.Color, 3.5))
		entries = append(entries, entry{label: m.Params.String(), line: sty})
	}
	entries = append(entries, entry{label: "reference", glyph: dot(grey, 3.5)})
	return page(pageWidth, 3.1*vg.Inch, entries, r.Caption+outside("Ratios", p), []*panel{p})
}

// Numerics draws the error of positions against time steps, and the power of the maps of each
// axis over that of all.
func Numerics(n validation.Numerics) *Figure {
	v, s := n.Convergence, n.Symmetry
	if len(v.Steps) == 0 || len(s.K) == 0 {
		return Empty("Neither time steps nor axes were compared.")
	}
	steps := numbers(v.Steps)
	left := newPanel(logarithmic, logarithmic, fmt.Sprintf("order %s", number(v.Order, 2)),
		"time steps", "rms error of positions [Mpc/h]")
	left.rangeX(steps[0]/1.2, steps[len(steps)-1]*1.2)
	square := make([]float64, len(steps))
	for i, n := range steps {
		square[i] = v.Errors[0] * math.Pow(steps[0]/n, 2)
	}
	left.rangeY(logLimits(positive(finite(v.Errors, square)), nil))
	second := line(grey, 1, genDash...)
	left.line(steps, square, second)
	left.markers(steps, v.Errors, v.Errors, v.Errors, dot(black, 3))
	right := newPanel(logarithmic, linear, "", "k [h/Mpc]", "P_{axis}(k) / P(k)")
	right.rangeX(limitsK(s.K))
	var ends [][]float64
	for axis := range s.Ratio {
		ends = append(ends, finite(envelope(s.Ratio[axis], s.Error[axis])))
	}
	all := finite(ends...)
	right.rangeY(min(0.9, all[0]), max(1.1, all[len(all)-1]))
	right.horizontal(1, unity)
	entries := []entry{
		{label: "distance from the finest run", glyph: dot(black, 3)},
		{label: "second order", line: second},
	}
	for axis, name := range []string{"x", "y", "z"} {
		right.banded(s.K, s.Ratio[axis], s.Error[axis], categories[axis], 0.15)
		entries = append(entries, entry{label: "maps along " + name, line: categories[axis]})
	}
	return page(pageWidth, 2.9*vg.Inch, entries, "Left: "+v.Caption+" Right: "+s.Caption,
		[]*panel{left, right})
}

// OnePoint draws the distribution of the pixels of an LH set beside CAMELS' mean and standard
// deviation.
func OnePoint(o validation.OnePoint) *Figure {
	if len(o.Centres) < 2 {
		return Empty("No pixels were counted.")
	}
	p := newPanel(linear, linear, "", logLabel("(Msun/h)/(Mpc/h)^2"), "probability per dex")
	p.rangeX(9.4, 13.4)
	all := finite(o.High, o.Density)
	p.rangeY(0, 1.15*all[len(all)-1])
	p.band(o.Centres, o.Low, o.High, faint(trueColor, 0.22))
	thinner, theirs := line(trueColor, 1), line(vermillion, 1.4, genDash...)
	p.line(o.Centres, o.Density, trueLine)
	p.vertical(o.CAMELSMean, theirs)
	p.vertical(o.Mean, thinner)
	y := 1.06 * all[len(all)-1]
	p.line([]float64{o.CAMELSMean - o.CAMELSStd, o.CAMELSMean + o.CAMELSStd}, []float64{y, y}, theirs)
	y *= 1.04
	p.line([]float64{o.Mean - o.Std, o.Mean + o.Std}, []float64{y, y}, thinner)
	fastPM := fmt.Sprintf("FastPM: mean %s, std %s", number(o.Mean, 3), number(o.Std, 3))
	camels := fmt.Sprintf("CAMELS: %s, %s", number(o.CAMELSMean, 3), number(o.CAMELSStd, 3))
	return page(6.5*vg.Inch, 2.9*vg.Inch, []entry{
		sample(fastPM, trueLine, 0.22),
		{label: camels, line: theirs},
	}, o.Caption+" Bars: mean ± standard deviation."+outside("Densities", p), []*panel{p})
}

// Named is a figure, what it is drawn from, and the name of its files.
type Named struct {
	Name    string
	Section string // of the report
	Figure  *Figure
	Numbers interface{ WriteCSV(path string) error }
}

// Validation returns all figures of a report.
func Validation(r *validation.Report) []Named {
	return []Named{
		{"validation_growth", validation.SectionGrowth, Growth(r.Growth), r.Growth},
		{"validation_transfer", validation.SectionTransfer, Transfer(r.Transfer), r.Transfer},
		{"validation_power", validation.SectionPower, MatterPower(r.MatterPower), r.MatterPower},
		{"validation_choices", validation.SectionChoices, Choices(r.Choices), r.Choices},
		{"validation_resolution", validation.SectionResolution, Resolution(r.Resolution), r.Resolution},
		{"validation_response", validation.SectionResponse, Responses(r.Responses), r.Responses},
		{"validation_numerics", validation.SectionSymmetry, Numerics(r.Numerics), r.Numerics},
		{"validation_pixels", validation.SectionPixels, OnePoint(r.OnePoint), r.OnePoint},
	}
}
