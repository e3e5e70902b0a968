package figure

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// bars adds a histogram of the given heights between edges.
func (p *panel) bars(edges, heights []float64, fill, outline color.Color) {
	b := bars{fill: fill, outline: outline}
	for i, h := range heights {
		b.boxes = append(b.boxes, [3]float64{p.x.place(edges[i]), p.x.place(edges[i+1]), p.y.place(h)})
	}
	p.Add(b)
}

type bars struct {
	boxes         [][3]float64 // left, right, top
	fill, outline color.Color
}

func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	for _, q := range b.boxes {
		if math.IsNaN(q[0]+q[1]+q[2]) || q[2] <= p.Y.Min {
			continue
		}
		corners := []vg.Point{
			{X: tx(q[0]), Y: c.Min.Y},
			{X: tx(q[0]), Y: ty(q[2])},
			{X: tx(q[1]), Y: ty(q[2])},
			{X: tx(q[1]), Y: c.Min.Y},
		}
		c.FillPolygon(b.fill, c.ClipPolygonXY(corners))
		c.StrokeLines(draw.LineStyle{Color: b.outline, Width: vg.Points(0.8)}, c.ClipLinesXY(corners)...)
	}
}

// markers adds a marker with bars from low to high at each x, for values that are finite.
func (p *panel) markers(x, y, low, high []float64, glyph draw.GlyphStyle) {
	m := markers{glyph: glyph}
	for i := range x {
		m.at = append(m.at, [4]float64{
			p.x.place(x[i]), p.y.place(y[i]), p.y.place(low[i]),
			p.y.place(high[i]),
		})
	}
	p.count(y)
	p.Add(m)
}

// spots are markers without bars.
type spots struct {
	at    [][2]float64
	glyph draw.GlyphStyle
}

func (s spots) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	for _, q := range s.at {
		if !math.IsNaN(q[0] + q[1]) {
			c.DrawGlyph(s.glyph, vg.Point{X: tx(q[0]), Y: ty(q[1])})
		}
	}
}

type markers struct {
	at    [][4]float64 // x, y, low, high
	glyph draw.GlyphStyle
}

func (m markers) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	bar := draw.LineStyle{Color: m.glyph.Color, Width: vg.Points(1)}
	const tip = 2.5
	for _, q := range m.at {
		if math.IsNaN(q[0] + q[1] + q[2] + q[3]) {
			continue
		}
		x, low, high := tx(q[0]), ty(q[2]), ty(q[3])
		c.StrokeLines(bar, c.ClipLinesXY(
			[]vg.Point{{X: x, Y: low}, {X: x, Y: high}},
			[]vg.Point{{X: x - tip, Y: low}, {X: x + tip, Y: low}},
			[]vg.Point{{X: x - tip, Y: high}, {X: x + tip, Y: high}},
		)...)
		c.DrawGlyph(m.glyph, vg.Point{X: x, Y: ty(q[1])})
	}
}
