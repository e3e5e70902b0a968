package unet_test

import (
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/google/go-cmp/cmp"

	"darkfield/pkg/unet"
)

// TestWrap: a padded pixel is the one a whole box away, and what flows back to a pixel is the sum
// over its copies. The pure-Go backend takes another way than XLA.
func TestWrap(t *testing.T) {
	const batch, h, w, c = 2, 3, 4, 2
	for _, name := range []string{"go", "xla:cpu"} {
		for _, pad := range []int{1, 2} {
			rng := rand.New(rand.NewPCG(1, uint64(pad)))
			x, weight := make([]float32, batch*h*w*c), make([]float32, batch*(h+2*pad)*(w+2*pad)*c)
			for _, values := range [][]float32{x, weight} {
				for i := range values {
					values[i] = float32(rng.IntN(64)) // sums are exact
				}
			}
			padded, slope := make([]float32, len(weight)), make([]float32, len(x))
			for i := range padded {
				channel, column, row, one := i%c, i/c%(w+2*pad), i/c/(w+2*pad)%(h+2*pad),
					i/c/(w+2*pad)/(h+2*pad)
				from := ((one*h+(row-pad+h)%h)*w+(column-pad+w)%w)*c + channel
				padded[i] = x[from]
				slope[from] += weight[i]
			}
			out := MustExecOnceN(open(t, name), func(x, weight *Node) []*Node {
				y := unet.Wrap(x, pad)
				return []*Node{y, Gradient(ReduceAllSum(Mul(y, weight)), x)[0]}
			}, tensors.FromFlatDataAndDimensions(x, batch, h, w, c),
				tensors.FromFlatDataAndDimensions(weight, batch, h+2*pad, w+2*pad, c))
			for i, want := range [][]float32{padded, slope} {
				if d := cmp.Diff(want, tensors.MustCopyFlatData[float32](out[i])); d != "" {
					t.Errorf("%s, padding %d, output %d (-want +got):\n%s", name, pad, i, d)
				}
			}
		}
	}
}
