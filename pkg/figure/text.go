package figure

import (
	"math"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// markup is a text handler that knows subscripts, _{…}, and superscripts, ^{…}: all that our
// labels need, in the same font as the rest, which neither plain text (no subscript m in the
// font) nor TeX (another font) gives.
type markup struct {
	fonts *font.Cache
}

var _ text.Handler = markup{}

// run is a piece of text of one size on one baseline.
type run struct {
	text  string
	scale vg.Length // of the font size
	raise vg.Length // of the baseline, in font sizes
}

const (
	scriptScale = 0.72
	subDrop     = -0.18
	superRaise  = 0.38
)

// runs splits a line at its scripts; an unclosed brace is taken as text.
func runs(line string) []run {
	var out []run
	plain := func(s string) {
		if s != "" {
			out = append(out, run{s, 1, 0})
		}
	}
	for {
		i := strings.Index(line, "_{")
		raise := vg.Length(subDrop)
		if j := strings.Index(line, "^{"); j >= 0 && (i < 0 || j < i) {
			i, raise = j, superRaise
		}
		if i < 0 {
			plain(line)
			return out
		}
		end := strings.IndexByte(line[i:], '}')
		if end < 0 {
			plain(line)
			return out
		}
		plain(line[:i])
		out = append(out, run{line[i+2 : i+end], scriptScale, raise})
		line = line[i+end+1:]
	}
}

func (h markup) Cache() *font.Cache { return h.fonts }

func (h markup) Extents(f font.Font) font.Extents {
	face := h.fonts.Lookup(f, f.Size)
	return face.Extents()
}

func (h markup) Lines(txt string) []string {
	return strings.Split(strings.TrimRight(txt, "\n"), "\n")
}

func (h markup) Box(txt string, f font.Font) (width, height, depth vg.Length) {
	for _, r := range runs(txt) {
		face := h.fonts.Lookup(f, f.Size*r.scale)
		width += face.Width(r.text)
	}
	ext := h.Extents(f)
	return width, ext.Ascent, ext.Descent
}

// Draw places the lines as text.Plain does; only each line is laid out run by run.
func (h markup) Draw(c vg.Canvas, txt string, sty text.Style, pt vg.Point) {
	if strings.TrimSpace(txt) == "" {
		return
	}
	c.SetColor(sty.Color)
	if sty.Rotation != 0 {
		c.Push()
		c.Rotate(sty.Rotation)
		defer c.Pop()
	}
	sin, cos := math.Sincos(sty.Rotation)
	pt.X, pt.Y = pt.Y*vg.Length(sin)+pt.X*vg.Length(cos), pt.Y*vg.Length(cos)-pt.X*vg.Length(sin)
	lines := h.Lines(txt)
	pt.Y += sty.Height(txt)*vg.Length(sty.YAlign) - h.Extents(sty.Font).Ascent
	for i, line := range lines {
		width, _, _ := h.Box(line, sty.Font)
		at := pt.Add(vg.Point{X: vg.Length(sty.XAlign) * width, Y: vg.Length(len(lines)-i) *
			sty.Font.Size})
		for _, r := range runs(line) {
			face := h.fonts.Lookup(sty.Font, sty.Font.Size*r.scale)
			visible := strings.TrimLeft(r.text, " ") // SVG drops leading spaces
			indent := face.Width(r.text[:len(r.text)-len(visible)])
			c.FillString(face, at.Add(vg.Point{X: indent, Y: r.raise * sty.Font.Size}), visible)
			at.X += face.Width(r.text)
		}
	}
}

// scripts turns the plain-text names of the parameters into marked-up ones.
var scripts = strings.NewReplacer("Ω_m", "Ω_{m}", "σ_8", "σ_{8}", "Omega_m", "Ω_{m}", "sigma_8",
	"σ_{8}", "chi²", "χ²")

// wrap breaks txt into lines no wider than width.
func wrap(txt string, sty text.Style, width vg.Length) []string {
	var lines []string
	for _, paragraph := range strings.Split(txt, "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			longer := strings.TrimSpace(line + " " + word)
			if line != "" && sty.Width(longer) > width {
				lines = append(lines, line)
				longer = word
			}
			line = longer
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
