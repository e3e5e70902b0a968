package figure

import (
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"darkfield/pkg/evaluate"
	"darkfield/pkg/summary"
)

// Spectra draws the paper's figure 1: k²P(k) of true and generated log fields above, z-scores of
// the generated ones below, a column for each parameter. Bands are mean ± one standard deviation
// over maps, but not below the lowest map; thin lines are single maps.
func Spectra(s evaluate.Spectra) *Figure {
	if len(s.Panels) == 0 {
		return Empty("No spectra: there is no validation parameter to show.")
	}
	top, bottom := make([]*panel, len(s.Panels)), make([]*panel, len(s.Panels))
	scores, low, high := scoreAxis(s)
	for i, p := range s.Panels {
		top[i] = powerPanel(p, s)
		bottom[i] = scorePanel(p, scores, low, high)
		if i > 0 {
			unlabelled(&top[i].Y, logarithmic)
			unlabelled(&bottom[i].Y, scores)
		}
		unlabelled(&top[i].X, logarithmic)
	}
	return page(pageWidth, 4.6*vg.Inch, []entry{
		sample("true maps: mean ± std", trueLine, 0.22),
		sample("generated maps: mean ± std", genLine, 0.22),
		{label: "single maps", line: line(faint(black, 0.35), 0.5)},
	}, s.Caption+outside("k²P", top...)+outside("z", bottom...), top, bottom)
}

func powerPanel(p evaluate.SpectraPanel, s evaluate.Spectra) *panel {
	out := newPanel(logarithmic, logarithmic, p.Params.String(), "", "k²P(k)")
	out.rangeX(limitsK(p.K))
	out.rangeY(powerLimits(s))
	for _, group := range []struct {
		curves [][]float64
		over   summary.BinStats
		line   draw.LineStyle
	}{{p.True, p.TrueStats, trueLine}, {p.Generated, p.GeneratedStats, genLine}} {
		low, high := envelope(group.over.Mean, group.over.Std)
		curves, color := weightedAll(p.K, group.curves), shade(group.line, 0.22)
		out.band(p.K, notBelow(weighted(p.K, low), curves), weighted(p.K, high), color)
		for _, one := range curves {
			out.line(p.K, one, line(color, 0.4))
		}
		out.line(p.K, weighted(p.K, group.over.Mean), group.line)
	}
	return out
}

// notBelow raises low to the least of the curves: a few wild maps make a deviation larger than
// the mean, and a band down to zero or below would cover a log axis without saying anything.
func notBelow(low []float64, curves [][]float64) []float64 {
	out := make([]float64, len(low))
	for i, v := range low {
		least := math.Inf(1)
		for _, c := range curves {
			least = min(least, c[i]) // NaN stays NaN
		}
		out[i] = v
		if least > v && !math.IsInf(least, 1) {
			out[i] = least
		}
	}
	return out
}

func weightedAll(k []float64, curves [][]float64) [][]float64 {
	out := make([][]float64, len(curves))
	for i, c := range curves {
		out[i] = weighted(k, c)
	}
	return out
}

// weighted returns k²P.
func weighted(k, power []float64) []float64 {
	out := make([]float64, len(power))
	for i, p := range power {
		out[i] = k[i] * k[i] * p
	}
	return out
}

func limitsK(k []float64) (float64, float64) {
	sorted := positive(finite(k))
	if len(sorted) == 0 {
		return 0.1, 1
	}
	return sorted[0] / 1.05, sorted[len(sorted)-1] * 1.05
}

// powerLimits spans all true spectra and most of the generated ones.
func powerLimits(s evaluate.Spectra) (float64, float64) {
	var truths, generated [][]float64
	for _, p := range s.Panels {
		truths, generated = append(truths, weightedAll(p.K, p.True)...),
			append(generated, weightedAll(p.K, p.Generated)...)
	}
	return logLimits(positive(finite(truths...)), positive(finite(generated...)))
}

// logLimits spans the sorted positive reference values and the middle 94 % of the others, but at
// most six decades beyond: an untrained network makes power that would press everything else flat.
func logLimits(reference, other []float64) (float64, float64) {
	const beyond = 1e6
	if len(reference) == 0 {
		reference = other
	}
	if len(reference) == 0 {
		return 0.1, 1
	}
	low, high := reference[0], reference[len(reference)-1]
	if len(other) > 0 {
		low = min(low, max(quantile(0.03, other), low/beyond))
		high = max(high, min(quantile(0.97, other), high*beyond))
	}
	return low / 1.3, high * 1.3
}

// scoreAxis returns the scale and the ends of the z axis: at least ±3, and all of mean ± std but
// a few per cent; linear where the scores are moderate and wide where they are not.
func scoreAxis(s evaluate.Spectra) (axis scale, low, high float64) {
	const furthest = 1e8 // beyond which only the note tells
	var ends []float64
	for _, p := range s.Panels {
		low, high := envelope(p.ZStats.Mean, p.ZStats.Std)
		ends = append(append(ends, high...), notBelow(low, p.Z)...)
	}
	low, high = -3, 3
	if sorted := finite(ends); len(sorted) > 0 {
		low = min(low, max(1.15*quantile(0.015, sorted), -furthest))
		high = max(high, min(1.15*quantile(0.985, sorted), furthest))
	}
	if max(-low, high) > 12 {
		return wide, low, high
	}
	return linear, low, high
}

func scorePanel(p evaluate.SpectraPanel, scores scale, bottom, top float64) *panel {
	out := newPanel(logarithmic, scores, "", "k [h/Mpc]", "z-score of P(k)")
	out.rangeX(limitsK(p.K))
	out.rangeY(bottom, top)
	ones := func(v float64) []float64 { return slices.Repeat([]float64{v}, len(p.K)) }
	out.band(p.K, ones(-1), ones(1), faint(trueColor, 0.22))
	out.horizontal(0, trueLine)
	low, high := envelope(p.ZStats.Mean, p.ZStats.Std)
	out.band(p.K, notBelow(low, p.Z), high, faint(genColor, 0.22))
	for _, z := range p.Z {
		out.line(p.K, z, line(faint(genColor, 0.16), 0.4))
	}
	out.line(p.K, p.ZStats.Mean, genLine)
	return out
}
