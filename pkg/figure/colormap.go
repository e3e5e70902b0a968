package figure

import (
	"image/color"
	"math"
)

// cubehelix returns the colour at x in [0, 1] of Green's scheme (2011, Bulletin of the Astronomical
// Society of India 39, 289; start 0.1, 0.45 rotations, hue 1.5, gamma 1), black through purple and
// orange to white: perceived brightness rises with x all the way, so that it survives grey.
func cubehelix(x float64) color.NRGBA {
	const (
		start     = 0.1
		rotations = 0.45
		hue       = 1.5
	)
	x = math.Max(0, math.Min(1, x))
	angle := 2 * math.Pi * (start/3 + 1 + rotations*x)
	amplitude := hue * x * (1 - x) / 2
	sin, cos := math.Sincos(angle)
	channel := func(a, b float64) uint8 {
		v := x + amplitude*(a*cos+b*sin)
		return uint8(math.Max(0, math.Min(1, v))*255 + 0.5)
	}
	return color.NRGBA{
		R: channel(-0.14861, 1.78277), G: channel(-0.29227, -0.90649),
		B: channel(1.97294, 0), A: 0xff,
	}
}
