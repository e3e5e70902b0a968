package unet

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/google/go-cmp/cmp"
)

// TestPatchesAreSquares: the channels of a pixel are the pixels of its square, row by row, and the
// way back gives the map again.
func TestPatchesAreSquares(t *testing.T) {
	const maps, side, width = 2, 6, 3
	x := make([]float32, maps*side*side)
	for i := range x {
		x[i] = float32(i)
	}
	out := MustExecOnceN(pureGo(t), func(x *Node) []*Node {
		y := ToChannels(x, width)
		return []*Node{y, ToPixels(y, width)}
	}, tensors.FromFlatDataAndDimensions(x, maps, side, side, 1))
	if d := cmp.Diff([]int{maps, side / width, side / width, width * width},
		out[0].Shape().Dimensions); d != "" {
		t.Fatalf("shape (-want +got):\n%s", d)
	}
	channels := tensors.MustCopyFlatData[float32](out[0])
	// the square of row 1, column 0 of the second map
	square := channels[(4+2)*width*width:]
	for i := range width * width {
		if want := x[side*side+(width+i/width)*side+i%width]; square[i] != want {
			t.Errorf("channel %d is %g, want %g", i, square[i], want)
		}
	}
	if d := cmp.Diff(x, tensors.MustCopyFlatData[float32](out[1])); d != "" {
		t.Errorf("there and back (-want +got):\n%s", d)
	}
}

// TestPatchedNetworkSeesSquares: with the weights of a network without patches it does on p times
// the mean of squares what that does on pixels, divided by p.
func TestPatchedNetworkSeesSquares(t *testing.T) {
	for _, width := range []int{8, 4} { // 4 is the number of a square's pixels, too
		from, c := narrow(), wide()
		from.Dim, from.Groups, c.Dim, c.Groups = width, 4, width, 4
		patchedSeesSquares(t, from, c)
	}
}

func patchedSeesSquares(t *testing.T, from, c Config) {
	t.Helper()
	const p, maps, coarse = 2, 3, 8
	b := pureGo(t)
	w := from.Init(7)
	whole := c
	c.Patch = p
	patched, added, err := c.Widen(from, w, 8)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(patched); err != nil {
		t.Fatal(err)
	}
	if _, _, err := whole.Widen(c, patched, 8); err == nil ||
		!strings.Contains(err.Error(), "unet.Config.Patch = 1") {
		t.Errorf("weights of a network with patches for one without: %v", err)
	}
	if !strings.Contains(strings.Join(added, " "), "final_conv.1.weight") {
		t.Errorf("final_conv.1.weight is not among the new or larger tensors %v", added)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	in := inputs(rng)
	const side = p * coarse
	fine, means := make([]float32, maps*side*side), make([]float32, maps*coarse*coarse)
	square := func(i int) int { // that a pixel is in
		return (i/(side*side)*coarse+i/side%side/p)*coarse + i%side/p
	}
	for i := range fine {
		fine[i] = float32(rng.NormFloat64())
		means[square(i)] += fine[i] / p // p times the mean of p² pixels
	}
	in[0] = tensors.FromFlatDataAndDimensions(means, maps, coarse, coarse, 1)
	want := output(b, from, w, in)
	in[0] = tensors.FromFlatDataAndDimensions(fine, maps, side, side, 1)
	for i, v := range output(b, c, patched, in) {
		if want := want[square(i)] / p; math.Abs(float64(v-want)) > 1e-5*(1+math.Abs(float64(want))) {
			t.Fatalf("pixel %d is %g, want %g", i, v, want)
		}
	}
}

// TestSidesWithPatches: the side has to be a multiple of the squares' and of what is halved.
func TestSidesWithPatches(t *testing.T) {
	c := Default()
	c.Patch = 4
	for side, ok := range map[int]bool{32: true, 256: true, 16: false, 48: false, 0: false} {
		err := c.CheckSide(side)
		if (err == nil) != ok {
			t.Errorf("side %d: %v", side, err)
		}
		if err != nil && !strings.Contains(err.Error(), "squares of 4×4") {
			t.Errorf("side %d: %q does not speak of squares", side, err)
		}
	}
}
