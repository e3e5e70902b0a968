package figure

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot/vg"

	"darkfield/pkg/evaluate"
)

// Chi2 draws the paper's figure 5: histograms of the reduced chi² of true maps left out one at a
// time, of as many generated maps against the same references, and of all generated maps against
// all true ones. The three share bins; what lies beyond the last one is counted in the panel.
func Chi2(r evaluate.Chi2) *Figure {
	sets := []struct {
		maps        string
		references  int
		values      []float64
		expectation float64
		color       color.NRGBA
	}{
		{"true maps", r.References14, r.LeaveOneOut, r.Expectation14, trueColor},
		{"generated", r.References14, r.Generated14, r.Expectation14, genColor},
		{"generated", r.References15, r.Generated15, r.Expectation15, genColor},
	}
	if len(finite(r.LeaveOneOut, r.Generated14, r.Generated15)) == 0 {
		return Empty("No reduced chi²: none of the values is finite.")
	}
	edges, axis := chi2Bins(r)
	row := make([]*panel, len(sets))
	high, lines := 0.0, 0 // lines of text above the panels, the same for all
	for _, s := range sets {
		high = max(high, slices.Max(fractionsOf(s.values, edges)))
		lines = max(lines, len(describe(s.values, s.expectation, edges)))
	}
	for i, s := range sets {
		row[i] = newPanel(axis, linear, "", "reduced χ² of P(k)", "fraction of maps per bin")
		row[i].rangeX(edges[0], edges[len(edges)-1])
		row[i].rangeY(0, 1.08*max(high, 1e-3))
		row[i].bars(edges, fractionsOf(s.values, edges), faint(s.color, 0.55), s.color)
		text := append([]string{fmt.Sprintf("%s against %d true", s.maps, s.references)},
			describe(s.values, s.expectation, edges)...)
		row[i].title(append(text, make([]string, 1+lines-len(text))...)...)
		row[i].mark(s.values, s.expectation)
		if i > 0 {
			unlabelled(&row[i].Y, linear)
		}
	}
	return page(pageWidth, 3.1*vg.Inch, []entry{
		{label: "mean", line: meanLine},
		{label: "median", line: medianLine},
		{label: "mean expected of a perfect emulator with Gaussian spectra", line: expectedLine},
	}, r.Caption, row)
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
	linearly := func(end float64) ([]float64, scale) {
		for i := range edges {
			edges[i] = end * float64(i) / bins
		}
		return edges, linear
	}
	if len(all) == 0 {
		return linearly(1)
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
	return linearly(math.Ceil(2*end) / 2)
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
