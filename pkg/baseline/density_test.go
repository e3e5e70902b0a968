package baseline

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// TestDensityLoss: the graph's loss is the host's, and a mixture's density integrates to 1.
func TestDensityLoss(t *testing.T) {
	n := Network{Components: 3}
	rng := rand.New(rand.NewPCG(1, 2))
	theta := make([][]float64, 4)
	host := make([][thetas]float64, len(theta))
	answers := make([][]float64, len(theta))
	for i := range theta {
		host[i] = [thetas]float64{rng.NormFloat64(), rng.NormFloat64()}
		theta[i] = host[i][:]
		answers[i] = make([]float64, n.outputs())
		for k := range answers[i] {
			answers[i][k] = 0.7 * rng.NormFloat64()
		}
	}
	e := MustNewExec(newBackend(t, pureGo), n.densityLoss)
	defer e.Finalize()
	got := e.MustCall1(theta, answers).Value().(float64)
	if want := n.meanLoss(host, answers); math.Abs(got-want) > 1e-12*math.Abs(want) {
		t.Errorf("%g in the graph, %g on the host", got, want)
	}

	const step, reach = 0.1, 40.0
	integral := 0.0
	for x := -reach; x < reach; x += step {
		for y := -reach; y < reach; y += step {
			integral += math.Exp(-mixture(answers[0]).nll([thetas]float64{x, y})) / (2 * math.Pi) *
				step * step
		}
	}
	if math.Abs(integral-1) > 1e-3 {
		t.Errorf("the density integrates to %g, want 1", integral)
	}
}

// TestExactDensity: where the posterior is known the density has its mean and its width, to the
// tolerance of TestExactPosterior. The prior's edges, which no Gaussian has, are cut by the grid.
func TestExactDensity(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a network")
	}
	c := toyConfig()
	c.Loss, c.Network.Components = Density, 3
	data := Data{Train: noisyMaps(1, 4000), Validation: noisyMaps(2, 500)}
	n, err := TrainDensity(context.Background(), newBackend(t, faster()), c, prior, data, t.TempDir(),
		nil)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	test := mapsOf(noisyMaps(3, 300))
	got, err := n.Predict(context.Background(), test)
	if err != nil {
		t.Fatal(err)
	}
	moments := make([]Moments, len(got))
	for i, p := range got {
		om, s8 := p.NLL(likelihood.WholePrior(prior, 60)).Marginals()
		moments[i] = Moments{
			Mean: cosmology.Params{OmegaM: om.Mean, Sigma8: s8.Mean},
			Std:  cosmology.Params{OmegaM: om.Std, Sigma8: s8.Std},
		}
	}
	checkExact(t, test, moments)
}

// TestNetworksAreToldApart: a file of one network is no file of the other.
func TestNetworksAreToldApart(t *testing.T) {
	c := toyConfig()
	c.Loss = Density
	if c.Validate() == nil {
		t.Error("a density network of no components passes")
	}
	c.Network.Components = 2
	if _, err := Train(context.Background(), nil, c, prior, Data{}, t.TempDir(), nil); err == nil {
		t.Error("Train takes the loss of TrainDensity")
	}
}
