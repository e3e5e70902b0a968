package figure

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"darkfield/pkg/safefile"
)

// Resolutions of PNG files, and of those that are part of a notebook: 9 inches make 1980 pixels,
// sharp in print, and 765, which keeps a notebook of many figures below a megabyte.
const (
	dotsPerInch   = 220
	inlinePerInch = 85
)

// Figure is a drawing of known size that can be written as PNG and SVG. The same input gives the
// same bytes.
type Figure struct {
	width, height vg.Length // of the body; legend and note come on top
	legend        []entry
	note          string
	body          func(draw.Canvas)
}

// entry is a line of a legend; what is zero is not drawn.
type entry struct {
	label string
	line  draw.LineStyle
	fill  color.Color
	glyph draw.GlyphStyle
}

// sample is the entry of a line in a band of its colour.
func sample(label string, sty draw.LineStyle, opacity float64) entry {
	return entry{label: label, line: sty, fill: shade(sty, opacity)}
}

const (
	margin       = 8 // points around everything
	legendHeight = 17
	legendGap    = 5
	noteHeight   = noteSize * 1.25
	swatch       = 26 // width of a legend's sample
)

// Empty returns a figure that holds only a message: what a notebook shows where there is nothing
// to draw.
func Empty(message string) *Figure {
	return &Figure{width: pageWidth, height: 0.7 * vg.Inch, body: func(c draw.Canvas) {
		sty := textStyle(labelSize)
		sty.XAlign, sty.YAlign = draw.XCenter, draw.YCenter
		lines := wrap(scripts.Replace(message), sty, c.Max.X-c.Min.X)
		c.FillText(sty, c.Center(), strings.Join(lines, "\n"))
	}}
}

const pageWidth = 9 * vg.Inch

// page returns a figure of rows of panels.
func page(width, height vg.Length, legend []entry, note string, rows ...[]*panel) *Figure {
	return &Figure{
		width: width, height: height, legend: legend, note: note,
		body: func(c draw.Canvas) { drawPanels(c, rows) },
	}
}

// Note returns the line under the figure: where its data come from and what is not shown.
func (f *Figure) Note() string { return f.note }

// Save writes base.png and base.svg, each by way of a temporary file in the same directory.
func (f *Figure) Save(base string) error {
	for _, k := range []struct {
		ext    string
		render func() ([]byte, error)
	}{{".png", f.PNG}, {".svg", f.SVG}} {
		data, err := k.render()
		if err == nil {
			err = safefile.WriteFile(base+k.ext, data)
		}
		if err != nil {
			return fmt.Errorf("figure: save %s: %w", base+k.ext, err)
		}
	}
	return nil
}

// PNG returns the figure as a PNG file.
func (f *Figure) PNG() ([]byte, error) { return f.png(dotsPerInch) }

// InlinePNG returns the figure as a smaller PNG file, for a notebook's page.
func (f *Figure) InlinePNG() ([]byte, error) { return f.png(inlinePerInch) }

func (f *Figure) png(dots int) ([]byte, error) {
	w, h := f.size()
	c := vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(dots))
	f.draw(draw.New(c))
	var b bytes.Buffer
	_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(&b)
	return b.Bytes(), err
}

// SVG returns the figure as an SVG file.
func (f *Figure) SVG() ([]byte, error) {
	w, h := f.size()
	c := vgsvg.New(w, h)
	f.draw(draw.New(c))
	var b bytes.Buffer
	_, err := c.WriteTo(&b)
	// The library embeds PNG data but calls it JPEG; browsers look past that, other viewers draw
	// nothing.
	data := bytes.ReplaceAll(b.Bytes(), []byte("data:image/jpg;"), []byte("data:image/png;"))
	return bytes.ReplaceAll(data, []byte("<image "), []byte(`<image preserveAspectRatio="none" `)), err
}

func (f *Figure) noteLines() []string {
	return wrap(scripts.Replace(f.note), textStyle(noteSize), f.width-2*margin)
}

