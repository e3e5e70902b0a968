package baseline

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"

	"darkfield/pkg/unet"
)

const (
	thetas = 2    // number of parameters: Ω_m and σ_8
	kernel = 3    // pixels per side
	floor  = 1e-3 // added to the channels' power, so that its logarithm has a gradient
	fold   = 2    // pixels per side of the blocks that the first level takes as channels
)

// Parameters lists the network's tensors: kernels are [height, width, in, out], linear maps [in,
// out].
func (n Network) Parameters() []unet.Tensor {
	var out []unet.Tensor
	layer := func(name string, fanIn int, kind unet.Kind, shape ...int) {
		out = append(out,
			unet.Tensor{Name: name + ".weight", Shape: shape, Kind: kind, FanIn: fanIn},
			unet.Tensor{Name: name + ".bias", Shape: shape[len(shape)-1:], Kind: unet.Zero})
	}
	in, pooled := fold*fold, 0
	for i, w := range n.Widths {
		layer(fmt.Sprintf("levels.%d.0", i), kernel*kernel*in, unet.Uniform, kernel, kernel, in, w)
		layer(fmt.Sprintf("levels.%d.1", i), kernel*kernel*w, unet.Uniform, kernel, kernel, w, w)
		in, pooled = w, pooled+2*w
	}
	layer("hidden", pooled, unet.Uniform, pooled, n.Hidden)
	// A last layer of zeros makes an untrained network return the moments of the prior.
	layer("moments", n.Hidden, unet.Zero, n.Hidden, 2*thetas)
	return out
}

// Init draws initial weights: uniform in ±√(6/fan-in), which preserves the variance of rectified
// channels (He et al. 2015); biases and the last layer are 0. The same generator state gives the
// same weights.
func (n Network) Init(rng *rand.Rand) unet.Weights {
	w := unet.Weights{}
	for _, p := range n.Parameters() {
		data := make([]float32, p.Size())
		if p.Kind == unet.Uniform {
			for i := range data {
				data[i] = float32((2*rng.Float64() - 1) * math.Sqrt(6/float64(p.FanIn)))
			}
		}
		w[p.Name] = unet.Array{Shape: p.Shape, Data: data}
	}
	return w
}

// Check returns an error that lists every missing and misshapen tensor of w.
func (n Network) Check(w unet.Weights) error {
	var errs []error
	for _, p := range n.Parameters() {
		if a, ok := w[p.Name]; !ok {
			errs = append(errs, fmt.Errorf("%s is missing", p.Name))
		} else if !slices.Equal(a.Shape, p.Shape) {
			errs = append(errs, fmt.Errorf("%s has shape %v, want %v", p.Name, a.Shape, p.Shape))
		}
	}
	return errors.Join(errs...)
}

// moments returns the mean and the logarithm of the variance of each parameter, both [B, thetas].
//
//   - Shape: x is [B, side, side, 1] float32.
//   - Units: x is a log map less the training pixels' mean, over their standard deviation;
//     parameters are in units of the prior's standard deviation about its centre, so that zeros
//     are the moments of the prior.
//   - The means and the logarithms of the power of all levels' channels feed the last layers:
//     statistics of every scale, such as power spectra through learned filters. Maps are not
//     normalised one by one, since their mean and variance say most about Ω_m and σ_8.
func (n Network) moments(weight unet.Weight, x *Node) (mean, logVariance *Node) {
	batch, side := x.Shape().Dim(0), x.Shape().Dim(1)
	x.AssertDims(batch, side, side, 1)
	x = folded(x)
	var pooled []*Node
	for i := range n.Widths {
		if i > 0 {
			x = downsample(x)
		}
		x = silu(convolve(weight, fmt.Sprintf("levels.%d.0", i), x))
		x = Add(x, silu(convolve(weight, fmt.Sprintf("levels.%d.1", i), x)))
		power := ReduceMean(Square(x), 1, 2) // [B, width]
		pooled = append(pooled, ReduceMean(x, 1, 2), Log(AddScalar(power, floor)))
	}
	h := silu(linear(weight, "hidden", Concatenate(pooled, -1)))
	out := linear(weight, "moments", h) // [B, 2·thetas]
	out.AssertDims(batch, 2*thetas)
	return SliceAxis(out, 1, AxisRange(0, thetas)), SliceAxis(out, 1, AxisRange(thetas, 2*thetas))
}

// convolve is a circular convolution that keeps the side.
func convolve(weight unet.Weight, name string, x *Node) *Node {
	y := Convolve(unet.Wrap(x, kernel/2), weight(name+".weight")).NoPadding().Done()
	return Add(y, InsertAxes(weight(name+".bias"), 0, 0, 0))
}

// folded turns blocks of 2×2 pixels into channels: [B, H, W, C] → [B, H/2, W/2, 4·C]. It loses
// nothing and makes the first level several times cheaper.
func folded(x *Node) *Node {
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	x = TransposeAllAxes(Reshape(x, b, h/fold, fold, w/fold, fold, c), 0, 1, 3, 2, 4, 5)
	return Reshape(x, b, h/fold, w/fold, fold*fold*c)
}

// downsample averages blocks of 2×2 pixels: [B, H, W, C] → [B, H/2, W/2, C].
func downsample(x *Node) *Node {
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	return ReduceMean(Reshape(x, b, h/2, 2, w/2, 2, c), 2, 4)
}

func linear(weight unet.Weight, name string, x *Node) *Node {
	return Add(Einsum("bi,io->bo", x, weight(name+".weight")), InsertAxes(weight(name+".bias"), 0))
}

func silu(x *Node) *Node { return Mul(x, Logistic(x)) }

// scoreGraph returns the loss Score of a batch: parameters θ, means and logarithms of variances,
// all [B, thetas].
func scoreGraph(theta, mean, logVariance *Node) *Node {
	square := Square(Sub(theta, mean))
	return ReduceAllMean(Add(Mul(square, Exp(Neg(logVariance))), logVariance))
}
