package unet_test

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/backend"
	"darkfield/pkg/network"
	"darkfield/pkg/unet"
)

// open returns the named backend, or skips where its plugin is not installed.
func open(t testing.TB, name string) compute.Backend {
	t.Helper()
	t.Setenv("GOMLX_BACKEND", name)
	b, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// processorTime returns the time that all threads of this process have run: unlike wall time, it
// does not grow with what else the machine does.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// inputs returns noise maps, their times and θ.
func inputs(rng *rand.Rand, size, side int) (xt, index, theta *tensors.Tensor) {
	normal := func(n int) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = float32(rng.NormFloat64())
		}
		return out
	}
	times, params := make([]float32, size), make([]float32, 2*size)
	for i := range times {
		times[i] = float32(rng.IntN(1000))
		params[2*i], params[2*i+1] = rng.Float32(), rng.Float32()
	}
	return tensors.FromFlatDataAndDimensions(normal(size*side*side), size, side, side, 1),
		tensors.FromFlatDataAndDimensions(times, size), tensors.FromFlatDataAndDimensions(params, size, 2)
}

// BenchmarkForward and BenchmarkGradient report the processor time of a batch and of compiling, for
// networks of the paper's form and for some that see the means of squares.
func BenchmarkForward(b *testing.B) {
	measure(b, func(n network.Network) func(*model.Scope, []*Node) *Node {
		return func(scope *model.Scope, in []*Node) *Node {
			return n.Predict(scope, in[0], in[1], in[2])
		}
	})
}

// BenchmarkGradient is the forward and the backward pass of a training step.
func BenchmarkGradient(b *testing.B) {
	measure(b, func(n network.Network) func(*model.Scope, []*Node) *Node {
		return func(scope *model.Scope, in []*Node) *Node {
			loss := ReduceAllMean(Square(n.Predict(scope, in[0], in[1], in[2])))
			sum := loss
			for _, g := range scope.BuildTrainableVariablesGradientsGraph(loss) {
				sum = Add(sum, ReduceAllSum(g)) // one number out, so that no gradient is left out
			}
			return sum
		}
	})
}

func measure(b *testing.B, build func(network.Network) func(*model.Scope, []*Node) *Node) {
	for _, of := range []struct{ dim, side, patch, detail, batch int }{
		{16, 32, 1, 0, 20},
		{16, 64, 1, 0, 20},
		{16, 256, 1, 0, 4},
		{16, 256, 2, 32, 4},
		{16, 256, 4, 32, 4},
		{16, 256, 4, 64, 4},
	} {
		name := fmt.Sprintf("dim=%d/side=%d/patch=%d/detail=%d", of.dim, of.side, of.patch, of.detail)
		b.Run(name, func(b *testing.B) {
			c := unet.Default().WithDim(of.dim)
			c.Patch, c.Detail = of.patch, of.detail
			rng := rand.New(rand.NewPCG(1, 2))
			e := model.MustNewExec(open(b, "xla:cpu"), network.Store(c.Init(1)), build(c.Network()))
			xt, index, theta := inputs(rng, of.batch, of.side)
			start := processorTime()
			e.MustCall1(xt, index, theta)
			compiled := processorTime() - start
			for b.Loop() {
				tensors.MustCopyFlatData[float32](e.MustCall1(xt, index, theta))
			}
			taken := (processorTime() - start - compiled).Seconds()
			b.ReportMetric(taken/float64(b.N*of.batch), "cpu-s/map")
			b.ReportMetric(compiled.Seconds(), "compile-cpu-s")
		})
	}
}
