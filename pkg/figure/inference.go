package figure

import (
	"fmt"
	"image/color"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/inference"
	"darkfield/pkg/likelihood"
)

// Contours draws one-sigma contours of single terms of the bound (left) and one- and two-sigma
// contours of one term for some noise seeds and maps (right), with a cross at the truth: the
// first row of the paper's figure 3.
func Contours(r inference.Contours) *Figure {
	if len(r.PerTerm) == 0 && len(r.SeedsMaps) == 0 {
		return Empty("No likelihood surfaces to show.")
	}
	left := contourPanel(r, fmt.Sprintf("single terms, 1σ (map %d, seed %d)", r.Map, r.Seed))
	title := "two seeds, two maps"
	if len(r.Terms) > 0 {
		title = fmt.Sprintf("term t = %d: 1σ solid, 2σ dashed", r.Terms[0])
	}
	right := contourPanel(r, title)
	notes := []string{r.Caption}
	var terms, others []entry
	without := 0
	for i, s := range r.PerTerm {
		sty := categories[i%len(categories)]
		label := fmt.Sprintf("t = %d", r.Terms[i])
		if !left.contour(s, likelihood.Level1Sigma, sty) {
			label += " (none)"
			without++
		}
		terms = append(terms, entry{label: label, line: sty})
	}
	for i, s := range r.SeedsMaps {
		sty := line(pairColor(i), 1.6)
		right.contour(s.Surface, likelihood.Level1Sigma, sty)
		dashed := line(pairColor(i), 1.1, vg.Points(5), vg.Points(3))
		right.contour(s.Surface, likelihood.Level2Sigma, dashed)
		others = append(others, entry{label: fmt.Sprintf("map %d, seed %d", s.Map, s.Seed), line: sty})
	}
	for _, p := range []*panel{left, right} {
		p.cross(r.Truth)
	}
	if without > 0 {
		notes = append(notes, "(none): −2Δln L stays below 2.30 on the whole grid.")
	}
	return &Figure{
		width: pageWidth, height: 3.3 * vg.Inch,
		note: strings.Join(notes, " "),
		body: func(c draw.Canvas) {
			const room = 104
			half := (c.Max.X - c.Min.X) / 2
			drawPanels(draw.Crop(c, 0, -half-room, 0, 0), [][]*panel{{left}})
			drawColumn(draw.Crop(c, half-room+2, 0, 0, -20), "term", terms)
			drawPanels(draw.Crop(c, half, -room, 0, 0), [][]*panel{{right}})
			drawColumn(draw.Crop(c, 2*half-room+2, 0, 0, -20), "input", others)
		},
	}
}

// pairColor returns the colour of the i-th pair of a map and a seed.
func pairColor(i int) color.NRGBA { return []color.NRGBA{black, vermillion, blue, green}[i%4] }

// contourPanel spans the grids of all surfaces.
func contourPanel(r inference.Contours, title string) *panel {
	p := newPanel(linear, linear, title, "Ω_m", "σ_8")
	var om, s8 []float64
	for _, s := range r.PerTerm {
		om, s8 = append(om, s.Grid.OmegaM...), append(s8, s.Grid.Sigma8...)
	}
	for _, s := range r.SeedsMaps {
		om, s8 = append(om, s.Surface.Grid.OmegaM...), append(s8, s.Surface.Grid.Sigma8...)
	}
	om, s8 = finite(om), finite(s8)
	if len(om) == 0 || len(s8) == 0 {
		return p
	}
	p.rangeX(om[0], om[len(om)-1])
	p.rangeY(s8[0], s8[len(s8)-1])
	return p
}

// contour adds the lines of a surface at a level and reports whether there are any.
func (p *panel) contour(s likelihood.Surface, level float64, sty draw.LineStyle) bool {
	if len(finite(s.NLL)) != len(s.NLL) {
		return false // a surface with holes has no contours
	}
	lines := s.Contour(level)
	for _, l := range lines {
		at := make([][2]float64, len(l.Points))
		for i, q := range l.Points {
			at[i] = [2]float64{p.x.place(q.OmegaM), p.y.place(q.Sigma8)}
		}
		p.Add(curve{at, sty})
	}
	return len(lines) > 0
}

// cross marks a truth.
func (p *panel) cross(at cosmology.Params) {
	glyph := draw.GlyphStyle{Color: black, Radius: vg.Points(5), Shape: draw.CrossGlyph{}}
	p.Add(spots{p.points([]float64{at.OmegaM}, []float64{at.Sigma8}), glyph})
}

// Inference draws predicted against true Ω_m and σ_8 with 68 % intervals and the diagonal: the
// second row of the paper's figure 3.
func Inference(r inference.Inference) *Figure {
	if len(r.Rows) == 0 {
		return Empty("No inference: there is no validation map to infer from.")
	}
	om, s8 := r.Quality()
	var omegaM, sigma8 predictions
	for _, i := range r.Rows {
		omegaM.add(i.Truth.OmegaM, i.OmegaM.Best, i.OmegaM.Low, i.OmegaM.High)
		sigma8.add(i.Truth.Sigma8, i.Sigma8.Best, i.Sigma8.Low, i.Sigma8.High)
	}
	title := func(name string, q inference.Quality) string {
		return fmt.Sprintf("%s: error %s, rms %s, mean |z| %s", name, number(q.Error, 4),
			number(q.RMS, 4), brief(q.MeanAbsZ))
	}
	row := []*panel{
		omegaM.panel("predicted", "Ω_m", dot(blue, 2.6), title("Ω_m", om)),
		sigma8.panel("predicted", "σ_8", dot(blue, 2.6), title("σ_8", s8)),
	}
	return page(pageWidth, 3.5*vg.Inch, []entry{
		{label: "maximum of the marginal and its 68 % interval", glyph: dot(blue, 2.6)},
		{label: "prediction = truth", line: expected},
	}, r.Caption, row)
}

// predictions are values with their bars, and the truth.
type predictions struct{ truth, value, low, high []float64 }

func (q *predictions) add(truth, value, low, high float64) {
	q.truth, q.value = append(q.truth, truth), append(q.value, value)
	q.low, q.high = append(q.low, low), append(q.high, high)
}

// panel draws them against the truth, and the diagonal.
func (q predictions) panel(how, name string, glyph draw.GlyphStyle, title ...string) *panel {
	p := newPanel(linear, linear, "", "true "+name, how+" "+name)
	p.title(title...)
	all := finite(q.truth, q.value, q.low, q.high)
	if len(all) == 0 {
		p.Add(corner{text: "no finite prediction"})
		return p
	}
	room := 0.04*(all[len(all)-1]-all[0]) + 1e-3
	from, to := all[0]-room, all[len(all)-1]+room
	p.rangeX(from, to)
	p.rangeY(from, to)
	p.Add(curve{[][2]float64{{from, from}, {to, to}}, expected})
	p.markers(q.truth, q.value, q.low, q.high, glyph)
	return p
}
