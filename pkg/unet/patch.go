package unet

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"darkfield/pkg/diffusion"
)

// patched is the network of maps [B, H, W, 1] whose squares of Patch×Patch pixels are one pixel of
// its levels. An orthonormal transform of each square keeps white noise white, and gives p = Patch
// times its mean and p² − 1 details. The mean has p² times the signal over noise of a pixel: levels
// takes it at the time at which a pixel has as much, so that weights which know maps of H/p pixels
// a side know what to do. Blocks of Detail channels, which see what levels found, predict the
// details and correct the mean.
//
// The network predicts v = √ᾱ ε − √(1−ᾱ) x_0. The details are small beside the noise at most times:
// what a linear filter for their variance predicts is given, and the blocks predict the rest, in
// units of its standard deviation.
func (n builder) patched(scope *model.Scope, xt, timestep, theta *Node) *Node {
	p, g := n.patch(), xt.Graph()
	at := patchTimes(timestep, p)
	basis := Const(g, tensors.FromFlatDataAndDimensions(squareBasis(p), p*p, p*p))
	z := Einsum("bhwi,oi->bhwo", ToChannels(xt, p), basis)
	mean, detail := SliceAxis(z, -1, AxisRange(0, 1)), SliceAxis(z, -1, AxisRange(1))

	x := Mul(mean, at.scale)
	own := in(scope, "detail")
	c := Embed(own, timestep, theta, n.Detail, n.hidden())
	variance := Exp(logVariance(own, c, p))
	total := Add(Mul(Square(at.signal), variance), Square(at.noise)) // of the noisy details
	given := Mul(detail, Div(Mul(Mul(at.signal, at.noise), OneMinus(variance)), total))
	seen := ConvertDType(Concatenate([]*Node{x, Div(detail, Sqrt(total))}, -1), n.activations)

	h := Convolution(in(own, "conv"), seen, n.Detail)
	h = n.resNet(own, "blocks.0", h, c, n.Detail)
	v, features := n.levels(scope, x, at.timestep, theta, h)
	h = n.resNet(own, "blocks.1", Concatenate([]*Node{h, features}, -1), c, n.Detail)
	h = n.resNet(own, "blocks.2", h, c, n.Detail)
	h = zeroPointwise(in(own, "project"), full(h), p*p)

	v = Add(v, SliceAxis(h, -1, AxisRange(0, 1)))
	mean = Add(Mul(x, at.fromInput), Mul(v, at.fromV))
	detail = Add(given, Mul(SliceAxis(h, -1, AxisRange(1)), Sqrt(Div(variance, total))))
	z = Concatenate([]*Node{mean, detail}, -1)
	return ToPixels(Einsum("bhwo,oi->bhwi", z, basis), p)
}

// squareTimes are, for the times of a batch, what relates the means of squares to pixels of levels.
type squareTimes struct {
	timestep *Node // [B], at which a pixel of levels has the mean's signal over noise

	// Numbers of each map [B, 1, 1, 1].
	signal, noise    *Node // √ᾱ and √(1−ᾱ)
	scale            *Node // p times the mean, times scale, is as a pixel at that time
	fromInput, fromV *Node // v of p times the mean, from x and v of such a pixel
}

