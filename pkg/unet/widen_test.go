package unet

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/network"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"
)

// narrow and wide are a small network of the paper's form and the same with all that it may have.
func narrow() Config {
	c := Default().WithDim(8)
	c.Multipliers = []int{1, 2}
	return c
}

func wide() Config {
	c := narrow().WithHidden(24)
	c.Conditioning, c.Rings = ScaleShift, 7
	return c
}

// inputs are maps of 8², times and parameters.
func inputs(rng *rand.Rand) []any {
	random := func(n int) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = float32(rng.NormFloat64())
		}
		return out
	}
	return []any{
		tensors.FromFlatDataAndDimensions(random(3*8*8), 3, 8, 8, 1),
		[]float32{3, 400, 990},
		tensors.FromFlatDataAndDimensions(random(3*2), 3, 2),
	}
}

func output(b compute.Backend, c Config, w network.Weights, in []any) []float32 {
	out := model.MustCallOnce(b, network.Store(w), func(scope *model.Scope, in []*Node) *Node {
		return c.Network().Predict(scope, in[0], in[1], in[2])
	}, in...)
	return tensors.MustCopyFlatData[float32](out)
}

// TestWidenedNetworkDoesTheSame: a widened network gives the same output. Sums over more hidden
// numbers may be taken in another order, hence rounding.
func TestWidenedNetworkDoesTheSame(t *testing.T) {
	b := pureGo(t)
	rng := rand.New(rand.NewPCG(7, 8))
	w := narrow().Init(7)
	in := inputs(rng)
	want := output(b, narrow(), w, in)
	wider, added, err := wide().Widen(narrow(), w, 8)
	if err != nil {
		t.Fatal(err)
	}
	if err := wide().Check(wider); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"conditional_embedding.0.weight", "gains_mlp.1.weight",
		"mid_block1.scale_mlp.1.bias",
	} {
		if !slices.Contains(added, name) {
			t.Errorf("%s is not among the new tensors %v", name, added)
		}
	}
	if slices.Contains(added, "final_conv.1.weight") {
		t.Error("final_conv.1.weight is called new")
	}
	for i, v := range output(b, wide(), wider, in) {
		if math.Abs(float64(v-want[i])) > 1e-5*(1+math.Abs(float64(want[i]))) {
			t.Fatalf("output %d is %g, was %g", i, v, want[i])
		}
	}
	same, added, err := wide().Widen(wide(), wider, 8)
	if err != nil || len(added) > 0 {
		t.Errorf("no widening added %v, %v", added, err)
	}
	if d := cmp.Diff(wider, same); d != "" {
		t.Errorf("no widening changed weights:\n%s", d)
	}
}

// TestGradientReachesWhatIsNew: the loss of a widened network has a slope by each new tensor, so
// that none stays 0 for ever.
func TestGradientReachesWhatIsNew(t *testing.T) {
	b := pureGo(t)
	rng := rand.New(rand.NewPCG(9, 10))
	w, added, err := wide().Widen(narrow(), narrow().Init(7), 8)
	if err != nil {
		t.Fatal(err)
	}
	in := inputs(rng)
	store := network.Store(w)
	for i, slope := range model.MustCallOnceN(b, store, func(scope *model.Scope, in []*Node) []*Node {
		loss := ReduceAllSum(Square(wide().Network().Predict(scope, in[0], in[1], in[2])))
		var of []*Node
		for _, name := range added {
			of = append(of, network.Tensor{Name: name}.Variable(store).NodeValue(loss.Graph()))
		}
		return Gradient(loss, of...)
	}, in...) {
		largest := float32(0)
		for _, v := range tensors.MustCopyFlatData[float32](slope) {
			largest = max(largest, v, -v)
		}
		if !(largest > 0) {
			t.Errorf("the slope by %s is 0", added[i])
		}
	}
}

// TestWidenSaysWhatDoesNotFit: networks that are narrower, or other ones, are errors that name the
// field.
func TestWidenSaysWhatDoesNotFit(t *testing.T) {
	for want, to := range map[string]Config{
		"unet.Config.Conditioning": {Rings: 7, Hidden: 24},
		"unet.Config.Hidden = 12":  {Rings: 7, Hidden: 12, Conditioning: ScaleShift},
		"unet.Config.Rings = 6":    {Rings: 6, Hidden: 24, Conditioning: ScaleShift},
		"Dim:16":                   {Dim: 16, Rings: 7, Hidden: 24, Conditioning: ScaleShift},
	} {
		c := narrow()
		c.Rings, c.Hidden, c.Conditioning = to.Rings, to.Hidden, to.Conditioning
		c.Dim = max(c.Dim, to.Dim)
		if _, _, err := c.Widen(wide(), wide().Init(7), 8); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want it to say %q", err, want)
		}
	}
	w := narrow().Init(7)
	delete(w, "time_mlp.1.bias")
	if _, _, err := wide().Widen(narrow(), w, 8); err == nil ||
		!strings.Contains(err.Error(), "time_mlp.1.bias is missing") {
		t.Errorf("weights without a tensor: %v", err)
	}
}

// TestFilterMultipliesModes: gains that are equal at all times multiply each plane wave by the gain
// at its wavenumber, and leave the mean.
func TestFilterMultipliesModes(t *testing.T) {
	b := pureGo(t)
	c := wide()
	w := c.Init(1)
	for r := range c.Rings {
		w["gains_mlp.1.bias"].Data[r] = float32(1 + r)
	}
	const side = 8
	for _, k := range [][2]int{{0, 0}, {1, 0}, {0, 3}, {2, 1}, {-3, 2}, {4, 4}} {
		x := make([]float32, side*side)
		for i := range x {
			x[i] = float32(
				real(cmplx.Exp(complex(0, 0.3+2*math.Pi*float64(k[0]*(i/side)+k[1]*(i%side))/side))))
		}
		out := model.MustCallOnce(b, network.Store(w), func(scope *model.Scope, x, index,
			theta *Node,
		) *Node {
			return filter(scope, x, Embed(scope, index, theta, c.Dim, c.hidden()), c.Rings)
		}, tensors.FromFlatDataAndDimensions(x, 1, side, side, 1), []float32{5}, [][]float32{{0.2, 0.7}})
		gain := 0.0
		if k != [2]int{} {
			gain = gainScale * (1 + min(2*math.Log2(math.Hypot(float64(k[0]), float64(k[1]))), 6))
		}
		for i, v := range tensors.MustCopyFlatData[float32](out) {
			if want := gain * float64(x[i]); math.Abs(float64(v)-want) > 1e-6 {
				t.Fatalf("mode %v, pixel %d: %g, want %g", k, i, v, want)
			}
		}
	}
}
