package figure

import (
	"fmt"
	"image/color"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"darkfield/pkg/evaluate"
	"darkfield/pkg/field"
)

// OneParameter draws the paper's figure 2, a row for each parameter: maps generated with one seed
// at the extreme values, spectra of maps generated with that seed, and the ratio to the spectrum
// at the fiducial value, mean ± one standard deviation over true maps (solid) and generated ones
// (dashed). At most five values are drawn.
func OneParameter(o evaluate.OneParameter) *Figure {
	if len(o.Rows) == 0 {
		return Empty("No response to single parameters: " + evaluate.ErrNoOneParameter.Error() + ".")
	}
	var maps []field.LogMap
	for _, r := range o.Rows {
		maps = append(maps, r.LowField, r.HighField)
	}
	low, high := colorRange(maps)
	panels := make([][]*panel, len(o.Rows))
	notes := []string{o.Caption}
	lowP, highP := responseLimits(o)
	var spectra, ratios []*panel
	for i, r := range o.Rows {
		shown := shownValues(r)
		if len(shown) < len(r.Values) {
			notes = append(notes, fmt.Sprintf("%s: %d of %d values shown.", r.Name, len(shown),
				len(r.Values)))
		}
		panels[i] = []*panel{responsePanel(r, shown, lowP, highP), ratioPanel(r, shown)}
		spectra, ratios = append(spectra, panels[i][0]), append(ratios, panels[i][1])
		if i+1 < len(o.Rows) {
			unlabelled(&panels[i][0].X, logarithmic)
			unlabelled(&panels[i][1].X, logarithmic)
		}
	}
	return &Figure{
		width: 10.5 * vg.Inch, height: 2.75 * vg.Inch * vg.Length(len(o.Rows)),
		legend: []entry{
			sample("true: mean ± std of ratios", line(black, 1.5), 0.15),
			{label: "generated: mean (thick) ± std (thin)", line: line(black, 1.5, genDash...)},
		},
		note: strings.Join(notes, " ") + outside("k²P", spectra...) + outside("Ratios", ratios...),
		body: func(c draw.Canvas) { drawResponses(c, o, panels, low, high) },
	}
}

// drawResponses places maps and colour bar on the left, panels in the middle and a legend of
// values on the right.
func drawResponses(c draw.Canvas, o evaluate.OneParameter, panels [][]*panel, low, high float64) {
	const (
		legendRoom = 74
		mapDrop    = 24 // the maps' share of the space that the panels give to their x axis
	)
	rows := vg.Length(len(o.Rows))
	rowHeight := (c.Max.Y - c.Min.Y) / rows
	side := min(rowHeight-34, 1.5*vg.Inch)
	width := c.Max.X - c.Min.X
	left := 2*(side+6) + colorBarRoom
	for i, r := range o.Rows {
		y := c.Max.Y - rowHeight*vg.Length(i+1)
		for j, m := range []field.LogMap{r.LowField, r.HighField} {
			value := r.Values[0]
			if j == 1 {
				value = r.Values[len(r.Values)-1]
			}
			at := draw.Crop(c, (side+6)*vg.Length(j), (side+6)*vg.Length(j)+side-width, y-c.Min.Y+mapDrop,
				y+rowHeight-c.Max.Y)
			drawMap(at, m, fmt.Sprintf("%s = %s", r.Name, number(value, 2)), low, high)
		}
		middle := y + (rowHeight+mapDrop-15)/2
		drawColorBar(draw.Crop(c, 2*(side+6), left-width, middle-side/2-c.Min.Y, middle+side/2-c.Max.Y),
			low, high, logLabel(r.Unit))
	}
	drawPanels(draw.Crop(c, left, -legendRoom, 0, 0), panels)
	for i, r := range o.Rows {
		y := rowHeight * vg.Length(i)
		drawColumn(draw.Crop(c, width-legendRoom+8, 0, 0, -y-14), r.Name, valueEntries(r))
	}
}

// shownValues returns the indices of at most five values, the fiducial and the extreme ones among
// them.
func shownValues(r evaluate.Response) []int {
	n := len(r.Values)
	var out []int
	for _, i := range []int{0, r.Fiducial / 2, r.Fiducial, (r.Fiducial + n) / 2, n - 1} {
		if i >= 0 && i < n && (len(out) == 0 || i > out[len(out)-1]) {
			out = append(out, i)
		}
	}
	return out
}

// valueStyle is the line of a shown value.
func valueStyle(r evaluate.Response, shown []int, i int) draw.LineStyle {
	return line(valueColor(r, shown, i), 1.5)
}

// valueColor is blue for small values, black for the fiducial one and red for large ones, paler
// towards the middle.
func valueColor(r evaluate.Response, shown []int, i int) color.NRGBA {
	colors := []color.NRGBA{blue, skyBlue, orange, vermillion}
	j := slices.Index(shown, i)
	switch {
	case i == r.Fiducial:
		return black
	case i < r.Fiducial:
		return colors[j] // the least value has the first colour
	}
	return colors[len(colors)-len(shown)+j] // the largest has the last
}

func valueEntries(r evaluate.Response) []entry {
	shown := shownValues(r)
	var out []entry
	for _, i := range slices.Backward(shown) {
		out = append(out, entry{label: number(r.Values[i], 2), line: valueStyle(r, shown, i)})
	}
	return out
}

// responseLimits spans all spectra that the middle column shows.
func responseLimits(o evaluate.OneParameter) (float64, float64) {
	var shown [][]float64
	for _, r := range o.Rows {
		shown = append(shown, weightedAll(r.K, r.GenSpectra)...)
	}
	return logLimits(positive(finite(shown...)), nil)
}

func responsePanel(r evaluate.Response, shown []int, low, high float64) *panel {
	p := newPanel(logarithmic, logarithmic, "", "k [h/Mpc]", "k²P(k), one seed")
	p.rangeX(limitsK(r.K))
	p.rangeY(low, high)
	for _, i := range shown {
		if i < len(r.GenSpectra) {
			p.line(r.K, weighted(r.K, r.GenSpectra[i]), valueStyle(r, shown, i))
		}
	}
	return p
}

func ratioPanel(r evaluate.Response, shown []int) *panel {
	p := newPanel(logarithmic, logarithmic, "", "k [h/Mpc]", "P(k) / P_{fid}(k)")
	p.rangeX(limitsK(r.K))
	var truths, generated [][]float64
	for _, i := range shown {
		truths = append(truths, finite(envelope(r.TrueRatios[i].Mean, r.TrueRatios[i].Std)))
		generated = append(generated, finite(envelope(r.GenRatios[i].Mean, r.GenRatios[i].Std)))
	}
	p.rangeY(logLimits(positive(finite(truths...)), positive(finite(generated...))))
	for _, i := range shown {
		sty := valueStyle(r, shown, i)
		if i == r.Fiducial {
			p.horizontal(1, sty)
			continue
		}
		p.banded(r.K, r.TrueRatios[i].Mean, r.TrueRatios[i].Std, sty, 0.2)
		p.line(r.K, r.GenRatios[i].Mean, thin(sty, 1.5, genDash...))
		low, high := envelope(r.GenRatios[i].Mean, r.GenRatios[i].Std)
		p.line(r.K, low, thin(sty, 0.6, genDash...))
		p.line(r.K, high, thin(sty, 0.6, genDash...))
	}
	return p
}
