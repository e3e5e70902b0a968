package figure

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// panel is one set of axes. Things are added in data values; what is not finite is left out, what
// leaves the axes is cut and counted.
type panel struct {
	*plot.Plot
	x, y    scale
	lowY    float64 // data values of the y axis' ends
	highY   float64
	above   int // curves' values beyond the y axis
	below   int
	lost    int // values that are not finite, or not positive on a log axis
	all     int
	extreme float64 // the largest finite value met
}

func newPanel(x, y scale, title, labelX, labelY string) *panel {
	p := &panel{Plot: plot.New(), x: x, y: y, extreme: math.Inf(-1)}
	p.BackgroundColor = nil
	p.title(title)
	for _, a := range []struct {
		axis  *plot.Axis
		scale scale
		label string
	}{{&p.X, x, labelX}, {&p.Y, y, labelY}} {
		align := a.axis.Label.TextStyle
		a.axis.Label.Text = scripts.Replace(a.label)
		a.axis.Label.TextStyle = textStyle(labelSize)
		a.axis.Label.TextStyle.XAlign, a.axis.Label.TextStyle.YAlign = align.XAlign, align.YAlign
		a.axis.Label.TextStyle.Rotation = align.Rotation
		a.axis.Label.Padding = vg.Points(3)
		align = a.axis.Tick.Label
		a.axis.Tick.Label = textStyle(tickSize)
		a.axis.Tick.Label.XAlign, a.axis.Tick.Label.YAlign = align.XAlign, align.YAlign
		a.axis.Tick.Marker = plot.TickerFunc(a.scale.ticks)
		a.axis.Tick.Length = vg.Points(4)
		a.axis.Padding = 0
		a.axis.LineStyle.Width = vg.Points(0.7)
		a.axis.Tick.LineStyle.Width = vg.Points(0.7)
	}
	p.Add(frame{})
	p.rangeX(0.1, 1)
	p.rangeY(0.1, 1)
	return p
}

// title writes lines above the data, centred on them (the library centres on the axis labels
// too); the first is larger.
func (p *panel) title(lines ...string) {
	p.Title.TextStyle = textStyle(titleSize)
	p.Title.Padding = 0
	p.Title.Text = ""
	if strings.Join(lines, "") != "" {
		p.Title.Text = " " + strings.Repeat("\n ", len(lines)-1) // keeps the space free
		p.Title.Padding = vg.Points(4)
	}
	p.Add(heading(lines))
}

type heading []string

func (h heading) Plot(c draw.Canvas, _ *plot.Plot) {
	y := c.Max.Y + 5
	for i := len(h) - 1; i >= 0; i-- {
		sty := textStyle(noteSize)
		if i == 0 {
			sty = textStyle(titleSize)
		}
		sty.XAlign = draw.XCenter
		c.FillText(sty, vg.Point{X: (c.Min.X + c.Max.X) / 2, Y: y}, scripts.Replace(h[i]))
		y += noteSize * 1.25
	}
}

// frame closes the axes' rectangle at the top and on the right.
type frame struct{}

func (frame) Plot(c draw.Canvas, _ *plot.Plot) {
	upperLeft, lowerRight := vg.Point{X: c.Min.X, Y: c.Max.Y}, vg.Point{X: c.Max.X, Y: c.Min.Y}
	c.StrokeLines(line(black, 0.7), []vg.Point{upperLeft, c.Max, lowerRight})
}

// rangeX sets the ends of the x axis in data values; unusable ones become a range that can be
// drawn.
func (p *panel) rangeX(low, high float64) { p.X.Min, p.X.Max = usable(p.x, low, high) }

// rangeY sets the ends of the y axis in data values; unusable ones become a range that can be
// drawn.
func (p *panel) rangeY(low, high float64) {
	p.lowY, p.highY = low, high
	p.Y.Min, p.Y.Max = usable(p.y, low, high)
}

func usable(s scale, low, high float64) (float64, float64) {
	a, b := s.place(low), s.place(high)
	for _, v := range []float64{a, b} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return s.place(0.1), s.place(1)
		}
	}
	if !(a < b) { // all values are equal: leave room around them
		room := math.Max(0.05*math.Abs(a), 1e-3)
		return a - room, a + room
	}
	return a, b
}

// count notes what of a curve the axes do not show.
func (p *panel) count(y []float64) {
	for _, v := range y {
		p.all++
		at := p.y.place(v)
		switch {
		case math.IsNaN(at) || math.IsInf(at, 0):
			p.lost++
			continue
		case at > p.Y.Max:
			p.above++
		case at < p.Y.Min:
			p.below++
		}
		p.extreme = math.Max(p.extreme, v)
	}
}

// line adds a curve; the axes' ranges must have been set.
func (p *panel) line(x, y []float64, sty draw.LineStyle) {
	p.count(y)
	p.Add(curve{p.points(x, y), sty})
}

