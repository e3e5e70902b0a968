package figure

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"

	"darkfield/pkg/evaluate"
	"darkfield/pkg/modelcard"
)

// The figures of a checkpoint's model card.

// ModelCard returns all figures of a model card, one for each section.
func ModelCard(c modelcard.Results) []Named {
	return []Named{
		{"card_chi2", modelcard.SectionChi2, ControlChi2(c.Control), writer(c.Control.WriteScoresCSV)},
		{"card_paper", modelcard.SectionPaper, Chi2(c.Paper), c.Paper},
		{"card_power", modelcard.SectionPower, PowerRatios(c.Control), writer(c.Control.WritePowerCSV)},
		{"card_responses", modelcard.SectionResponses, ExtremeResponses(c.Responses), c.Responses},
		{"card_pixels", modelcard.SectionPixels, Histograms(c.Histograms), c.Histograms},
		{"card_distances", modelcard.SectionNovelty, Distances(c.Novelty), c.Novelty},
	}
}

// ControlChi2 draws the mean reduced chi² of generated maps at each parameter against that of the
// control.
func ControlChi2(c evaluate.Control) *Figure {
	var control, generated []float64
	for _, r := range c.Rows {
		control, generated = append(control, r.Control.Mean), append(generated, r.Generated.Mean)
	}
	all, truths := positive(finite(control, generated)), positive(finite(control))
	if len(all) == 0 {
		return Empty("No reduced chi²: none of the values is finite.")
	}
	scale := linear
	if len(truths) > 0 && all[len(all)-1] > 20*truths[len(truths)-1] {
		scale = logarithmic
	}
	p := newPanel(scale, scale, "", "control: mean reduced χ²", "generated: mean reduced χ²")
	low, high := all[0]/1.05, all[len(all)-1]*1.05
	p.rangeX(low, high)
	p.rangeY(low, high)
	equal, glyph := line(grey, 0.8), dot(genColor, 2.8)
	p.line([]float64{low, high}, []float64{low, high}, equal)
	p.count(generated)
	p.Add(spots{p.points(control, generated), glyph})
	legend := []entry{
		{label: fmt.Sprintf("%d parameters", len(c.Rows)), glyph: glyph},
		{label: "equal", line: equal},
	}
	return page(4.6*vg.Inch, 4*vg.Inch, legend, c.Caption+fmt.Sprintf(" Ratio of the means: %s ± %s.",
		number(c.Ratio, 3), number(c.RatioError, 3))+outside("χ²", p), []*panel{p})
}

// PowerRatios draws the power of generated maps over that of the control, of log fields and of
// densities, with standard errors.
func PowerRatios(c evaluate.Control) *Figure {
	low, high := envelope(c.LogPower.Mean, c.LogPower.Std)
	all := finite(low, high, c.LinearPower.Mean)
	if len(all) == 0 {
		return Empty("No power ratios: none of the values is finite.")
	}
	logs := newPanel(logarithmic, linear, "log fields", "k [h/Mpc]",
		"P_{generated}(k) / P_{control}(k)")
	densities := newPanel(logarithmic, linear, "densities", "k [h/Mpc]", "")
	limit, edge := modelcard.PowerUpTo*c.KNyquist, line(grey, 0.7, vg.Points(2), vg.Points(2))
	for i, p := range []*panel{logs, densities} {
		p.rangeX(limitsK(c.K))
		p.rangeY(max(min(0.85, all[0]-0.02), 0.3), min(max(1.15, all[len(all)-1]+0.02), 3))
		if i == 0 {
			p.strip(c.K[0]/1.05, limit, 1-modelcard.PowerWithin, 1+modelcard.PowerWithin, aim)
		}
		r := []evaluate.Ratio{c.LogPower, c.LinearPower}[i]
		p.horizontal(1, unity)
		p.vertical(limit, edge)
		p.banded(c.K, r.Mean, r.Std, genLine, 0.22)
	}
	unlabelled(&densities.Y, linear)
	return page(pageWidth, 2.9*vg.Inch, []entry{
		sample("mean over parameters ± standard error", genLine, 0.22),
		{label: "aim", fill: aim},
		{label: fmt.Sprintf("%g of Nyquist", modelcard.PowerUpTo), line: edge},
	}, c.Caption+outside("Ratios", logs, densities), []*panel{logs, densities})
}

