package figure

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"darkfield/pkg/calibration"
	"darkfield/pkg/inference"
)

// The figures of a calibration: are error bars right?

// Calibration returns all figures of a calibration's test.
func Calibration(h inference.CoverageReport) []Named {
	return []Named{
		{"calibration_coverage", "coverage", Coverage(h), writer(h.WriteCoverageCSV)},
		{"calibration_ranks", "ranks", RankHistograms(h), writer(h.WriteRanksCSV)},
		{"calibration_predictions", "predictions", Predictions(h), h},
	}
}

// writer is a function that writes the numbers of a figure.
type writer func(path string) error

// WriteCSV calls it.
func (w writer) WriteCSV(path string) error { return w(path) }

// methodStyle draws a method of inference.CoverageReport: the calibrated one stands out.
func methodStyle(name string) draw.LineStyle {
	switch name {
	case inference.Calibrated:
		return categories[2]
	case inference.WholeBound:
		return categories[1]
	case inference.FirstTerm:
		return categories[4]
	}
	return categories[3]
}

// Coverage draws the expected coverage of regions around random points (Lemos et al. 2023) against
// their credibility: on the diagonal where posteriors are calibrated. Left the curves, right their
// distance from the diagonal, with 95 % bands by a bootstrap over simulations.
func Coverage(h inference.CoverageReport) *Figure {
	var shown []inference.Method
	for _, name := range []string{inference.FirstTerm, inference.WholeBound, inference.Calibrated} {
		if m, ok := h.Method(name); ok && len(m.Report.TARP.Levels) > 1 &&
			len(m.Report.TARP.Levels) == len(m.Report.TARP.Coverage) {
			shown = append(shown, m)
		}
	}
	if len(shown) == 0 {
		return Empty("No coverage: no posterior was tested.")
	}
	diagonal := line(grey, 1, vg.Points(2), vg.Points(2))
	curves := newPanel(linear, linear, "", "credibility", "expected coverage")
	distances := newPanel(linear, linear, "", "credibility", "coverage − credibility")
	for _, p := range []*panel{curves, distances} {
		p.rangeX(0, 1)
	}
	curves.rangeY(0, 1)
	distances.rangeY(distanceLimits(shown))
	curves.Add(curve{[][2]float64{{0, 0}, {1, 1}}, diagonal})
	distances.horizontal(0, diagonal)
	legend := []entry{{label: "calibrated", line: diagonal}}
	for _, m := range shown {
		sty := methodStyle(m.Name)
		t := m.Report.TARP
		value, low, high := bounds(t.Coverage)
		curves.band(t.Levels, low, high, shade(sty, 0.2))
		curves.line(t.Levels, value, sty)
		distances.band(t.Levels, less(low, t.Levels), less(high, t.Levels), shade(sty, 0.2))
		distances.line(t.Levels, less(value, t.Levels), sty)
		legend = append(legend, sample(m.Name, sty, 0.2))
	}
	note := h.Caption + " Regions around random points that hold a credibility of the posterior, " +
		"and the share of maps whose truth they hold (TARP). Over-confident posteriors are above the " +
		"line at low and below it at high credibility. Bands: 95 %, by a bootstrap over simulations." +
		outside("Coverage", curves)
	return page(pageWidth, 3.4*vg.Inch, legend, note, []*panel{curves, distances})
}

// less returns a − b.
func less(a, b []float64) []float64 { return floats.SubTo(make([]float64, len(a)), a, b) }

// bounds takes intervals apart.
func bounds(intervals []calibration.Interval) (value, low, high []float64) {
	for _, i := range intervals {
		value, low, high = append(value, i.Value), append(low, i.Low), append(high, i.High)
	}
	return value, low, high
}

// distanceLimits hold all bands around the diagonal, and 0.1 at least.
func distanceLimits(methods []inference.Method) (low, high float64) {
	limit := 0.1
	for _, m := range methods {
		t := m.Report.TARP
		_, a, b := bounds(t.Coverage)
		for _, v := range finite(less(a, t.Levels), less(b, t.Levels)) {
			limit = max(limit, math.Abs(v))
		}
	}
	limit = min(1.05*limit, 1)
	return -limit, limit
}

// quoted is the method that a user should quote: the calibrated one, or else the last.
func quoted(h inference.CoverageReport) (inference.Method, bool) {
	if m, ok := h.Method(inference.Calibrated); ok {
		return m, true
	}
	if len(h.Methods) == 0 {
		return inference.Method{}, false
	}
	return h.Methods[len(h.Methods)-1], true
}

