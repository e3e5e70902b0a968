package diffusion

import (
	"math"

	"github.com/gomlx/compute/dtypes"

	. "github.com/gomlx/gomlx/core/graph"
)

// NoisedGraph returns x_t for training: x0 and epsilon [B, H, W, 1], index [B] float32 (0-based time) → [B, H, W, 1].
func NoisedGraph(s Schedule, x0, index, epsilon *Node) *Node {
	signal, noise := make([]float32, s.Steps()), make([]float32, s.Steps())
	for i := range signal {
		ab := s.AlphaBar(Term(i).Step())
		signal[i], noise[i] = float32(math.Sqrt(ab)), float32(math.Sqrt(1-ab))
	}
	pick := func(table []float32) *Node {
		rows := InsertAxes(ConvertDType(index, dtypes.Int32), -1) // [B, 1]
		return InsertAxes(Gather(Const(index.Graph(), table), rows), -1, -1, -1)
	}
	return Add(Mul(pick(signal), x0), Mul(pick(noise), epsilon))
}

// HuberGraph returns the smooth-L1 loss with β = 1, averaged over everything: the paper's loss.
func HuberGraph(epsilon, predicted *Node) *Node {
	d := Abs(Sub(epsilon, predicted))
	small := LessThan(d, ScalarOne(d.Graph(), d.DType()))
	return ReduceAllMean(Where(small, MulScalar(Square(d), 0.5), AddScalar(d, -0.5)))
}

// MeanSquareGraph returns the mean squared error, averaged over everything.
func MeanSquareGraph(epsilon, predicted *Node) *Node {
	return ReduceAllMean(Square(Sub(epsilon, predicted)))
}
