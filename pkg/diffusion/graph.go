package diffusion

import (
	"math"

	"github.com/gomlx/compute/dtypes"

	. "github.com/gomlx/gomlx/core/graph"
)

// byTime returns for each map of a batch the entry of a table [T] at its timestep t − 1: timestep
// [B] float32 → [B, 1, 1, 1].
func byTime(table []float64, timestep *Node) *Node {
	values := make([]float32, len(table))
	for i, v := range table {
		values[i] = float32(v)
	}
	rows := InsertAxes(ConvertDType(timestep, dtypes.Int32), -1) // [B, 1]
	return InsertAxes(Gather(Const(timestep.Graph(), values), rows), -1, -1, -1)
}

// signalAndNoise returns √ᾱ_t and √(1 − ᾱ_t) for t = 1…T.
func (s Schedule) signalAndNoise() (signal, noise []float64) {
	for i := range s.Steps() {
		ab := s.AlphaBar(Term(i).Step())
		signal, noise = append(signal, math.Sqrt(ab)), append(noise, math.Sqrt(1-ab))
	}
	return signal, noise
}

// NoisedGraph returns x_t for training: x0 and epsilon [B, H, W, 1], timestep t − 1 [B] float32 →
// [B, H, W, 1].
func NoisedGraph(s Schedule, x0, timestep, epsilon *Node) *Node {
	signal, noise := s.signalAndNoise()
	return Add(Mul(byTime(signal, timestep), x0), Mul(byTime(noise, timestep), epsilon))
}

// EpsilonGraph returns the predicted noise ε: the output itself or, where the output is v = √ᾱ ε −
// √(1 − ᾱ) x_0, √ᾱ v + √(1 − ᾱ) x_t. Output and xt are [B, H, W, 1], timestep is [B].
func EpsilonGraph(s Schedule, p Prediction, output, xt, timestep *Node) *Node {
	if p != PredictV {
		return output
	}
	signal, noise := s.signalAndNoise()
	return Add(Mul(byTime(signal, timestep), output), Mul(byTime(noise, timestep), xt))
}

// WeightGraph returns the weight of each map's error of the noise in the loss: timestep [B] → [B,
// 1, 1, 1].
func WeightGraph(s Schedule, w Weighting, timestep *Node) *Node {
	table := make([]float64, s.Steps())
	for i := range table {
		table[i] = w.at(s, Term(i).Step())
	}
	return byTime(table, timestep)
}

// HuberGraph returns the smooth-L1 loss with β = 1 of every pixel: the paper's loss is its mean.
func HuberGraph(epsilon, predicted *Node) *Node {
	d := Abs(Sub(epsilon, predicted))
	small := LessThan(d, ScalarOne(d.Graph(), d.DType()))
	return Where(small, MulScalar(Square(d), 0.5), AddScalar(d, -0.5))
}

// SquareGraph returns the squared error of every pixel.
func SquareGraph(epsilon, predicted *Node) *Node { return Square(Sub(epsilon, predicted)) }

// BoundGraph returns the term L_i of each map of a batch, as Schedule.BoundTerms does but in
// float32: epsilon and predicted [B, H, W, 1], timestep [B] → [B] in nats. The constant of L_0,
// which does not depend on the prediction, is left out.
func BoundGraph(s Schedule, epsilon, predicted, timestep *Node) *Node {
	table := make([]float64, s.Steps())
	for i := range table {
		table[i], _ = s.boundWeight(Term(i))
	}
	return ReduceSum(Mul(byTime(table, timestep), SquareGraph(epsilon, predicted)), 1, 2, 3)
}
