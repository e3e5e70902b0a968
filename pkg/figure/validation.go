package figure

import (
	"fmt"
	"image/color"
	"math"
	"slices"

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
	var values []float64
	for _, c := range g.Curves {
		values = append(values, over(c.Factor, c.A)...)
	}
	all := finite(values)
	if len(all) == 0 || len(g.Waves) == 0 {
		return Empty("No growth was measured.")
	}
	var entries []entry
	for _, p := range []*panel{factor, rate} {
		p.rangeX(0.019, 1.05)
	}
	factor.rangeY(0.95, 1.05*all[len(all)-1])
	point := draw.GlyphStyle{Color: black, Radius: vg.Points(2.5), Shape: draw.RingGlyph{}}
	var rates [][]float64
	for _, c := range g.Curves {
		rates = append(rates, c.Rate)
	}
	rate.rangeY(finite(rates...)[0]-0.03, 1.03)
	for i, c := range g.Curves {
		sty := categories[i%len(categories)]
		factor.line(c.A, over(c.Factor, c.A), sty)
		rate.line(c.A, c.Rate, sty)
		for j := 0; j < len(c.A); j += 5 {
			factor.Add(spots{factor.points(c.A[j:j+1], []float64{c.ClosedFactor[j] / c.A[j]}), point})
			rate.Add(spots{rate.points(c.A[j:j+1], c.ClosedRate[j:j+1]), point})
		}
		entries = append(entries, entry{label: fmt.Sprintf("Ω_m = %g", c.OmegaM), line: &sty})
	}
	entries = append(entries, entry{label: "closed form", glyph: &point})
	low, high := 1.0, 1.0
	last := 0.0
	for _, w := range g.Waves {
		for i := range w.K {
			low, high, last = min(low, w.Ratio[i]-w.Single[i]), max(high, w.Ratio[i]+w.Single[i]),
				max(last, w.K[i])
		}
	}
	waves.rangeX(0, 1.15*last)
	waves.rangeY(max(low, 0)-0.03, min(high, 2)+0.03)
	waves.horizontal(1, line(grey, 0.7))
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
		waves.markers(k, w.Ratio, sum(w.Ratio, w.Single, -1), sum(w.Ratio, w.Single, 1), glyph)
		entries = append(entries, entry{label: w.Name, glyph: &glyph})
	}
	return &Figure{
		width: pageWidth, height: 2.7 * vg.Inch, legend: entries, note: g.Caption +
			outside("Waves", waves),
		body: func(c draw.Canvas) { drawPanels(c, [][]*panel{{factor, rate, waves}}) },
	}
}

