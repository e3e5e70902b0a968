package figure

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot/vg"

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
		row[i].banded(p.Centres, p.True.Mean, p.True.Std, trueLine, 0.25)
		row[i].banded(p.Centres, p.Generated.Mean, p.Generated.Std, genLine, 0.25)
		if i > 0 {
			unlabelled(&row[i].Y, linear)
		}
		row[i].title(p.Params.String(), fmt.Sprintf("mean log_{10}: true %s, generated %s",
			number(p.True.LogMean, 3), number(p.Generated.LogMean, 3)))
		trueOut, genOut = max(trueOut, p.True.Outside), max(genOut, p.Generated.Outside)
	}
	const kind = "%d %s maps: mean ± std"
	legend := []entry{
		sample(fmt.Sprintf(kind, h.Panels[0].True.N, "true"), trueLine, 0.25),
		sample(fmt.Sprintf(kind, h.Panels[0].Generated.N, "generated"), genLine, 0.25),
	}
	return page(pageWidth, 2.9*vg.Inch, legend, fmt.Sprintf("%s Pixels outside the axis: at most "+
		"%s %% of true, %s %% of generated ones.", h.Caption, brief(100*trueOut), brief(100*genOut))+
		outside("Densities", row...), row)
}

// histogramTop is the end of the density axis: it holds all true curves, and generated ones up to
// twice as high.
func histogramTop(h evaluate.Histograms) float64 {
	var truths, generated [][]float64
	for _, p := range h.Panels {
		_, high := envelope(p.True.Mean, p.True.Std)
		_, made := envelope(p.Generated.Mean, p.Generated.Std)
		truths, generated = append(truths, high), append(generated, made)
	}
	t, g := finite(truths...), finite(generated...)
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
