package figure

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"darkfield/pkg/field"
)

// Gallery draws maps side by side, five a row at most, with one colour scale for all. titles
// holds a line for each map; missing ones are empty. unit is that of the linear values.
func Gallery(maps []field.LogMap, titles []string, unit, note string) *Figure {
	if len(maps) == 0 {
		return Empty("No maps to show.")
	}
	rows := (len(maps) + 4) / 5
	columns := (len(maps) + rows - 1) / rows // rows as full as can be
	low, high := colorRange(maps)
	side := min((pageWidth-2*margin-colorBarRoom)/vg.Length(columns), 2.4*vg.Inch)
	broken := 0
	for _, m := range maps {
		for _, v := range m.Values {
			if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
				broken++
			}
		}
	}
	if broken > 0 {
		note += fmt.Sprintf(" %d pixels are not finite (bright green).", broken)
	}
	return &Figure{
		width:  max(side*vg.Length(columns)+colorBarRoom+2*margin, 5*vg.Inch),
		height: (side + 12) * vg.Length(rows),
		note:   note,
		body: func(c draw.Canvas) {
			left := (c.Max.X - c.Min.X - colorBarRoom - side*vg.Length(columns)) / 2
			for i, m := range maps {
				at := vg.Point{
					X: c.Min.X + left + side*vg.Length(i%columns),
					Y: c.Max.Y - (side+12)*vg.Length(i/columns+1),
				}
				title := ""
				if i < len(titles) {
					title = titles[i]
				}
				drawMap(
					draw.Canvas{
						Canvas:    c.Canvas,
						Rectangle: vg.Rectangle{Min: at, Max: at.Add(vg.Point{X: side - 6, Y: side + 9})},
					}, m,
					title, low, high)
			}
			bar := draw.Crop(c, left+side*vg.Length(columns)+2, 0, 2, -17)
			drawColorBar(bar, low, high, logLabel(unit))
		},
	}
}