// over returns a/b.
func over(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] / b[i]
	}
	return out
}

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
	all := finite(append(slices.Clone(ratios), fits...)...)
	ratio.rangeY(min(0.93, all[0]-0.01), max(1.07, all[len(all)-1]+0.01))
	ratio.horizontal(1, line(grey, 0.7))
	var entries []entry
	for i, c := range t.Curves {
		of := categories[1+i%(len(categories)-1)] // black is CAMB's
		sty := thin(of, 1.6)
		dashed := line(black, 0.9, genDash...)
		fit := thin(of, 0.8)
		fit.Dashes = fitDots
		both.line(c.K, c.T, sty)
		both.line(c.K, c.CAMBT, dashed)
		ratio.line(c.K, ratios[i], of)
		ratio.line(c.K, fits[i], fit)
		entries = append(entries, entry{label: c.Params.String(), line: &of})
		if i == len(t.Curves)-1 {
			dotted := line(grey, 0.8, fitDots...)
			entries = append(entries, entry{label: "CAMB", line: &dashed},
				entry{label: "Eisenstein and Hu", line: &dotted})
		}
	}
	return &Figure{
		width: pageWidth, height: 2.9 * vg.Inch, legend: entries, note: t.Caption,
		body: func(c draw.Canvas) { drawPanels(c, [][]*panel{{both, ratio}}) },
	}
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
	fiducial := m.Universes[0]
	for _, p := range []*panel{boost, ratio} {
		p.rangeX(limitsK(fiducial.K))
	}
	boost.rangeY(logLimits(positive(finite(boosts...)), nil))
	ratio.rangeY(0.7, 1.3)
	wanted := []float64{validation.NonlinearLow, validation.NonlinearHigh}
	ratio.band(wanted, []float64{0.9, 0.9}, []float64{1.1, 1.1}, faint(green, 0.18))
	ratio.horizontal(1, line(grey, 0.7))
	var entries []entry
	thinnest := line(black, 0.7)
	for i, u := range m.Universes {
		of := categories[i%len(categories)]
		sty := thin(of, 1.2, of.Dashes...)
		if i == 0 {
			sty.Width = vg.Points(1.8)
			boost.band(u.K, sum(u.OverLinear, u.LinearError, -1), sum(u.OverLinear, u.LinearError, 1),
				faint(black, 0.2))
			ratio.band(u.K, sum(u.OverHMcode, u.HMError, -1), sum(u.OverHMcode, u.HMError, 1),
				faint(black, 0.2))
		}
		boost.line(u.K, u.HMcode, thin(of, 0.7))
		boost.line(u.K, u.OverLinear, sty)
		ratio.line(u.K, u.OverHMcode, sty)
		entries = append(entries, entry{label: u.Params.String(), line: &sty})
	}
	entries = append(entries, entry{label: "HMcode / CAMB's linear power", line: &thinnest},
		entry{label: "0.9 to 1.1", fill: faint(green, 0.18)})
	return &Figure{
		width: pageWidth, height: 3 * vg.Inch, legend: entries, note: m.Caption +
			outside("P/P_{HMcode}", ratio),
		body: func(c draw.Canvas) { drawPanels(c, [][]*panel{{boost, ratio}}) },
	}
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
			p.horizontal(1, line(grey, 0.7))
			byOmega[c.OmegaM] = p
			panels = append(panels, p)
		}
		sty, known := styles[c.Name]
		if !known {
			sty = categories[len(styles)%len(categories)]
			styles[c.Name] = sty
			entries = append(entries, entry{label: c.Name, line: &sty})
		}
		p.band(v.K, sum(c.Ratio, c.Error, -1), sum(c.Ratio, c.Error, 1), shade(sty, 0.15))
		p.line(v.K, c.Ratio, sty)
	}
	return &Figure{
		width: pageWidth, height: 2.9 * vg.Inch, legend: entries,
		note: v.Caption + outside("Ratios", panels...),
		body: func(c draw.Canvas) { drawPanels(c, [][]*panel{panels}) },
	}
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
		p.horizontal(1, line(grey, 0.7))
	}
	for i, d := range r.Compared {
		sty := categories[i]
		curve := func(p *panel, ratio, err []float64) {
			p.band(k, sum(ratio, err, -1), sum(ratio, err, 1), shade(sty, 0.2))
			p.line(k, ratio, sty)
		}
		curve(left, d.Ratio[side], d.Error[side])
		curve(right, d.Log[side], d.LogError[side])
		entries = append(entries, entry{label: d.Name, line: &sty})
	}
	return &Figure{
		width: pageWidth, height: 2.9 * vg.Inch, legend: entries,
		note: r.Caption + outside("Ratios", left, right),
		body: func(c draw.Canvas) { drawPanels(c, [][]*panel{{left, right}}) },
	}
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
	p.horizontal(1, line(grey, 0.7))
	var entries []entry
	for i, m := range r.Varied {
		sty := categories[i%len(categories)]
		p.band(r.K, sum(m.Ratio, m.Error, -1), sum(m.Ratio, m.Error, 1), shade(sty, 0.2))
		p.line(r.K, m.Ratio, sty)
		at, glyph := []float64{validation.BandK},
			draw.GlyphStyle{Color: sty.Color, Radius: vg.Points(3.5), Shape: draw.CircleGlyph{}}
		p.markers(at, []float64{m.Reference}, []float64{m.Reference * (1 - m.Tolerance)},
			[]float64{m.Reference * (1 + m.Tolerance)}, glyph)
		entries = append(entries, entry{label: m.Params.String(), line: &sty})
	}
	dot := draw.GlyphStyle{Color: grey, Radius: vg.Points(3.5), Shape: draw.CircleGlyph{}}
	entries = append(entries, entry{label: "reference", glyph: &dot})
	return &Figure{
		width: pageWidth, height: 3.1 * vg.Inch, legend: entries, note: r.Caption + outside("Ratios", p),
		body: func(c draw.Canvas) { drawPanels(c, [][]*panel{{p}}) },
	}
}