// RankHistograms draws where truths lie in the posteriors of both parameters (simulation-based
// calibration, Talts et al. 2018): flat where they are calibrated.
func RankHistograms(h inference.CoverageReport) *Figure {
	m, ok := quoted(h)
	if !ok || len(m.Report.OmegaM.Ranks.Counts) == 0 || len(m.Report.Sigma8.Ranks.Counts) == 0 {
		return Empty("No ranks: no posterior was tested.")
	}
	sty := methodStyle(m.Name)
	left, right := rankPanel("Ω_m", m.Report.OmegaM.Ranks, sty),
		rankPanel("σ_8", m.Report.Sigma8.Ranks, sty)
	top := max(left.highY, right.highY)
	left.rangeY(0, top)
	right.rangeY(0, top)
	legend := []entry{
		{label: fmt.Sprintf("%s, %d maps of %d simulations", m.Name, m.Report.Maps,
			m.Report.Simulations), fill: shade(sty, 0.45)},
		{label: "expected if calibrated", line: expected},
		{label: "19 of 20 bins", fill: faint(grey, 0.22)},
	}
	return page(pageWidth, 2.9*vg.Inch, legend, h.Caption+" Posterior probability below the truth. "+
		"High edges: over-confident; a high middle: too cautious; a slope: biased. p: the chance of "+
		"ranks at least as uneven where posteriors are calibrated.", []*panel{left, right})
}

func rankPanel(name string, r calibration.Ranks, sty draw.LineStyle) *panel {
	p := newPanel(linear, linear, fmt.Sprintf("%s: p = %s", name, brief(r.P)),
		"rank of the true "+name, "maps")
	p.rangeX(0, 1)
	edges, heights := []float64{0}, make([]float64, len(r.Counts))
	top := max(r.High, r.Expected, 1)
	for i, n := range r.Counts {
		edges, heights[i] = append(edges, float64(i+1)/float64(len(r.Counts))), float64(n)
		top = max(top, heights[i])
	}
	if math.IsNaN(top) || math.IsInf(top, 0) {
		top = 1
	}
	p.rangeY(0, 1.1*top)
	p.strip(0, 1, r.Low, r.High, faint(grey, 0.22))
	p.bars(edges, heights, shade(sty, 0.45), sty.Color)
	p.horizontal(r.Expected, expected)
	return p
}

// mostPredictions is how many maps a figure of predictions can show without bars covering each
// other.
const mostPredictions = 100

// Predictions draws means and central 68 % intervals of both parameters against the truth, of at
// most a hundred maps.
func Predictions(h inference.CoverageReport) *Figure {
	m, ok := quoted(h)
	if !ok || len(m.Scores) == 0 {
		return Empty("No predictions: no posterior was tested.")
	}
	shown := thinned(m.Scores, mostPredictions)
	var omegaM, sigma8 predictions
	for _, s := range shown {
		omegaM.add(s.OmegaM.Truth, s.OmegaM.Mean, s.OmegaM.Central68[0], s.OmegaM.Central68[1])
		sigma8.add(s.Sigma8.Truth, s.Sigma8.Mean, s.Sigma8.Central68[0], s.Sigma8.Central68[1])
	}
	glyph := dot(methodStyle(m.Name).Color, 2)
	row := []*panel{
		omegaM.panel("inferred", "Ω_m", glyph, scores("Ω_m", m.Report.OmegaM)...),
		sigma8.panel("inferred", "σ_8", glyph, scores("σ_8", m.Report.Sigma8)...),
	}
	note := h.Caption
	if len(shown) < len(m.Scores) {
		note += fmt.Sprintf(" %d of %d maps are shown; the numbers above are of all.", len(shown),
			len(m.Scores))
	}
	return page(pageWidth, 3.5*vg.Inch, []entry{
		{label: m.Name + ": mean and central 68 % interval", glyph: glyph},
		{label: "prediction = truth", line: expected},
	}, note, row)
}

// thinned takes n of the values at even distances.
func thinned[T any](values []T, n int) []T {
	if len(values) <= n {
		return values
	}
	out := make([]T, n)
	for i := range out {
		out[i] = values[i*len(values)/n]
	}
	return out
}

// scores says in two lines how good the predictions of a parameter are.
func scores(name string, r calibration.ParameterReport) []string {
	return []string{
		fmt.Sprintf("%s: mean error %s, mean |z| %s (expected: %s)", name, number(r.AbsError.Value, 4),
			brief(r.AbsZ.Value), brief(r.ExpectedAbsZ)),
		fmt.Sprintf("68 %% intervals hold %s %%, 95 %% ones %s %%", brief(100*r.Coverage68.Value),
			brief(100*r.Coverage95.Value)),
	}
}