// aim is the colour of what numbers should lie in.
var aim = faint(green, 0.18)

// ExtremeResponses draws P/P_fid of true and generated maps at the extreme values of each
// parameter, and their quotient.
func ExtremeResponses(r evaluate.Responses) *Figure {
	if len(r.Moved) == 0 {
		return Empty("No parameter was moved.")
	}
	both := newPanel(logarithmic, logarithmic, "", "k [h/Mpc]", "P(k) / P_{fid}(k)")
	quotient := newPanel(logarithmic, linear, "", "k [h/Mpc]", "generated / true")
	var truths, made, quotients [][]float64
	for _, m := range r.Moved {
		truths, made, quotients = append(truths, m.True), append(made, m.Generated),
			append(quotients, m.Quotient)
	}
	both.rangeX(limitsK(r.K))
	quotient.rangeX(limitsK(r.K))
	both.rangeY(logLimits(positive(finite(truths...)), positive(finite(made...))))
	low, high := 0.8, 1.2
	if all := finite(quotients...); len(all) > 0 {
		low, high = max(min(low, all[0]-0.02), 0.3), min(max(high, all[len(all)-1]+0.02), 3)
	}
	quotient.rangeY(low, high)
	if len(r.K) > evaluate.NoisyBins {
		quotient.strip(r.K[evaluate.NoisyBins], r.K[len(r.K)-1], 1-modelcard.ResponseWithin,
			1+modelcard.ResponseWithin, aim)
	}
	both.horizontal(1, unity)
	quotient.horizontal(1, unity)
	var entries []entry
	for i, m := range r.Moved {
		of := categories[1+i%(len(categories)-1)]
		solid, dashed := thin(of, 1.6), thin(of, 1.2, genDash...)
		both.banded(r.K, m.True, m.TrueError, solid, 0.2)
		both.line(r.K, m.Generated, dashed)
		quotient.banded(r.K, m.Quotient, m.QuotientError, dashed, 0.15)
		label := fmt.Sprintf("%s = %s", m.Parameter, number(m.Value, 1))
		entries = append(entries, entry{label: label, line: solid})
	}
	entries = append(entries, entry{label: "generated", line: line(grey, 1.2, genDash...)},
		entry{label: "aim", fill: aim})
	return page(pageWidth, 3*vg.Inch, entries, r.Caption+" Bands: one standard error."+
		outside("Quotients", quotient), []*panel{both, quotient})
}

// Distances draws the distribution functions of the distances to the nearest training map.
func Distances(n evaluate.Novelty) *Figure {
	var made, held []float64
	for _, r := range n.Rows {
		made, held = append(made, r.Generated), append(held, r.HeldOut)
	}
	all := finite(made, held)
	if len(all) == 0 {
		return Empty("No distances: no map was looked up.")
	}
	p := newPanel(linear, linear, "", "distance to the nearest training map [dex, rms over pixels]",
		"share of maps below")
	room := 0.03 * (all[len(all)-1] - all[0])
	low, high := all[0]-room, all[len(all)-1]+room
	p.rangeX(low, high)
	p.rangeY(0, 1.02)
	x, y := steps(held, low, high)
	p.line(x, y, trueLine)
	x, y = steps(made, low, high)
	p.line(x, y, genLine)
	legend := []entry{
		{label: fmt.Sprintf("%d true maps, held out", len(held)), line: trueLine},
		{label: fmt.Sprintf("%d generated maps", len(made)), line: genLine},
	}
	return page(6.5*vg.Inch, 2.9*vg.Inch, legend, n.Caption+fmt.Sprintf(" One-sided "+
		"Kolmogorov–Smirnov test that generated ones are nearer: D = %s, p = %s.", brief(n.Smaller.D),
		brief(n.Smaller.P)), []*panel{p})
}

// steps returns the corners of an empirical distribution function from low to high.
func steps(values []float64, low, high float64) (x, y []float64) {
	sorted := slices.Sorted(slices.Values(values))
	x, y = []float64{low}, []float64{0}
	for i, v := range sorted {
		if math.IsNaN(v) {
			continue
		}
		x, y = append(x, v, v),
			append(y, float64(i)/float64(len(sorted)), float64(i+1)/float64(len(sorted)))
	}
	return append(x, high), append(y, 1)
}
