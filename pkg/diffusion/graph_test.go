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
	exec := graph.MustNewExec(onGo(t), func(x0, index, e *graph.Node) *graph.Node {
		return NoisedGraph(s, x0, index, e)
	})
	maps := func(v []float32) *tensors.Tensor {
		return tensors.FromFlatDataAndDimensions(v, len(index), 32, 32, 1)
	}
	out, err := exec.Call1(maps(x0), index, maps(epsilon))
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](out)
}

// TestNoisedGraphAtBothEnds looks at the first and the last time, where an index off by one would
// read past the table.
func TestNoisedGraphAtBothEnds(t *testing.T) {
	s := Paper()
	x0, e := make([]float32, 2*goldenPixels), make([]float32, 2*goldenPixels)
	for i := range x0 {
		x0[i], e[i] = float32(math.Sin(float64(i))), float32(math.Cos(float64(i)))
	}
	got := noisedOnGraph(t, s, x0, []float32{Step(1).Timestep(), Step(1000).Timestep()}, e)
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
		huber, mse := graph.ReduceAllMean(HuberGraph(e, predicted)),
			graph.ReduceAllMean(SquareGraph(e, predicted))
		return []*graph.Node{
			huber, mse, graph.Gradient(huber, predicted)[0],
			graph.Gradient(mse, predicted)[0],
		}
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

// TestEpsilonFromV: the exact v of x_t stands for exactly the noise in it, at every time; a
// predicted ε stands for itself.
func TestEpsilonFromV(t *testing.T) {
	s := Paper()
	var xt, v, index, want []float32
	for i := range s.Steps() {
		x0, e, ab := math.Sin(float64(i)), math.Cos(3*float64(i)), s.AlphaBar(Term(i).Step())
		xt = append(xt, float32(s.Noised(Term(i).Step(), x0, e)))
		v = append(v, float32(math.Sqrt(ab)*e-math.Sqrt(1-ab)*x0))
		index, want = append(index, float32(i)), append(want, float32(e))
	}
	exec := graph.MustNewExec(onGo(t), func(v, xt, index *graph.Node) []*graph.Node {
		return []*graph.Node{
			EpsilonGraph(s, PredictV, v, xt, index),
			EpsilonGraph(s, PredictEpsilon, v, xt, index),
		}
	})
	maps := func(x []float32) *tensors.Tensor {
		return tensors.FromFlatDataAndDimensions(x, len(x), 1, 1, 1)
	}
	out, err := exec.Call(maps(v), maps(xt), index)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range tensors.MustCopyFlatData[float32](out[0]) {
		if math.Abs(float64(got-want[i])) > 1e-6 {
			t.Errorf("ε at index %d = %g, want %g", i, got, want[i])
		}
	}
	for i, got := range tensors.MustCopyFlatData[float32](out[1]) {
		if got != v[i] {
			t.Errorf("a predicted ε became %g at index %d, was %g", got, i, v[i])
		}
	}
}

// TestWeights: what each weighting is named for, at the first, a middle and the last time.
func TestWeights(t *testing.T) {
	s := Paper()
	index := []float32{0, 400, 999}
	exec := graph.MustNewExec(onGo(t), func(index *graph.Node) []*graph.Node {
		return []*graph.Node{
			WeightGraph(s, Uniform, index), WeightGraph(s, MinSNR, index),
			WeightGraph(s, UniformV, index),
		}
	})
	out, err := exec.Call(index)
	if err != nil {
		t.Fatal(err)
	}
	uniform, min, v := tensors.MustCopyFlatData[float32](out[0]),
		tensors.MustCopyFlatData[float32](out[1]), tensors.MustCopyFlatData[float32](out[2])
	for i, n := range index {
		step := Term(n).Step()
		// An error of x_0 weighs SNR times less than one of ε; of v, ᾱ times.
		ofClean, ofV := float64(min[i])*s.SNR(step), float64(v[i])*s.AlphaBar(step)
		if uniform[i] != 1 || math.Abs(ofClean/math.Min(s.SNR(step), 5)-1) > 1e-6 ||
			math.Abs(ofV-1) > 1e-6 {
			t.Errorf("step %d: weights %g of ε, %g of x_0, %g of v", step, uniform[i], ofClean, ofV)
		}
	}
}