// Numerics draws the error of positions against time steps, and the power of the maps of each
// axis over that of all.
func Numerics(n validation.Numerics) *Figure {
	v, s := n.Convergence, n.Symmetry
	if len(v.Steps) == 0 || len(s.K) == 0 {
		return Empty("Neither time steps nor axes were compared.")
	}
	steps := floats(v.Steps)
	left := newPanel(logarithmic, logarithmic, fmt.Sprintf("order %s", number(v.Order, 2)),
		"time steps", "rms error of positions [Mpc/h]")
	left.rangeX(steps[0]/1.2, steps[len(steps)-1]*1.2)
	square := make([]float64, len(steps))
	for i, n := range steps {
		square[i] = v.Errors[0] * math.Pow(steps[0]/n, 2)
	}
	left.rangeY(logLimits(positive(finite(v.Errors, square)), nil))
	dot, second := draw.GlyphStyle{Color: black, Radius: vg.Points(3), Shape: draw.CircleGlyph{}},
		line(grey, 1, genDash...)
	left.line(steps, square, second)
	left.markers(steps, v.Errors, v.Errors, v.Errors, dot)
	right := newPanel(logarithmic, linear, "", "k [h/Mpc]", "P_{axis}(k) / P(k)")
	right.rangeX(limitsK(s.K))
	var ends [][]float64
	for axis := range s.Ratio {
		ends = append(ends, sum(s.Ratio[axis], s.Error[axis], -1), sum(s.Ratio[axis], s.Error[axis], 1))
	}
	all := finite(ends...)
	right.rangeY(min(0.9, all[0]), max(1.1, all[len(all)-1]))
	right.horizontal(1, line(grey, 0.7))
	entries := []entry{
		{label: "distance from the finest run", glyph: &dot},
		{label: "second order", line: &second},
	}
	for axis, name := range []string{"x", "y", "z"} {
		sty := categories[axis]
		right.band(s.K, sum(s.Ratio[axis], s.Error[axis], -1), sum(s.Ratio[axis], s.Error[axis], 1),
			shade(sty, 0.15))
		right.line(s.K, s.Ratio[axis], sty)
		entries = append(entries, entry{label: "maps along " + name, line: &sty})
	}
	return &Figure{
		width: pageWidth, height: 2.9 * vg.Inch, legend: entries, note: "Left: " + v.Caption +
			" Right: " + s.Caption,
		body: func(c draw.Canvas) { drawPanels(c, [][]*panel{{left, right}}) },
	}
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
	ours, theirs := line(trueColor, 1.6), line(vermillion, 1.4, genDash...)
	p.line(o.Centres, o.Density, ours)
	p.vertical(o.CAMELSMean, theirs)
	p.vertical(o.Mean, line(trueColor, 1))
	y := 1.06 * all[len(all)-1]
	p.line([]float64{o.CAMELSMean - o.CAMELSStd, o.CAMELSMean + o.CAMELSStd}, []float64{y, y}, theirs)
	y *= 1.04
	p.line([]float64{o.Mean - o.Std, o.Mean + o.Std}, []float64{y, y}, line(trueColor, 1))
	return &Figure{
		width: 6.5 * vg.Inch, height: 2.9 * vg.Inch,
		legend: []entry{
			{
				label: fmt.Sprintf("FastPM: mean %s, std %s", number(o.Mean, 3), number(o.Std, 3)), line: &ours,
				fill: faint(trueColor, 0.22),
			},
			{
				label: fmt.Sprintf("CAMELS: %s, %s", number(o.CAMELSMean, 3), number(o.CAMELSStd, 3)),
				line:  &theirs,
			},
		},
		note: o.Caption + " Bars: mean ± standard deviation." + outside("Densities", p),
		body: func(c draw.Canvas) { drawPanels(c, [][]*panel{{p}}) },
	}
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

// shade is the colour of a line at an opacity.
func shade(sty draw.LineStyle, opacity float64) color.NRGBA {
	return faint(color.NRGBAModel.Convert(sty.Color).(color.NRGBA), opacity)
}

// thin is a line of the same colour with a width and dashes of its own.
func thin(sty draw.LineStyle, width float64, dashes ...vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: sty.Color, Width: vg.Points(width), Dashes: dashes}
}
