package figure

import (
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"darkfield/pkg/field"
)

// Pixels that are not finite are drawn in a colour that the scale does not have.
var brokenPixel = color.NRGBA{0x00, 0xff, 0x00, 0xff}

// colorRange returns log10 limits that several maps share: all but the outermost 0.2 % of their
// pixels on each side.
func colorRange(maps []field.LogMap) (low, high float64) {
	var all []float64
	for _, m := range maps {
		for _, v := range m.Values {
			all = append(all, float64(v))
		}
	}
	all = finite(all)
	if len(all) == 0 {
		return 0, 1
	}
	low, high = quantile(0.002, all), quantile(0.998, all)
	if !(high > low) {
		low, high = low-0.5, high+0.5
	}
	return low, high
}

// render colours the pixels of a map, row 0 at the bottom, as y axes have it. Each pixel becomes
// a block, so that viewers that smooth images do not blur it.
func render(m field.LogMap, low, high float64) image.Image {
	n := m.Box.Cells
	block := max(1, 512/max(n, 1))
	img := image.NewNRGBA(image.Rect(0, 0, n*block, n*block))
	for y := range n {
		for x := range n {
			c := brokenPixel
			if v := float64(m.Values[y*n+x]); !math.IsNaN(v) && !math.IsInf(v, 0) {
				c = cubehelix((v - low) / (high - low))
			}
			for dy := range block {
				for dx := range block {
					img.SetNRGBA(x*block+dx, (n-1-y)*block+dy, c)
				}
			}
		}
	}
	return img
}

// drawMap draws a map as a square in the middle of c under a title of one line.
func drawMap(c draw.Canvas, m field.LogMap, title string, low, high float64) {
	const titleRoom = 15
	side := min(c.Max.X-c.Min.X, c.Max.Y-c.Min.Y-titleRoom)
	centre := vg.Point{X: (c.Min.X + c.Max.X) / 2, Y: (c.Min.Y + c.Max.Y - titleRoom) / 2}
	box := vg.Rectangle{
		Min: vg.Point{X: centre.X - side/2, Y: centre.Y - side/2},
		Max: vg.Point{X: centre.X + side/2, Y: centre.Y + side/2},
	}
	if m.Box.Cells > 0 && len(m.Values) == m.Box.Pixels() {
		c.DrawImage(box, render(m, low, high))
	} else {
		title += " (no map)"
	}
	c.StrokeLines(line(black, 0.7), append(corners(box), box.Min))
	sty := textStyle(noteSize)
	sty.XAlign = draw.XCenter
	c.FillText(sty, vg.Point{X: centre.X, Y: box.Max.Y + 4}, scripts.Replace(title))
}

// drawColorBar draws the colour scale with its ticks and label along the right of c: barWidth
// points of colour.
func drawColorBar(c draw.Canvas, low, high float64, label string) {
	const (
		barWidth = 9
		steps    = 256
	)
	img := image.NewNRGBA(image.Rect(0, 0, 1, steps))
	for i := range steps {
		img.SetNRGBA(0, steps-1-i, cubehelix((float64(i)+0.5)/steps))
	}
	box := vg.Rectangle{Min: c.Min, Max: vg.Point{X: c.Min.X + barWidth, Y: c.Max.Y}}
	c.DrawImage(box, img)
	c.StrokeLines(line(black, 0.7), append(corners(box), box.Min))
	sty := textStyle(tickSize)
	sty.YAlign = draw.YCenter
	widest := vg.Length(0)
	for _, t := range linearTicks(low, high) {
		y := box.Min.Y + vg.Length((t.Value-low)/(high-low))*(box.Max.Y-box.Min.Y)
		length := vg.Length(4)
		if t.Label == "" {
			length = 2
		}
		c.StrokeLines(line(black, 0.7), []vg.Point{{X: box.Max.X, Y: y}, {X: box.Max.X + length, Y: y}})
		c.FillText(sty, vg.Point{X: box.Max.X + 6, Y: y}, t.Label)
		widest = max(widest, sty.Width(t.Label))
	}
	sty = textStyle(tickSize)
	sty.Rotation = math.Pi / 2
	sty.XAlign, sty.YAlign = draw.XCenter, draw.YTop
	c.FillText(sty, vg.Point{X: box.Max.X + 8 + widest, Y: (box.Min.Y + box.Max.Y) / 2}, label)
}

// colorBarRoom is the width that drawColorBar needs.
const colorBarRoom = 62

// Frames returns maps as pictures of an animation, about width pixels wide, each in the colour
// scale of its own range.
func Frames(maps []field.LogMap, width int) []*image.Paletted {
	const colours = 64
	palette := make(color.Palette, colours)
	for i := range palette {
		palette[i] = cubehelix(float64(i) / (colours - 1))
	}
	var out []*image.Paletted
	for _, m := range maps {
		low, high := colorRange([]field.LogMap{m})
		zoom := max(1, width/m.Box.Cells)
		side := zoom * m.Box.Cells
		frame := image.NewPaletted(image.Rect(0, 0, side, side), palette)
		for y := range side {
			for x := range side {
				v := float64(m.Values[((side-1-y)/zoom)*m.Box.Cells+x/zoom])
				shade := (v - low) / (high - low) * (colours - 1)
				frame.SetColorIndex(x, y, uint8(max(0, min(colours-1, shade))))
			}
		}
		out = append(out, frame)
	}
	return out
}
