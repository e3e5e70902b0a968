package diffusion

import (
	"math"

	"github.com/gomlx/compute/dtypes"

	. "github.com/gomlx/gomlx/core/graph"
)

// byTime returns for each map of a batch the entry of a table [T] at its 0-based time: index [B]
// float32 → [B, 1, 1, 1].
func byTime(table []float64, index *Node) *Node {
	values := make([]float32, len(table))
	for i, v := range table {
		values[i] = float32(v)
	}
	rows := InsertAxes(ConvertDType(index, dtypes.Int32), -1) // [B, 1]
	return InsertAxes(Gather(Const(index.Graph(), values), rows), -1, -1, -1)
}

// signalAndNoise returns √ᾱ_t and √(1 − ᾱ_t) of every term.
func (s Schedule) signalAndNoise() (signal, noise []float64) {
	for i := range s.Steps() {
		ab := s.AlphaBar(Term(i).Step())
		signal, noise = append(signal, math.Sqrt(ab)), append(noise, math.Sqrt(1-ab))
	}
	return signal, noise
}

// NoisedGraph returns x_t for training: x0 and epsilon [B, H, W, 1], index [B] float32 (0-based
// time) → [B, H, W, 1].
func NoisedGraph(s Schedule, x0, index, epsilon *Node) *Node {
	signal, noise := s.signalAndNoise()
	return Add(Mul(byTime(signal, index), x0), Mul(byTime(noise, index), epsilon))
}

// EpsilonGraph returns the noise that the network's output stands for: the output itself, or,
// where v = √ᾱ ε − √(1 − ᾱ) x_0 is predicted, √ᾱ v + √(1 − ᾱ) x_t. Output and xt [B, H, W, 1],
// index [B].
func EpsilonGraph(s Schedule, p Prediction, output, xt, index *Node) *Node {
	if p != PredictV {
		return output
	}
	signal, noise := s.signalAndNoise()
	return Add(Mul(byTime(signal, index), output), Mul(byTime(noise, index), xt))
}

// WeightGraph returns the loss's weight of each map by its time, for an error of the noise: [B,
// 1, 1, 1].
func WeightGraph(s Schedule, w Weighting, index *Node) *Node {
	table := make([]float64, s.Steps())
	for i := range table {
		table[i] = w.at(s, Term(i).Step())
	}
	return byTime(table, index)
}

// HuberGraph returns the smooth-L1 loss with β = 1 of every pixel: the paper's loss is its mean.
func HuberGraph(epsilon, predicted *Node) *Node {
	d := Abs(Sub(epsilon, predicted))
	small := LessThan(d, ScalarOne(d.Graph(), d.DType()))
	return Where(small, MulScalar(Square(d), 0.5), AddScalar(d, -0.5))
}

// SquareGraph returns the squared error of every pixel.
func SquareGraph(epsilon, predicted *Node) *Node { return Square(Sub(epsilon, predicted)) }

// BoundGraph returns the term of the bound of each map of a batch, as Schedule.BoundTerms does
// but in float32: epsilon and predicted [B, H, W, 1], index [B] → [B] in nats. What does not
// depend on the prediction is left out: a constant of term 0.
func BoundGraph(s Schedule, epsilon, predicted, index *Node) *Node {
	table := make([]float64, s.Steps())
	for i := range table {
		table[i], _ = s.boundWeight(Term(i))
	}
	return ReduceSum(Mul(byTime(table, index), SquareGraph(epsilon, predicted)), 1, 2, 3)
}
