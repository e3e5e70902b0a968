package figure

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"

	"darkfield/pkg/evaluate"
)

// NonGaussian draws what the power spectrum does not see of one field: peaks, Minkowski
// functionals, reduced bispectra and skewness of true and generated maps, and below each how far
// generated maps are from the true ones.
func NonGaussian(b evaluate.NonGaussian, field string) *Figure {
	const columns = 4
	of := b.Of(field)
	if len(of) == 0 {
		return Empty("Nothing beyond the power spectrum: there is no validation parameter to show.")
	}
	var rows [][]*panel
	var tops, bottoms []*panel
	axis, limit := offsetAxis(of)
	for i, s := range of {
		top, bottom := curvePanel(s), offsetPanel(s, axis, limit)
		if i%columns == 0 {
			rows = append(rows, nil, nil)
		} else {
			unlabelled(&bottom.Y, axis)
		}
		rows[len(rows)-2], rows[len(rows)-1] = append(rows[len(rows)-2], top),
			append(rows[len(rows)-1], bottom)
		tops, bottoms = append(tops, top), append(bottoms, bottom)
	}
	for i := range rows { // the last two have free places
		rows[i] = append(rows[i], make([]*panel, min(columns, len(of))-len(rows[i]))...)
	}
	beyond := ""
	if limit > offsetsLinear {
		beyond = " Their axes are linear near 0 and logarithmic far from it."
	}
	legend := []entry{
		sample(fmt.Sprintf("true maps (%s)", field), trueLine, 0.22),
		sample("generated maps", genLine, 0.22),
	}
	return page(pageWidth, vg.Length(len(rows))*1.75*vg.Inch, legend, b.Caption+" Curves: means over "+
		"parameters; bands: the mean standard deviation of single maps. Offsets: mean less that of "+
		"the true maps, in standard deviations σ of single true maps, pooled over parameters; bands: "+
		"standard error over parameters."+beyond+outside("Curves", tops...)+
		outside("Offsets", bottoms...), rows...)
}

// nonGaussianLabels returns the title of a statistic, the labels of its axes and the scale of the
// abscissa.
func nonGaussianLabels(s evaluate.NonGaussianStatistic) (title, x, y string, scale scale) {
	threshold, perDex := "ν [σ of log_{10} pixels]", " [1/dex]"
	if s.Field == evaluate.DensityField {
		threshold, perDex = "ν [normal quantile]", ""
	}
	const k = "k [h/Mpc]"
	switch s.Statistic {
	case evaluate.Peaks:
		return "peaks by height", threshold, "dn/dν [(h/Mpc)²]", linear
	case evaluate.ExcursionArea:
		return "area above ν", threshold, "V_{0}", linear
	case evaluate.Boundary:
		return "length of the boundary at ν", threshold, "V_{1} [h/Mpc]", linear
	case evaluate.EulerCharacteristic:
		return "Euler characteristic above ν", threshold, "V_{2} [(h/Mpc)²]", linear
	case evaluate.Equilateral:
		return "bispectrum, equilateral", k, "Q(k, k, k)" + perDex, logarithmic
	case evaluate.Skewness:
		return "skewness after smoothing", "smoothing scale [Mpc/h]", "skewness", logarithmic
	}
	return "bispectrum, squeezed", k, "Q(k_{min}, k, k)" + perDex, logarithmic
}

// nonGaussianX returns the ends of the abscissa.
func nonGaussianX(s evaluate.NonGaussianStatistic) (low, high float64) {
	switch s.Statistic {
	case evaluate.Equilateral, evaluate.Squeezed, evaluate.Skewness:
		return limitsK(s.X)
	}
	return s.X[0] - 0.1, s.X[len(s.X)-1] + 0.1
}

func curvePanel(s evaluate.NonGaussianStatistic) *panel {
	title, _, label, scale := nonGaussianLabels(s)
	p := newPanel(scale, linear, title, "", label)
	p.rangeX(nonGaussianX(s))
	unlabelled(&p.X, scale)
	truth, trueStd := s.Curve(evaluate.TrueMaps)
	made, madeStd := s.Curve(evaluate.GeneratedMaps)
	p.rangeY(curveLimits(finite(envelope(truth, trueStd)), finite(envelope(made, madeStd))))
	p.spread(s.X, truth, trueStd, faint(trueColor, 0.22))
	p.spread(s.X, made, madeStd, faint(genColor, 0.22))
	p.line(s.X, truth, trueLine)
	p.line(s.X, made, genLine)
	return p
}

// curveLimits hold all of the true curves, and of generated ones what lies within twice their
// height above and below.
func curveLimits(truths, made []float64) (low, high float64) {
	if len(truths) == 0 {
		truths = made
	}
	if len(truths) == 0 {
		return 0, 1
	}
	low, high = truths[0], truths[len(truths)-1]
	span := high - low
	if len(made) > 0 {
		low, high = min(low, max(made[0], low-2*span)), max(high, min(made[len(made)-1], high+2*span))
	}
	return low - 0.05*(high-low), high + 0.05*(high-low)
}

// offsetPanel draws offsets from the true maps.
func offsetPanel(s evaluate.NonGaussianStatistic, axis scale, limit float64) *panel {
	_, x, _, scale := nonGaussianLabels(s)
	p := newPanel(scale, axis, "", x, "offset [σ]")
	p.rangeX(nonGaussianX(s))
	p.rangeY(-limit, limit)
	p.horizontal(0, line(trueColor, 0.8))
	mean, e := s.Offset(evaluate.GeneratedMaps)
	p.banded(s.X, mean, e, genLine, 0.22)
	return p
}

// offsetsLinear is the largest offset, in σ, that a linear axis shows.
const offsetsLinear = 8

// offsetAxis returns the scale of all offsets and its end: linear as long as they are of the
// order of 1.
func offsetAxis(of []evaluate.NonGaussianStatistic) (scale, float64) {
	largest := 0.5
	for _, s := range of {
		mean, e := s.Offset(evaluate.GeneratedMaps)
		low, high := envelope(mean, e)
		for _, v := range finite(mean, low, high) {
			largest = max(largest, math.Abs(v))
		}
	}
	if limit := 1.1 * largest; limit <= offsetsLinear {
		return linear, limit
	}
	return wide, min(1.5*largest, 1e4)
}
