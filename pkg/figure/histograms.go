package figure

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"darkfield/pkg/evaluate"
)

// Histograms draws the paper's figure 4: the density of log10 pixel values, mean ± one standard
// deviation over maps, for true and generated maps at each parameter.
func Histograms(h evaluate.Histograms) *Figure {
	if len(h.Panels) == 0 {
		return Empty("No histograms: there is no validation parameter to show.")
	}
	row := make([]*panel, len(h.Panels))
	trueOut, genOut := 0.0, 0.0
	high := histogramTop(h)
	for i, p := range h.Panels {
		row[i] = newPanel(linear, linear, "", logLabel(h.Unit), "probability per dex")
		if len(p.Centres) > 1 {
			half := (p.Centres[1] - p.Centres[0]) / 2
			row[i].rangeX(p.Centres[0]-half, p.Centres[len(p.Centres)-1]+half)
		}
		row[i].rangeY(0, high)
		for _, g := range []struct {
			mean, std []float64
			sty       draw.LineStyle
			color     int
		}{
			{p.TrueMean, p.TrueStd, line(trueColor, 1.6), 0},
			{p.GenMean, p.GenStd, line(genColor, 1.6, genDash...), 1},
		} {
			c := trueColor
			if g.color == 1 {
				c = genColor
			}
			low, up := make([]float64, len(g.mean)), make([]float64, len(g.mean))
			for j, m := range g.mean {
				low[j], up[j] = m-g.std[j], m+g.std[j]
			}
			row[i].band(p.Centres, low, up, faint(c, 0.25))
			row[i].line(p.Centres, g.mean, g.sty)
		}
		if i > 0 {
			unlabelled(&row[i].Y, linear)
		}
		row[i].title(p.Params.String(), fmt.Sprintf("mean log_{10}: true %s, generated %s",
			number(p.TrueLogMean, 3), number(p.GenLogMean, 3)))
		trueOut, genOut = max(trueOut, p.TrueOutside), max(genOut, p.GenOutside)
	}
	trueLine, genLine := line(trueColor, 1.6), line(genColor, 1.6, genDash...)
	first := h.Panels[0]
	return &Figure{
		width: pageWidth, height: 2.9 * vg.Inch,
		legend: []entry{
			{
				label: fmt.Sprintf("%d true maps: mean ± std", first.TrueMaps), line: &trueLine,
				fill: faint(trueColor, 0.25),
			},
			{
				label: fmt.Sprintf("%d generated maps: mean ± std", first.GenMaps), line: &genLine,
				fill: faint(genColor, 0.25),
			},
		},
		note: fmt.Sprintf("%s Pixels outside the axis: at most %s %% of true, %s %% of generated ones.",
			h.Caption, brief(100*trueOut), brief(100*genOut)) + outside("Densities", row...),
		body: func(c draw.Canvas) { drawPanels(c, [][]*panel{row}) },
	}
}

// histogramTop is the end of the density axis: it holds all true curves, and generated ones up to
// twice as high.
func histogramTop(h evaluate.Histograms) float64 {
	var truths, generated []float64
	for _, p := range h.Panels {
		for i := range p.Centres {
			truths = append(truths, p.TrueMean[i]+p.TrueStd[i])
			generated = append(generated, p.GenMean[i]+p.GenStd[i])
		}
	}
	t, g := finite(truths), finite(generated)
	if len(t) == 0 {
		t = g
	}
	if len(t) == 0 {
		return 1
	}
	top := t[len(t)-1]
	if len(g) > 0 {
		top = max(top, min(g[len(g)-1], 2*top))
	}
	return 1.08 * top
}

// logLabel is the label of an axis of log10 pixel values.
func logLabel(unit string) string {
	if unit == "(Msun/h)/(Mpc/h)^2" {
		return "log_{10} Σ [(M_{sun}/h)/(Mpc/h)²]"
	}
	if unit == "" {
		return "log_{10} value"
	}
	return "log_{10} value [" + strings.ReplaceAll(unit, "^2", "²") + "]"
}
