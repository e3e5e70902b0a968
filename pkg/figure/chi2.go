package figure

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"darkfield/pkg/evaluate"
)

// Chi2 draws the paper's figure 5: histograms of the reduced chi² of true maps left out one at a
// time, of as many generated maps against the same references, and of all generated maps against
// all true ones. The three share bins; what lies beyond the last one is counted in the panel.
func Chi2(r evaluate.Chi2) *Figure {
	sets := []struct {
		title       string
		values      []float64
		expectation float64
		fill        int
	}{
		{fmt.Sprintf("true maps against %d true", r.References14), r.LeaveOneOut, r.Expectation14, 0},
		{fmt.Sprintf("generated against %d true", r.References14), r.Generated14, r.Expectation14, 1},
		{fmt.Sprintf("generated against %d true", r.References15), r.Generated15, r.Expectation15, 1},
	}
	if len(finite(r.LeaveOneOut, r.Generated14, r.Generated15)) == 0 {
		return Empty("No reduced chi²: none of the values is finite.")
	}
	edges, axis := chi2Bins(r)
	row := make([]*panel, len(sets))
	high := 0.0
	fractions := make([][]float64, len(sets))
	for i, s := range sets {
		fractions[i] = fractionsOf(s.values, edges)
		high = max(high, slices.Max(fractions[i]))
	}
	lines := 0 // of text above the panels, the same for all
	for _, s := range sets {
		lines = max(lines, len(describe(s.values, s.expectation, edges)))
	}
	for i, s := range sets {
		row[i] = newPanel(axis, linear, "", "reduced χ² of P(k)", "fraction of maps per bin")
		row[i].rangeX(edges[0], edges[len(edges)-1])
		row[i].rangeY(0, 1.08*max(high, 1e-3))
		c := trueColor
		if s.fill == 1 {
			c = genColor
		}
		row[i].bars(edges, fractions[i], faint(c, 0.55), c)
		text := describe(s.values, s.expectation, edges)
		row[i].title(append(append([]string{s.title}, text...), make([]string, lines-len(text))...)...)
		row[i].mark(s.values, s.expectation)
		if i > 0 {
			unlabelled(&row[i].Y, linear)
		}
	}
	mean, median, expected := meanLine, medianLine, expectedLine
	return &Figure{
		width: pageWidth, height: 3.1 * vg.Inch,
		legend: []entry{
			{label: "mean", line: &mean},
			{label: "median", line: &median},
			{label: "mean expected of a perfect emulator with Gaussian spectra", line: &expected},
		},
		note: r.Caption,
		body: func(c draw.Canvas) { drawPanels(c, [][]*panel{row}) },
	}
}

var (
	meanLine     = line(black, 1.4)
	medianLine   = line(black, 1.4, vg.Points(5), vg.Points(3))
	expectedLine = line(green, 1.8, vg.Points(1.5), vg.Points(2))
)

// chi2Bins returns shared edges: linear ones from 0 where the generated maps are of the true
// ones' order, logarithmic ones where a poor emulator is many times off.
func chi2Bins(r evaluate.Chi2) ([]float64, scale) {
	const bins = 24
	truths, all := positive(finite(r.LeaveOneOut)),
		positive(finite(r.LeaveOneOut, r.Generated14, r.Generated15))
	if len(truths) == 0 {
		truths = all
	}
	edges := make([]float64, bins+1)
	if len(all) == 0 {
		for i := range edges {
			edges[i] = float64(i) / bins
		}
		return edges, linear
	}
	generated := positive(finite(r.Generated14, r.Generated15))
	end := max(1.25*quantile(0.98, truths), 2)
	if len(generated) > 0 && quantile(0.75, generated) > 2*end {
		low, high := math.Log(truths[0]/1.2), math.Log(quantile(0.98, all)*1.2)
		for i := range edges {
			edges[i] = math.Exp(low + (high-low)*float64(i)/bins)
		}
		return edges, logarithmic
	}
	if len(generated) > 0 {
		end = max(end, min(1.1*quantile(0.97, generated), 2*end))
	}
	end = math.Ceil(2*end) / 2
	for i := range edges {
		edges[i] = end * float64(i) / bins
	}
	return edges, linear
}

// fractionsOf returns the fraction of all values in each bin; those that are not finite or
// outside count only below.
func fractionsOf(values, edges []float64) []float64 {
	out := make([]float64, len(edges)-1)
	for _, v := range values {
		i, exact := slices.BinarySearch(edges, v)
		if !exact {
			i--
		}
		if i >= 0 && i < len(out) {
			out[i] += 1 / float64(len(values))
		}
	}
	return out
}

// describe puts a set's numbers into lines of text, with what the axis does not show.
func describe(values []float64, expectation float64, edges []float64) []string {
	good := finite(values)
	if len(good) == 0 {
		return []string{fmt.Sprintf("none of %d values is finite", len(values))}
	}
	lines := []string{
		fmt.Sprintf("mean %s, median %s", brief(stat.Mean(good, nil)), brief(medianOf(good))),
		fmt.Sprintf("expected %s; %d maps", brief(expectation), len(values)),
	}
	outside := 0
	for _, v := range good {
		if v < edges[0] || v >= edges[len(edges)-1] {
			outside++
		}
	}
	if outside > 0 {
		lines = append(lines, fmt.Sprintf("%d outside the axis, up to %s", outside,
			brief(good[len(good)-1])))
	}
	if lost := len(values) - len(good); lost > 0 {
		lines[1] += fmt.Sprintf(", %d not finite", lost)
	}
	return lines
}

// mark draws lines at mean, median and expectation.
func (p *panel) mark(values []float64, expectation float64) {
	p.vertical(expectation, expectedLine)
	if good := finite(values); len(good) > 0 {
		p.vertical(stat.Mean(good, nil), meanLine)
		p.vertical(medianOf(good), medianLine)
	}
}

// medianOf returns the median of sorted values, the mean of the middle two for an even number.
func medianOf(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
