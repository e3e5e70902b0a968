package training

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// Adam's constants, as in PyTorch.
const (
	beta1   = 0.9
	beta2   = 0.999
	epsilon = 1e-8
)

// Adam is one step of Kingma and Ba (2015) in a graph. The corrections of the moments' bias come
// from the host, which computes them in float64: 1 − β₂ⁿ has few digits in float32 for small n.
type Adam struct {
	Rate              *Node // learning rate / (1 − β₁ⁿ)
	LearningRate      *Node // without the correction, of Muon; nil: Adam for every tensor
	SecondMomentScale *Node // 1 / √(1 − β₂ⁿ)
}

// BiasCorrections returns the two numbers of Adam for step n = 1, 2, ….
func BiasCorrections(learningRate float64, n int) (rate, secondMomentScale float64) {
	return learningRate / (1 - math.Pow(beta1, float64(n))),
		1 / math.Sqrt(1-math.Pow(beta2, float64(n)))
}

// Update returns the new weight and the new first and second moments.
func (a Adam) Update(w, m, v, gradient *Node) (w1, m1, v1 *Node) {
	m1 = mix(beta1, m, gradient)
	v1 = mix(beta2, v, Square(gradient))
	deviation := AddScalar(Mul(Sqrt(v1), a.SecondMomentScale), epsilon)
	return Sub(w, Mul(a.Rate, Div(m1, deviation))), m1, v1
}

// mix returns the moving average share·old + (1 − share)·fresh.
func mix(share float64, old, fresh *Node) *Node {
	return Add(MulScalar(old, share), MulScalar(fresh, 1-share))
}

// ClipNorm scales the gradients so that their norm, over all tensors together, is at most most; 0
// does nothing.
func ClipNorm(gradients []*Node, most float64) []*Node {
	if most == 0 {
		return gradients
	}
	return scaled(gradients, clipScale(squaredNorm(gradients), most))
}

// shortVector is the number of entries up to which squaredNorm multiplies a tensor by itself.
const shortVector = 1 << 13

// squaredNorm returns the sum of the squares of all entries. That of a small tensor is a product of
// a vector with itself: XLA compiles it to one simple loop, where squares and their sum, which are
// faster for large tensors, would be two or three kernels.
func squaredNorm(gradients []*Node) *Node {
	sum := ScalarZero(gradients[0].Graph(), gradients[0].DType())
	for _, g := range gradients {
		if n := g.Shape().Size(); n <= shortVector {
			flat := Reshape(g, n)
			sum = Add(sum, Dot(flat, flat).Product())
		} else {
			sum = Add(sum, ReduceAllSum(Square(g)))
		}
	}
	return sum
}

// clipScale returns the factor that brings gradients of this squared norm to the norm most, or 1.
func clipScale(squaredNorm *Node, most float64) *Node {
	return MinScalar(MulScalar(Inverse(AddScalar(Sqrt(squaredNorm), epsilon)), most), 1)
}

// scaled returns the gradients times a factor.
func scaled(gradients []*Node, scale *Node) []*Node {
	out := make([]*Node, len(gradients))
	for i, g := range gradients {
		out[i] = Mul(g, scale)
	}
	return out
}