// points returns the places of the data, unfinite ones as NaN.
func (p *panel) points(x, y []float64) [][2]float64 {
	if len(x) != len(y) {
		panic(fmt.Sprintf("figure: %d values over %d abscissae", len(y), len(x)))
	}
	out := make([][2]float64, len(x))
	for i := range x {
		out[i] = [2]float64{p.x.place(x[i]), p.y.place(y[i])}
	}
	return out
}

// band fills between two curves; on a log axis a low side without a logarithm is taken to the
// axis' foot.
func (p *panel) band(x, low, high []float64, fill color.Color) {
	a, b := p.points(x, low), p.points(x, high)
	for i := range a {
		if math.IsNaN(a[i][1]) && !math.IsNaN(b[i][1]) && !math.IsNaN(low[i]) {
			a[i][1] = p.Y.Min - 1
		}
	}
	p.Add(area{a, b, fill})
}

// spread fills what lies within an error of a curve.
func (p *panel) spread(x, mean, err []float64, fill color.Color) {
	low, high := envelope(mean, err)
	p.band(x, low, high, fill)
}

// banded draws a curve over what lies within an error of it.
func (p *panel) banded(x, mean, err []float64, sty draw.LineStyle, opacity float64) {
	p.spread(x, mean, err, shade(sty, opacity))
	p.line(x, mean, sty)
}

// strip fills what lies between two values, for x between two others.
func (p *panel) strip(fromX, toX, low, high float64, fill color.Color) {
	p.band([]float64{fromX, toX}, []float64{low, low}, []float64{high, high}, fill)
}

// envelope returns mean − err and mean + err.
func envelope(mean, err []float64) (low, high []float64) {
	low, high = make([]float64, len(mean)), make([]float64, len(mean))
	return floats.SubTo(low, mean, err), floats.AddTo(high, mean, err)
}

// vertical adds a line across the panel at x, if that is on the axis; it reports whether it is.
func (p *panel) vertical(x float64, sty draw.LineStyle) bool {
	at := p.x.place(x)
	if !(at >= p.X.Min && at <= p.X.Max) {
		return false
	}
	p.Add(curve{[][2]float64{{at, p.Y.Min}, {at, p.Y.Max}}, sty})
	return true
}

// horizontal adds a line across the panel at y.
func (p *panel) horizontal(y float64, sty draw.LineStyle) {
	p.Add(curve{[][2]float64{{p.X.Min, p.y.place(y)}, {p.X.Max, p.y.place(y)}}, sty})
}

// outside says what panels of one kind do not show, or nothing.
func outside(what string, panels ...*panel) string {
	gone, all, lost, extreme := 0, 0, 0, math.Inf(-1)
	for _, p := range panels {
		gone, all, lost = gone+p.above+p.below, all+p.all, lost+p.lost
		extreme = math.Max(extreme, p.extreme)
	}
	var parts []string
	if gone > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d values lie outside the axes (largest %s)", gone, all,
			brief(extreme)))
	}
	if lost > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d values are not finite or not positive", lost, all))
	}
	if len(parts) == 0 {
		return ""
	}
	return " " + what + ": " + strings.Join(parts, "; ") + "."
}

// curve is a line that is broken where a point is not finite and cut at the axes.
type curve struct {
	at    [][2]float64
	style draw.LineStyle
}

func (l curve) Plot(c draw.Canvas, p *plot.Plot) {
	for _, piece := range pieces(&c, p, l.at) {
		c.StrokeLines(l.style, c.ClipLinesXY(piece)...)
	}
}

// far is how many panel sizes beyond the panel a point may lie on the page before it is brought
// there: drawing libraries round coordinates that are too large.
const far = 50

// pieces returns the runs of finite points on the canvas.
func pieces(c *draw.Canvas, p *plot.Plot, at [][2]float64) [][]vg.Point {
	tx, ty := p.Transforms(c)
	var out [][]vg.Point
	var run []vg.Point
	for _, q := range at {
		if math.IsNaN(q[0]) || math.IsNaN(q[1]) || math.IsInf(q[0], 0) {
			if len(run) > 0 {
				out = append(out, run)
			}
			run = nil
			continue
		}
		h := c.Max.Y - c.Min.Y
		y := max(c.Min.Y-far*h, min(c.Max.Y+far*h, ty(q[1])))
		run = append(run, vg.Point{X: tx(q[0]), Y: y})
	}
	if len(run) > 0 {
		out = append(out, run)
	}
	return out
}

// area is the space between two curves over the same abscissae.
type area struct {
	low, high [][2]float64
	fill      color.Color
}

func (a area) Plot(c draw.Canvas, p *plot.Plot) {
	low, high := slices.Clone(a.low), slices.Clone(a.high)
	for i := range low { // both sides break at the same places
		if math.IsNaN(low[i][1]) || math.IsNaN(high[i][1]) {
			low[i][1], high[i][1] = math.NaN(), math.NaN()
		}
	}
	lows, highs := pieces(&c, p, low), pieces(&c, p, high)
	for i, outline := range lows {
		slices.Reverse(highs[i])
		outline = append(outline, highs[i]...)
		if clipped := c.ClipPolygonXY(outline); len(clipped) > 2 {
			c.FillPolygon(a.fill, clipped)
		}
	}
}
