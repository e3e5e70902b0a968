package training

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"

	"darkfield/pkg/network"
)

// Optimiser names the rule by which gradients change weights.
type Optimiser string

const (
	// AdamOptimiser is Adam for every tensor, as in the paper.
	AdamOptimiser Optimiser = ""
	// MuonOptimiser is Muon (Jordan et al. 2024) for convolutions and Adam for all other tensors.
	MuonOptimiser Optimiser = "muon"
)

const (
	muonMomentum = 0.95
	// muonScale makes the entries of Muon's steps about as large as Adam's are, so that one learning
	// rate serves both (Liu et al. 2025, "Muon is scalable for LLM training").
	muonScale = 0.2
	muonSteps = 5
)

// muonCoefficients are those of the polynomial of Jordan et al. (2024), which five times over
// brings singular values of 0.01 to 1 into 0.7 to 1.2.
var muonCoefficients = [3]float64{3.4445, -4.7750, 2.0315}

// byMuon reports whether Muon updates a tensor: convolutions with more than one channel on each
// side. Their weights are matrices from what an output pixel sees to its channels.
func byMuon(p network.Tensor) bool {
	return len(p.Shape) == 4 && p.Shape[0] > 1 && p.Shape[1] > 1
}

// muon returns the new weight and the new first moment of a convolution [out, in, height, width]:
// the momentum with its singular values brought to about 1, as a matrix [out, in·height·width].
func muon(rate, w, m, gradient *Node) (w1, m1 *Node) {
	m1 = mix(muonMomentum, m, gradient)
	ahead := mix(muonMomentum, m1, gradient) // Nesterov
	rows := w.Shape().Dim(0)
	columns := w.Shape().Size() / rows
	step := Reshape(orthogonalised(Reshape(ahead, rows, columns)), w.Shape().Dimensions...)
	scale := muonScale * math.Sqrt(float64(max(rows, columns)))
	return Sub(w, Mul(rate, MulScalar(step, scale))), m1
}

// orthogonalised returns about U·Vᵀ of a matrix U·S·Vᵀ by Newton and Schulz's iteration.
func orthogonalised(x *Node) *Node {
	wide := x.Shape().Dim(0) <= x.Shape().Dim(1)
	if !wide {
		x = Transpose(x, 0, 1)
	}
	x = Div(x, AddScalar(Sqrt(ReduceAllSum(Square(x))), epsilon))
	a, b, c := muonCoefficients[0], muonCoefficients[1], muonCoefficients[2]
	for range muonSteps {
		s := Einsum("ik,jk->ij", x, x)
		p := Add(MulScalar(s, b), MulScalar(Einsum("ik,kj->ij", s, s), c))
		x = Add(MulScalar(x, a), Einsum("ij,jk->ik", p, x))
	}
	if !wide {
		x = Transpose(x, 0, 1)
	}
	return x
}
