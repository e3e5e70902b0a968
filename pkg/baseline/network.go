package baseline

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/network"
	"darkfield/pkg/unet"
)

const (
	thetas = 2    // number of parameters: Ω_m and σ_8
	kernel = 3    // pixels per side
	floor  = 1e-3 // added to the channels' power, so that its logarithm has a gradient
	fold   = 2    // pixels per side of the blocks that the first level takes as channels
)

// trace makes the network's variables in a store: kernels are [height, width, in, out], linear maps
// [in, out].
func (n Network) trace(store *model.Store) ([]network.Tensor, error) {
	return network.Trace(store, func(g *Graph, scope *model.Scope) {
		side := fold << len(n.Widths)
		n.answer(scope, Parameter(g, "x", shapes.Make(dtypes.Float32, 1, side, side, 1)))
	})
}

// tensors lists the network's tensors.
func (n Network) tensors() ([]network.Tensor, error) { return n.trace(model.NewStore()) }

// Init draws initial weights: uniform in ±√(6/fan-in), which preserves the variance of rectified
// channels (He et al. 2015); biases and the last layer are 0.
func (n Network) Init(seed uint64) (network.Weights, error) {
	return network.Draw(nil, seed, n.trace) // no variable is left to a backend
}

// Check returns an error that lists every missing, unexpected and misshapen tensor of w.
func (n Network) Check(w network.Weights) error {
	list, err := n.tensors()
	if err != nil {
		return err
	}
	return network.Check(list, w)
}

// outputs is how many numbers the network returns for a map.
func (n Network) outputs() int {
	if n.Components > 0 {
		return n.Components * perComponent
	}
	return 2 * thetas
}

// answer returns the network's numbers for each map, [B, outputs]: the mean and the logarithm of
// the variance of each parameter, or the numbers of each Gaussian of a mixture.
//
//   - Shape: x is [B, side, side, 1] float32.
//   - Units: x is a log map less the training pixels' mean, over their standard deviation;
//     parameters are in units of the prior's standard deviation about its centre, so that zeros
//     are the moments of the prior.
//   - The means and the logarithms of the power of all levels' channels feed the last layers:
//     statistics of every scale, such as power spectra through learned filters. Maps are not
//     normalised one by one, since their mean and variance say most about Ω_m and σ_8.
func (n Network) answer(scope *model.Scope, x *Node) *Node {
	batch, side := x.Shape().Dim(0), x.Shape().Dim(1)
	x.AssertDims(batch, side, side, 1)
	x = folded(x)
	var pooled []*Node
	for i, w := range n.Widths {
		if i > 0 {
			x = downsample(x)
		}
		level := scope.At("levels").At("%d", i)
		x = silu(convolve(level.At("0"), x, w))
		x = Add(x, silu(convolve(level.At("1"), x, w)))
		power := ReduceMean(Square(x), 1, 2) // [B, width]
		pooled = append(pooled, ReduceMean(x, 1, 2), Log(AddScalar(power, floor)))
	}
	all := Concatenate(pooled, -1)
	h := silu(linear(scope.At("hidden"), all, n.Hidden, math.Sqrt(6/float64(all.Shape().Dim(-1)))))
	if n.Components > 0 {
		// Gaussians that begin alike would stay alike.
		return linear(scope.At("mixture"), h, n.outputs(), math.Sqrt(6/float64(n.Hidden)))
	}
	// A last layer of zeros makes an untrained network return the moments of the prior.
	return linear(scope.At("moments"), h, n.outputs(), 0)
}

// loss returns the loss of a batch: parameters θ [B, thetas] and the network's numbers.
func (n Network) loss(theta, out *Node) *Node {
	if n.Components > 0 {
		return n.densityLoss(theta, out)
	}
	return scoreGraph(theta, SliceAxis(out, 1, AxisRange(0, thetas)),
		SliceAxis(out, 1, AxisRange(thetas, 2*thetas)))
}

// convolve is a circular convolution that keeps the side: [B, H, W, in] → [B, H, W, out].
func convolve(scope *model.Scope, x *Node, out int) *Node {
	width := x.Shape().Dim(-1)
	bound := math.Sqrt(6 / float64(kernel*kernel*width))
	w := network.Uniform(scope, "weight", bound, kernel, kernel, width, out).NodeValue(x.Graph())
	y := Convolve(unet.Wrap(x, kernel/2), w).NoPadding().Done()
	return Add(y, InsertAxes(network.Constant(scope, "bias", 0, out).NodeValue(x.Graph()), 0, 0, 0))
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

func linear(scope *model.Scope, x *Node, out int, bound float64) *Node {
	w := network.Uniform(scope, "weight", bound, x.Shape().Dim(-1), out).NodeValue(x.Graph())
	bias := network.Constant(scope, "bias", 0, out).NodeValue(x.Graph())
	return Add(Einsum("bi,io->bo", x, w), InsertAxes(bias, 0))
}

func silu(x *Node) *Node { return Mul(x, Logistic(x)) }

// scoreGraph returns the loss Score of a batch: parameters θ, means and logarithms of variances,
// all [B, thetas].
func scoreGraph(theta, mean, logVariance *Node) *Node {
	square := Square(Sub(theta, mean))
	return ReduceAllMean(Add(Mul(square, Exp(Neg(logVariance))), logVariance))
}
