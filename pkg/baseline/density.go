package baseline

import (
	"context"
	"math"
	"path/filepath"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/likelihood"
)

// perComponent is how many numbers describe a Gaussian of a mixture: the logarithm of its weight up
// to a constant; its mean, thetas of them; a_0 and a_1, and c, of the triangular matrix that turns
// deviations from the mean into unit normals, z_0 = e^{a_0} δ_0 and z_1 = e^{a_1} (δ_1 + c δ_0).
const perComponent = 2 + 2*thetas

// densityLoss is the mean of −ln q(θ) of a batch, θ [B, thetas], up to the constant ln 2π.
func (n Network) densityLoss(theta, out *Node) *Node {
	out = Reshape(out, out.Shape().Dim(0), n.Components, perComponent)
	// [B, components]
	number := func(i int) *Node { return Squeeze(SliceAxis(out, 2, AxisElem(i)), 2) }
	delta := func(i int) *Node { return Sub(SliceAxis(theta, 1, AxisElem(i)), number(1+i)) }
	first, second := number(1+thetas), number(2+thetas)
	z0 := Mul(Exp(first), delta(0))
	z1 := Mul(Exp(second), Add(delta(1), Mul(number(3+thetas), delta(0))))
	logs := Sub(Add(first, second), MulScalar(Add(Square(z0), Square(z1)), 0.5))
	return Neg(ReduceAllMean(Sub(logSumExp(Add(number(0), logs)), logSumExp(number(0)))))
}

// logSumExp reduces the last axis: [B, n] → [B].
func logSumExp(x *Node) *Node {
	largest := StopGradient(ReduceAndKeep(x, ReduceMax, -1))
	return Add(Log(ReduceSum(Exp(Sub(x, largest)), -1)), Squeeze(largest, -1))
}

// mixture is the network's numbers for a map.
type mixture []float64

// nll returns −ln q(θ) up to the constant ln 2π.
func (m mixture) nll(theta [thetas]float64) float64 {
	var weights, logs []float64
	for c := m; len(c) > 0; c = c[perComponent:] {
		d0, d1, a0, a1 := theta[0]-c[1], theta[1]-c[2], c[1+thetas], c[2+thetas]
		z0, z1 := math.Exp(a0)*d0, math.Exp(a1)*(d1+c[3+thetas]*d0)
		weights = append(weights, c[0])
		logs = append(logs, c[0]+a0+a1-(z0*z0+z1*z1)/2)
	}
	return floats.LogSumExp(weights) - floats.LogSumExp(logs)
}

// Posterior is the density that a density network returns for a map.
type Posterior struct {
	standard standard
	mixtures []mixture // one for each orientation of the map, which count alike
}

// NLL is −ln of the density, up to a constant.
func (p Posterior) NLL(g likelihood.Grid) likelihood.Surface {
	out := likelihood.Surface{Grid: g}
	logs := make([]float64, len(p.mixtures))
	for _, point := range g.Points() {
		for i, m := range p.mixtures {
			logs[i] = -m.nll(p.standard.theta(point))
		}
		out.NLL = append(out.NLL, -floats.LogSumExp(logs))
	}
	return out
}

// DensityNetwork is a trained density network on a backend. It is safe for use by one goroutine at
// a time.
type DensityNetwork struct {
	manifest Manifest
	device   *device
}

// TrainDensity is Train for a density network, with a Config such as DefaultDensity.
func TrainDensity(ctx context.Context, b compute.Backend, c Config, prior cosmology.Prior,
	data Data, dir string, progress func(Progress),
) (*DensityNetwork, error) {
	if err := train(ctx, b, c, prior, data, dir, progress); err != nil {
		return nil, err
	}
	m, d, err := open(b, filepath.Join(dir, bestFile), Density)
	if err != nil {
		return nil, err
	}
	return &DensityNetwork{manifest: m, device: d}, nil
}

// Close frees the compiled graph and the tensors on the backend.
func (n *DensityNetwork) Close() { n.device.close() }

// Predict returns the posterior of each map, which must have the box of the training maps: the mean
// density over the 8 symmetries of the square.
func (n *DensityNetwork) Predict(ctx context.Context, maps []field.LogMap) ([]Posterior, error) {
	answers, err := n.device.symmetric(ctx, n.manifest, maps)
	if err != nil {
		return nil, err
	}
	out := make([]Posterior, len(maps))
	for i := range out {
		out[i].standard = n.manifest.standard()
		for _, a := range answers[i] {
			out[i].mixtures = append(out[i].mixtures, a)
		}
	}
	return out, nil
}
