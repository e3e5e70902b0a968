package unet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"darkfield/pkg/network"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// pureGo opens the backend that needs no plugin; pkg/verify compares the whole network on XLA
// with the published one.
func pureGo(t *testing.T) compute.Backend {
	t.Helper()
	b, err := compute.NewWithConfig("go:ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

func TestSizesOfThePaper(t *testing.T) {
	if n := len(Default().WithDim(8).Parameters()); n != 294 {
		t.Errorf("%d tensors, want 294", n)
	}
	for dim, want := range map[int]float64{16: 2.15, 32: 8.08, 64: 31.27} {
		if got := float64(Default().WithDim(dim).NumParameters()) / 1e6; math.Abs(got-want) > 0.005 {
			t.Errorf("width %d: %.3f million parameters, want %.2f", dim, got, want)
		}
	}
}

func TestInitIsReproducible(t *testing.T) {
	c := Default().WithDim(8)
	a, b := c.Init(1), c.Init(1)
	if err := c.Check(a); err != nil {
		t.Fatal(err)
	}
	for name := range a {
		if fmt.Sprint(a[name].Data) != fmt.Sprint(b[name].Data) {
			t.Fatalf("%s differs between two draws from one seed", name)
		}
	}
	// A uniform variable in ±1/√9 has the standard deviation 1/√27.
	var sum float64
	w := a["downs.0.1.block1.proj.weight"].Data
	for _, v := range w {
		sum += float64(v) * float64(v)
	}
	if got, want := math.Sqrt(sum/float64(len(w))), 1/math.Sqrt(3*8*9); math.Abs(got/want-1) > 0.1 {
		t.Errorf("standard deviation of a weight = %g, want %g", got, want)
	}
}

func TestCheckListsEveryFault(t *testing.T) {
	c := Default().WithDim(8)
	w := c.Init(1)
	delete(w, "time_mlp.1.bias")
	w["final_conv.1.weight"] = network.Array{Shape: []int{2, 8, 1, 1}}
	w["extra"] = network.Array{}
	err := c.Check(w)
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range []string{"time_mlp.1.bias is missing", "final_conv.1.weight has shape [2 8 " +
		"1 1], want [1 8 1 1]", "extra"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
}

func TestSides(t *testing.T) {
	c := Default()
	for side, ok := range map[int]bool{
		8: true, 32: true, 256: true, 4: false, 20: false,
		36: false, 0: false,
	} {
		if err := c.CheckSide(side); (err == nil) != ok {
			t.Errorf("side %d: %v", side, err)
		}
	}
}

// TestGradientsOfBlocks compares GoMLX's gradients with finite differences along a random
// direction: version 0.28 has wrong ones for some convolutions. The loss is of order 30 in
// float32, so a difference over 2h = 4e-3 is good to about 1e-3 absolute of slopes of order 5.
func TestGradientsOfBlocks(t *testing.T) {
	b := pureGo(t)
	rng := rand.New(rand.NewPCG(3, 4))
	c := Default().WithDim(8)
	w := c.Init(5)
	random := func() *tensors.Tensor {
		v := make([]float32, 2*4*4*8)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		return tensors.FromFlatDataAndDimensions(v, 2, 4, 4, 8)
	}
	for name, block := range map[string]func(scope *model.Scope, x *Node) *Node{
		"double": func(scope *model.Scope, x *Node) *Node { return Upsample(in(scope, "ups.2.3"), x) },
		"halve": func(scope *model.Scope, x *Node) *Node {
			return Downsample(in(scope, "downs.0.3"), x)
		},
		"convolution": func(scope *model.Scope, x *Node) *Node {
			return Convolution(in(scope, "downs.0.1.block1.proj"), x, 8)
		},
		"normalisation": func(scope *model.Scope, x *Node) *Node {
			return GroupNorm(in(scope, "downs.0.2.fn.norm"), x, 4)
		},
		"block": func(scope *model.Scope, x *Node) *Node {
			return half(in(scope, "downs.0.1.block1"), x, Block{Channels: 8, Groups: c.Groups})
		},
		"linear attention": func(scope *model.Scope, x *Node) *Node {
			return LinearAttention(in(scope, "downs.0.2"), x, c.Heads, c.HeadDim)
		},
	} {
		loss := func(scope *model.Scope, x *Node) *Node { return ReduceAllSum(Sin(block(scope, x))) }
		x, direction := random(), random()
		store := network.Store(w)
		slope := model.MustCallOnce(b, store, func(scope *model.Scope, x, d *Node) *Node {
			return ReduceAllSum(Mul(d, Gradient(loss(scope, x), x)[0]))
		}, x, direction)
		difference := func(h float32) float64 {
			out := model.MustCallOnce(b, store, func(scope *model.Scope, x, d, h *Node) *Node {
				return loss(scope, Add(x, Mul(h, d)))
			}, x, direction, h)
			return float64(tensors.ToScalar[float32](out))
		}
		const h = 2e-3
		got, want := float64(tensors.ToScalar[float32](slope)), (difference(h)-difference(-h))/(2*h)
		if math.Abs(got-want) > 0.01*(1+math.Abs(want)) {
			t.Errorf("%s: slope %g, finite difference %g", name, got, want)
		}
	}
}

// TestDoubleIsTheTransposedConvolution: PyTorch defines it by scattering: input pixel (i, j) adds
// weight[ci, co, a, b] to output pixel (2i+a−1, 2j+b−1).
func TestDoubleIsTheTransposedConvolution(t *testing.T) {
	b := pureGo(t)
	rng := rand.New(rand.NewPCG(5, 6))
	c := Default().WithDim(8)
	w := c.Init(5)
	const side = 3
	x := make([]float32, side*side*8)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	out := model.MustCallOnce(b, network.Store(w), func(scope *model.Scope, x *Node) *Node {
		return Upsample(in(scope, "ups.2.3"), x)
	}, tensors.FromFlatDataAndDimensions(x, 1, side, side, 8))
	kernel, bias := w["ups.2.3.weight"].Data, w["ups.2.3.bias"].Data
	want := make([]float64, 2*side*2*side*8)
	for i := range want {
		want[i] = float64(bias[i%8])
	}
	for i := range side * side * 8 {
		y, x0, in := i/8/side, i/8%side, i%8
		for o := range 8 {
			for tap := range 16 {
				u, v := 2*y+tap/4-1, 2*x0+tap%4-1
				if u >= 0 && u < 2*side && v >= 0 && v < 2*side {
					want[(u*2*side+v)*8+o] += float64(x[i]) * float64(kernel[(in*8+o)*16+tap])
				}
			}
		}
	}
	for i, v := range tensors.MustCopyFlatData[float32](out) {
		if math.Abs(float64(v)-want[i]) > 1e-5 {
			t.Fatalf("output %d = %g, want %g", i, v, want[i])
		}
	}
}
