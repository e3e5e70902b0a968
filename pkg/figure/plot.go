package figure

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/likelihood"
)

// Axes says what Plot draws on.
type Axes struct {
	Title, X, Y string // labels, with units: "k [h/Mpc]"
	LogX, LogY  bool
	YRange      [2]float64 // ends of the y axis; equal: those of the curves
	Note        string     // a line under the figure
}

// Curve is a line of Plot, with a band where it has one.
type Curve struct {
	Label     string // in the legend; empty: none
	X, Y      []float64
	Low, High []float64 // the band's edges; nil: no band
}

// Plot draws curves and bands in one panel, each in a colour and dashes of its own.
func Plot(a Axes, curves ...Curve) *Figure {
	if len(curves) == 0 {
		return Empty("No curves to draw.")
	}
	p, legend := plotPanel(a, curves)
	return &Figure{
		width: 6.5 * vg.Inch, height: 3.6 * vg.Inch, legend: legend,
		note: a.Note + outside("curves", p),
		body: func(c draw.Canvas) { drawPanels(c, [][]*panel{{p}}) },
	}
}

// MapBeside draws a map and, at its right, curves.
func MapBeside(m field.LogMap, unit string, a Axes, curves ...Curve) *Figure {
	p, legend := plotPanel(a, curves)
	low, high := colorRange([]field.LogMap{m})
	return &Figure{
		width: 7.5 * vg.Inch, height: 3 * vg.Inch, legend: legend, note: a.Note,
		body: func(c draw.Canvas) {
			side := c.Max.Y - c.Min.Y
			width := c.Max.X - c.Min.X
			drawMap(draw.Crop(c, 0, side-width, 0, 0), m, "", low, high)
			drawColorBar(draw.Crop(c, side+4, side+colorBarRoom-width, 2, -17), low, high,
				logLabel(unit))
			drawPanels(draw.Crop(c, side+colorBarRoom+20, 0, 0, 0), [][]*panel{{p}})
		},
	}
}

func plotPanel(a Axes, curves []Curve) (*panel, []entry) {
	scales := map[bool]scale{false: linear, true: logarithmic}
	p := newPanel(scales[a.LogX], scales[a.LogY], a.Title, a.X, a.Y)
	var xs, ys [][]float64
	for _, c := range curves {
		xs, ys = append(xs, c.X), append(ys, c.Y, c.Low, c.High)
	}
	p.rangeX(limits(a.LogX, 0, xs...))
	if a.YRange[0] == a.YRange[1] {
		a.YRange[0], a.YRange[1] = limits(a.LogY, 0.05, ys...)
	}
	p.rangeY(a.YRange[0], a.YRange[1])
	var legend []entry
	for i, c := range curves {
		style := plotStyle(i)
		if len(c.Low) > 0 {
			p.band(c.X, c.Low, c.High, shade(style, 0.2))
		}
		p.line(c.X, c.Y, style)
		if c.Label != "" {
			legend = append(legend, entry{label: c.Label, line: style})
		}
	}
	return p, legend
}

// plotStyle returns that of curve i: first those of true and of generated maps.
func plotStyle(i int) draw.LineStyle {
	switch i {
	case 0:
		return line(trueColor, 1.6)
	case 1:
		return line(genColor, 1.6, genDash...)
	}
	others := []int{0, 3, 4, 5, 6} // whose colours the first two do not have
	return categories[others[(i-2)%len(others)]]
}

// limits returns the ends of an axis that shows all values, with a share of its length left free
// at each end.
func limits(log bool, free float64, values ...[]float64) (low, high float64) {
	sorted := finite(values...)
	if log {
		sorted = positive(sorted)
	}
	if len(sorted) == 0 {
		return 0.1, 1
	}
	slices.Sort(sorted)
	low, high = sorted[0], sorted[len(sorted)-1]
	if log {
		factor := math.Pow(high/low, free)
		return low / factor, high * factor
	}
	return low - free*(high-low), high + free*(high-low)
}

// Posterior draws −2Δ ln L of a surface in the plane of Ω_m and σ_8 with its one- and two-sigma
// contours (2.30 and 6.18, of two parameters), and its marginals beside it. truth is marked; nil:
// unknown.
func Posterior(s likelihood.Surface, truth *cosmology.Params, note string) *Figure {
	plane := newPanel(linear, linear, "−2Δ ln L = 2.30, 6.18", "Ω_m", "σ_8")
	grid := s.Grid
	plane.rangeX(grid.OmegaM[0], grid.OmegaM[len(grid.OmegaM)-1])
	plane.rangeY(grid.Sigma8[0], grid.Sigma8[len(grid.Sigma8)-1])
	one, two := line(blue, 1.6), line(blue, 1.1, genDash...)
	if !plane.contour(s, 2.30, one) {
		note += " The one-sigma contour is not on this grid."
	}
	plane.contour(s, 6.18, two)
	if truth != nil {
		plane.cross(*truth)
	}
	omegaM, sigma8 := s.Marginals()
	marginal := func(name string, m likelihood.Marginal, value func(cosmology.Params) float64) *panel {
		p := newPanel(linear, linear, fmt.Sprintf("%s = %.4f ± %.4f", name, m.Mean, m.Std), name,
			"density")
		p.rangeX(m.X[0], m.X[len(m.X)-1])
		p.rangeY(0, 1.1*slices.Max(m.P))
		p.line(m.X, m.P, one)
		if truth != nil {
			p.vertical(value(*truth), line(vermillion, 1.2, genDash...))
		}
		return p
	}
	panels := []*panel{
		plane,
		marginal("Ω_m", omegaM, func(p cosmology.Params) float64 { return p.OmegaM }),
		marginal("σ_8", sigma8, func(p cosmology.Params) float64 { return p.Sigma8 }),
	}
	return &Figure{
		width: pageWidth, height: 2.9 * vg.Inch, note: note,
		body: func(c draw.Canvas) { drawPanels(c, [][]*panel{panels}) },
	}
}
