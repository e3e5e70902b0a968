package unet

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// gainScale multiplies the gains of the filter. Adam's steps have about the same size for all
// weights; with this factor they change the output little.
const gainScale = 0.1

// filter is a linear, isotropic filter of the noised map [B, H, W, 1], whose gains depend on
// wavenumber, time and θ. For a Gaussian field the optimal denoiser is such a filter, Wiener's, so
// it represents the response of the power spectrum to θ. The mean of a map is set to 0.
func filter(scope *model.Scope, xt *Node, c Condition, count int) *Node {
	g, batch, side := xt.Graph(), xt.Shape().Dim(0), xt.Shape().Dim(1)
	gains := Add(zeroLinear(in(scope, "gains_mlp.1"), c.Time, count),
		zeroLinear(in(scope, "gains_cond_mlp.1"), c.Theta, count)) // [B, count]
	nodes := Const(g, tensors.FromFlatDataAndDimensions(rings(count, side), count, side, side))
	gain := MulScalar(Einsum("br,rkl->bkl", gains, nodes), gainScale) // [B, H, W]
	transform := Const(g, tensors.FromFlatDataAndDimensions(hartley(side), side, side))
	both := func(x *Node) *Node { // along both axes; its own inverse
		return Einsum("bkw,wl->bkl", Einsum("bhw,hk->bkw", x, transform), transform)
	}
	modes := both(Reshape(xt, batch, side, side))
	return InsertAxes(both(Mul(modes, gain)), -1)
}

// hartley returns the matrix (cos + sin)(2πjk/n)/√n, row-major, which is symmetric and orthonormal.
// Applied along both axes of a map it turns an isotropic filter into a product, as the Fourier
// transform does, without complex numbers.
func hartley(n int) []float32 {
	out := make([]float32, n*n)
	for i := range out {
		sin, cos := math.Sincos(2 * math.Pi * float64(i/n*(i%n)%n) / float64(n))
		out[i] = float32((cos + sin) / math.Sqrt(float64(n)))
	}
	return out
}

// rings returns the weights [count, side, side] of nodes at the wavenumbers 1, √2, 2, 2√2, … times
// the fundamental one, between which a gain is interpolated linearly in ln k. They sum to 1 for
// each mode, and to 0 for the mean. Beyond the last node the gain is constant.
func rings(count, side int) []float32 {
	out := make([]float32, count*side*side)
	for i := range side * side {
		ky, kx := i/side, i%side
		k := math.Hypot(float64(min(ky, side-ky)), float64(min(kx, side-kx)))
		if k == 0 {
			continue
		}
		at := math.Min(2*math.Log2(k), float64(count-1))
		node := min(int(at), max(count-2, 0))
		share := at - float64(node)
		out[node*side*side+i] = float32(1 - share)
		if node+1 < count {
			out[(node+1)*side*side+i] = float32(share)
		}
	}
	return out
}
