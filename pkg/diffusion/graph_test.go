package diffusion

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// noisedOnGraph runs NoisedGraph on maps with 32 pixels a side.
func noisedOnGraph(t *testing.T, s Schedule, x0, index, epsilon []float32) []float32 {
	t.Helper()
	exec := graph.MustNewExec(onGo(t), func(x0, index, e *graph.Node) *graph.Node { return NoisedGraph(s, x0, index, e) })
	maps := func(v []float32) *tensors.Tensor {
		return tensors.FromFlatDataAndDimensions(v, len(index), 32, 32, 1)
	}
	out, err := exec.Call1(maps(x0), index, maps(epsilon))
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](out)
}

// TestNoisedGraphAtBothEnds looks at the first and the last time, where an index off by one would read past the table.
func TestNoisedGraphAtBothEnds(t *testing.T) {
	s := Paper()
	x0, e := make([]float32, 2*goldenPixels), make([]float32, 2*goldenPixels)
	for i := range x0 {
		x0[i], e[i] = float32(math.Sin(float64(i))), float32(math.Cos(float64(i)))
	}
	got := noisedOnGraph(t, s, x0, []float32{Step(1).Index(), Step(1000).Index()}, e)
	for i, step := range []Step{1, 1000} {
		j := i*goldenPixels + 17
		if want := s.Noised(step, float64(x0[j]), float64(e[j])); math.Abs(float64(got[j])-want) > 1e-6 {
			t.Errorf("x_%d = %g, want %g", step, got[j], want)
		}
	}
}

func TestLosses(t *testing.T) {
	// Errors 0.5 and −3 on either side of the bend at 1.
	exec := graph.MustNewExec(onGo(t), func(e, predicted *graph.Node) []*graph.Node {
		huber, mse := HuberGraph(e, predicted), MeanSquareGraph(e, predicted)
		return []*graph.Node{huber, mse, graph.Gradient(huber, predicted)[0], graph.Gradient(mse, predicted)[0]}
	})
	out, err := exec.Call([]float32{1, 0}, []float32{0.5, 3})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float32{{(0.125 + 2.5) / 2}, {(0.25 + 9) / 2}, {-0.25, 0.5}, {-0.5, 3}} {
		for j, got := range tensors.MustCopyFlatData[float32](out[i]) {
			if math.Abs(float64(got-want[j])) > 1e-6 {
				t.Errorf("output %d[%d] = %g, want %g", i, j, got, want[j])
			}
		}
	}
}