// rows splits the legend into rows that fit the width.
func (f *Figure) rows() [][]entry {
	var out [][]entry
	width := vg.Length(math.Inf(1))
	for _, e := range f.legend {
		w := entryWidth(e)
		if width+w > f.width-2*margin {
			out, width = append(out, nil), 0
		}
		out[len(out)-1] = append(out[len(out)-1], e)
		width += w
	}
	return out
}

func entryWidth(e entry) vg.Length {
	return swatch + 6 + textStyle(legendSize).Width(scripts.Replace(e.label)) + 18
}

// legendRoom returns the height of the legend and the gap under it.
func (f *Figure) legendRoom() vg.Length {
	if len(f.legend) == 0 {
		return 0
	}
	return legendHeight*vg.Length(len(f.rows())) + legendGap
}

// size returns the size of the whole: body, legend above it and note below.
func (f *Figure) size() (w, h vg.Length) {
	h = f.height + 2*margin + f.legendRoom()
	if n := len(f.noteLines()); n > 0 {
		h += noteHeight*vg.Length(n) + 6
	}
	return f.width, h
}

func (f *Figure) draw(c draw.Canvas) {
	c.FillPolygon(color.White, corners(c.Rectangle))
	c = draw.Crop(c, margin, -margin, margin, -margin)
	sty := textStyle(noteSize)
	sty.Color = color.NRGBA{0x30, 0x30, 0x30, 0xff}
	lines := f.noteLines()
	for i, l := range lines {
		c.FillText(sty, vg.Point{X: c.Min.X, Y: c.Min.Y + noteHeight*vg.Length(len(lines)-1-i) + 2}, l)
	}
	if len(lines) > 0 {
		c = draw.Crop(c, 0, 0, noteHeight*vg.Length(len(lines))+6, 0)
	}
	for _, row := range f.rows() {
		width := vg.Length(-18)
		for _, e := range row {
			width += entryWidth(e)
		}
		x := (c.Min.X + c.Max.X - width) / 2
		for _, e := range row {
			drawEntry(c, e, vg.Point{X: x, Y: c.Max.Y - legendHeight/2})
			x += entryWidth(e)
		}
		c = draw.Crop(c, 0, 0, 0, -legendHeight)
	}
	if len(f.legend) > 0 {
		c = draw.Crop(c, 0, 0, 0, -legendGap)
	}
	f.body(c)
}

// drawEntry draws a sample and its label; at is the left middle of the sample.
func drawEntry(c draw.Canvas, e entry, at vg.Point) {
	right := vg.Point{X: at.X + swatch, Y: at.Y}
	if e.fill != nil {
		c.FillPolygon(e.fill, corners(vg.Rectangle{
			Min: vg.Point{X: at.X, Y: at.Y - 4}, Max: vg.Point{X: right.X, Y: at.Y + 4},
		}))
	}
	if e.line.Width > 0 {
		c.StrokeLines(e.line, []vg.Point{at, right})
	}
	if e.glyph.Radius > 0 {
		c.DrawGlyph(e.glyph, vg.Point{X: at.X + swatch/2, Y: at.Y})
	}
	sty := textStyle(legendSize)
	sty.YAlign = draw.YCenter
	c.FillText(sty, vg.Point{X: right.X + 6, Y: at.Y}, scripts.Replace(e.label))
}

// corners returns those of a rectangle, from the lower left one counter-clockwise.
func corners(r vg.Rectangle) []vg.Point {
	return []vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}}
}

// drawColumn draws a legend as a column from the top left of c.
func drawColumn(c draw.Canvas, title string, entries []entry) {
	y := c.Max.Y
	if title != "" {
		sty := textStyle(legendSize)
		sty.YAlign = draw.YCenter
		c.FillText(sty, vg.Point{X: c.Min.X, Y: y - legendHeight/2}, scripts.Replace(title))
		y -= legendHeight
	}
	for _, e := range entries {
		drawEntry(c, e, vg.Point{X: c.Min.X, Y: y - legendHeight/2})
		y -= legendHeight
	}
}
