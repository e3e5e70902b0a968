package figure

import (
	"image/color"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Okabe and Ito's palette, which people with any common colour blindness can tell apart.
var (
	black      = color.NRGBA{0x00, 0x00, 0x00, 0xff}
	orange     = color.NRGBA{0xe6, 0x9f, 0x00, 0xff}
	skyBlue    = color.NRGBA{0x56, 0xb4, 0xe9, 0xff}
	green      = color.NRGBA{0x00, 0x9e, 0x73, 0xff}
	blue       = color.NRGBA{0x00, 0x72, 0xb2, 0xff}
	vermillion = color.NRGBA{0xd5, 0x5e, 0x00, 0xff}
	purple     = color.NRGBA{0xcc, 0x79, 0xa7, 0xff}
	grey       = color.NRGBA{0x60, 0x60, 0x60, 0xff}
)

// What true and generated maps look like in every figure.
var (
	trueColor = blue
	genColor  = vermillion
	genDash   = []vg.Length{vg.Points(5), vg.Points(2.5)}
	trueLine  = line(trueColor, 1.6)
	genLine   = line(genColor, 1.6, genDash...)
)

// Lines that data are compared with.
var (
	unity    = line(grey, 0.7)
	expected = line(grey, 1, vg.Points(4), vg.Points(3))
)

// categories are the styles of up to seven lines of equal standing: colour and dashes both differ.
var categories = []draw.LineStyle{
	{Color: black, Width: vg.Points(1.6)},
	{Color: vermillion, Width: vg.Points(1.6), Dashes: []vg.Length{vg.Points(7), vg.Points(2)}},
	{Color: blue, Width: vg.Points(1.6), Dashes: []vg.Length{vg.Points(3), vg.Points(2)}},
	{Color: green, Width: vg.Points(1.6), Dashes: []vg.Length{
		vg.Points(7), vg.Points(2),
		vg.Points(1.5), vg.Points(2),
	}},
	{Color: purple, Width: vg.Points(1.6), Dashes: []vg.Length{vg.Points(1.5), vg.Points(1.5)}},
	{Color: orange, Width: vg.Points(1.6), Dashes: []vg.Length{vg.Points(10), vg.Points(3)}},
	{Color: skyBlue, Width: vg.Points(1.6), Dashes: []vg.Length{
		vg.Points(5), vg.Points(2),
		vg.Points(1.5), vg.Points(2), vg.Points(1.5), vg.Points(2),
	}},
}

// Sizes of text, for figures shown 9 inches wide.
const (
	titleSize  = 10.5
	labelSize  = 10.5
	tickSize   = 9.5
	legendSize = 10
	noteSize   = 9
)

// handler renders all text, from fonts that gonum/plot carries, so that figures look alike on
// every machine.
var handler = markup{fonts: font.NewCache(liberation.Collection())}

func textStyle(size float64) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)}
	return text.Style{Color: black, Font: f, Handler: handler}
}

// faint returns c at an opacity between 0 and 1.
func faint(c color.NRGBA, opacity float64) color.NRGBA {
	c.A = uint8(opacity*255 + 0.5)
	return c
}

func line(c color.NRGBA, width float64, dashes ...vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: c, Width: vg.Points(width), Dashes: dashes}
}

// thin is a line of the same colour with a width and dashes of its own.
func thin(sty draw.LineStyle, width float64, dashes ...vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: sty.Color, Width: vg.Points(width), Dashes: dashes}
}

// shade is the colour of a line at an opacity.
func shade(sty draw.LineStyle, opacity float64) color.NRGBA {
	return faint(color.NRGBAModel.Convert(sty.Color).(color.NRGBA), opacity)
}

// dot is a disc of a radius in points.
func dot(c color.Color, radius float64) draw.GlyphStyle {
	return draw.GlyphStyle{Color: c, Radius: vg.Points(radius), Shape: draw.CircleGlyph{}}
}
