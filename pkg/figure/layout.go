package figure

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// drawPanels draws rows of panels with their axes in line; a nil panel leaves its place free.
func drawPanels(c draw.Canvas, rows [][]*panel) {
	plots := make([][]*plot.Plot, len(rows))
	columns := 0
	for i, row := range rows {
		plots[i] = make([]*plot.Plot, len(row))
		columns = max(columns, len(row))
		for j, p := range row {
			if p != nil {
				plots[i][j] = p.Plot
			}
		}
	}
	tiles := draw.Tiles{
		Rows: len(rows), Cols: columns, PadX: vg.Points(8), PadY: vg.Points(8),
		PadRight: vg.Points(10),
	}
	for i, row := range plot.Align(plots, tiles, c) {
		for j, at := range row {
			if plots[i][j] != nil {
				plots[i][j].Draw(at)
			}
		}
	}
}

// unlabelled removes the tick labels of an axis that another panel in line already has.
func unlabelled(axis *plot.Axis, s scale) {
	axis.Label.Text = ""
	axis.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick {
		ticks := s.ticks(low, high)
		for i := range ticks {
			if ticks[i].Label != "" {
				ticks[i].Label = " " // keeps it a major tick
			}
		}
		return ticks
	})
}

// corner writes lines of text into a corner of the panel.
type corner struct {
	text        string
	right, down bool
}

func (k corner) Plot(c draw.Canvas, _ *plot.Plot) {
	sty := textStyle(noteSize)
	at := vg.Point{X: c.Min.X + 5, Y: c.Max.Y - 5}
	sty.XAlign, sty.YAlign = draw.XLeft, draw.YTop
	if k.right {
		at.X, sty.XAlign = c.Max.X-5, draw.XRight
	}
	if k.down {
		at.Y, sty.YAlign = c.Min.Y+5, draw.YBottom
	}
	c.FillText(sty, at, scripts.Replace(k.text))
}