// patchTimes finds them for the paper's schedule. A mean that is less noisy than a pixel ever is
// has the first time.
func patchTimes(timestep *Node, p int) squareTimes {
	s := diffusion.Paper()
	const numbers = 6
	var table []float32
	ratio := func(t diffusion.Step) float64 { return s.AlphaBar(t) / (1 - s.AlphaBar(t)) }
	coarse := diffusion.Step(1)
	for t := diffusion.Step(1); int(t) <= s.Steps(); t++ {
		want := float64(p*p) * ratio(t) // signal over noise
		for int(coarse) < s.Steps() && ratio(coarse+1) > want {
			coarse++
		}
		at := float64(coarse)
		if high, low := ratio(coarse), ratio(min(coarse+1, diffusion.Step(s.Steps()))); high > want {
			at += math.Log(high/want) / math.Log(high/low)
		}
		a, b := math.Sqrt(s.AlphaBar(t)), math.Sqrt(1-s.AlphaBar(t))
		a1, b1 := math.Sqrt(want/(1+want)), 1/math.Sqrt(1+want)
		for _, v := range [numbers]float64{
			at - 1, a, b, b1 / b, a*b1 - float64(p)*b*a1, a*a1 + float64(p)*b*b1,
		} {
			table = append(table, float32(v))
		}
	}
	g, batch := timestep.Graph(), timestep.Shape().Dim(0)
	steps := Iota(g, shapes.Make(timestep.DType(), batch, s.Steps()), 1)
	chosen := ConvertDType(Equal(steps, InsertAxes(Round(timestep), -1)), dtypes.Float32)
	rows := Einsum("bt,tn->bn", chosen,
		Const(g, tensors.FromFlatDataAndDimensions(table, s.Steps(), numbers)))
	column := func(i int) *Node { return SliceAxis(rows, 1, AxisElem(i)) } // [B, 1]
	number := func(i int) *Node { return Reshape(column(i), batch, 1, 1, 1) }
	return squareTimes{
		timestep: Squeeze(column(0), 1), signal: number(1), noise: number(2), scale: number(3),
		fromInput: number(4), fromV: number(5),
	}
}

// squareBasis returns the orthonormal cosine transform of squares of p×p pixels, [p², p²]: a row
// for each wave, the constant one first, with their pixels row by row.
func squareBasis(p int) []float32 {
	wave := func(k, j int) float64 {
		if k == 0 {
			return 1 / math.Sqrt(float64(p))
		}
		return math.Sqrt(2/float64(p)) * math.Cos(math.Pi*float64(k)*(float64(j)+0.5)/float64(p))
	}
	var out []float32
	for k := range p * p {
		for i := range p * p {
			out = append(out, float32(wave(k/p, i/p)*wave(k%p, i%p)))
		}
	}
	return out
}

// logVariance is ln of the variance of each detail of clean scaled maps, [B, 1, 1, p²−1], linear in
// c.Theta. It starts at that of maps of 256² pixels of darkfield's simulator.
func logVariance(scope *model.Scope, c Condition, p int) *Node {
	start := make([]float32, p*p-1)
	for i := range start {
		k := math.Hypot(float64((i+1)/p), float64((i+1)%p)) / float64(p) // half waves a pixel
		start[i] = float32(math.Log(1.5e-4 * math.Pow(k, -3.3)))
	}
	more := zeroLinear(in(scope, "log_variance"), c.Theta, len(start)) // [B, p²−1]
	return InsertAxes(Add(more, InsertAxes(Const(more.Graph(), start), 0)), 1, 1)
}

// ToChannels takes each square of side×side pixels as one pixel, with their channels row by row:
// [B, H, W, C] → [B, H/side, W/side, side·side·C].
func ToChannels(x *Node, side int) *Node {
	if side == 1 {
		return x
	}
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1)/side, x.Shape().Dim(2)/side, x.Shape().Dim(3)
	x = TransposeAllAxes(Reshape(x, b, h, side, w, side, c), 0, 1, 3, 2, 4, 5)
	return Reshape(x, b, h, w, side*side*c)
}

// ToPixels is the inverse of ToChannels: [B, H, W, side·side·C] → [B, H·side, W·side, C].
func ToPixels(x *Node, side int) *Node {
	if side == 1 {
		return x
	}
	b, h, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	c := x.Shape().Dim(3) / (side * side)
	x = TransposeAllAxes(Reshape(x, b, h, w, side, side, c), 0, 1, 3, 2, 4, 5)
	return Reshape(x, b, h*side, w*side, c)
}
