package baseline

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"darkfield/pkg/backend"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

// pureGo is the backend of most tests: it needs no plugin and compiles small graphs at once.
const pureGo = "go"

// faster is the backend of tests that train: XLA where its plugin is.
func faster() string {
	if _, found := backend.Plugin(); found {
		return "xla:cpu"
	}
	return pureGo
}

// newBackend opens the backend that $GOMLX_BACKEND names, or else this one.
func newBackend(t *testing.T, name string) compute.Backend {
	t.Helper()
	if os.Getenv(compute.ConfigEnvVar) == "" {
		t.Setenv(compute.ConfigEnvVar, name)
	}
	b, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

var prior = cosmology.CAMELSPrior()

var small = field.Box{Side: 25, Cells: 8}

// pixelNoise is the standard deviation of a pixel of the toy, in units of the range of its mean
// over the prior.
const pixelNoise = 0.8

// noisy is a map of white noise about a mean that rises by 1 with Ω_m over the prior; σ_8 leaves
// no trace.
func noisy(seed, i uint64) Labelled {
	rng := rand.New(rand.NewPCG(seed, i))
	u := cosmology.UnitParams{rng.Float64(), rng.Float64()}
	m := field.LogMap{Box: small, Values: make([]float32, small.Pixels())}
	for p := range m.Values {
		m.Values[p] = float32(10 + u[0] + pixelNoise*rng.NormFloat64())
	}
	return Labelled{Map: m, Theta: prior.Params(u), Simulation: int(i)}
}

func noisyMaps(seed uint64, n int) []Labelled {
	out := make([]Labelled, n)
	for i := range out {
		out[i] = noisy(seed, uint64(i))
	}
	return out
}

// exact returns the posterior's moments of a noisy map: a normal density about the map's mean,
// cut to the prior, and the prior itself.
func exact(m field.LogMap) Moments {
	width := pixelNoise / math.Sqrt(float64(small.Pixels()))
	centre := m.Mean() - 10
	n := distuv.UnitNormal
	a, b := -centre/width, (1-centre)/width
	z := n.CDF(b) - n.CDF(a)
	shift := (n.Prob(a) - n.Prob(b)) / z
	variance := 1 + (a*n.Prob(a)-b*n.Prob(b))/z - shift*shift
	range0, range1 := prior.Max.OmegaM-prior.Min.OmegaM, prior.Max.Sigma8-prior.Min.Sigma8
	return Moments{
		Mean: prior.Params(cosmology.UnitParams{centre + width*shift, 0.5}),
		Std: cosmology.Params{
			OmegaM: width * math.Sqrt(variance) * range0,
			Sigma8: range1 / math.Sqrt(12),
		},
	}
}

func toyConfig() Config {
	return Config{
		Network: Network{Widths: []int{8}, Hidden: 16}, Loss: Score, Seed: 3, Epochs: 16, Batch: 40,
		LearningRate: 5e-3, Warmup: 20, EMADecay: 0.99, ClipNorm: 1,
	}
}

// TestExactPosterior: where the posterior is known the network finds its mean to a fraction of
// its width, and its width. An excess d of the mean's error, in widths, makes errors larger by
// d²/2: 2 %. A thousand weights cost about √(1000/40000) = 0.16 with 4000 maps in ten of their
// augmentations.
func TestExactPosterior(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a network")
	}
	data := Data{Train: noisyMaps(1, 4000), Validation: noisyMaps(2, 500)}
	n, err := Train(context.Background(), newBackend(t, faster()), toyConfig(), prior, data,
		t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	test := mapsOf(noisyMaps(3, 300))
	got, err := n.Predict(context.Background(), test)
	if err != nil {
		t.Fatal(err)
	}
	checkExact(t, test, got)
}

// checkExact compares posteriors of noisy maps with the exact ones.
func checkExact(t *testing.T, maps []field.LogMap, got []Moments) {
	t.Helper()
	const tolerance = 0.2
	var mean, std, flatMean, flatStd float64
	for i, g := range got {
		want := exact(maps[i])
		mean += square((g.Mean.OmegaM-want.Mean.OmegaM)/want.Std.OmegaM) / float64(len(got))
		std += square(g.Std.OmegaM/want.Std.OmegaM-1) / float64(len(got))
		flatMean += square((g.Mean.Sigma8-want.Mean.Sigma8)/want.Std.Sigma8) / float64(len(got))
		flatStd += square(g.Std.Sigma8/want.Std.Sigma8-1) / float64(len(got))
	}
	t.Logf("Ω_m: means off by %.3f widths, widths by %.3f; σ_8: %.3f and %.3f", math.Sqrt(mean),
		math.Sqrt(std), math.Sqrt(flatMean), math.Sqrt(flatStd))
	for name, v := range map[string]float64{
		"mean of Ω_m": mean, "width of Ω_m": std,
		"mean of σ_8": flatMean, "width of σ_8": flatStd,
	} {
		if !(math.Sqrt(v) < tolerance) {
			t.Errorf("%s is off by %.3f widths of the exact posterior (rms), want < %g", name,
				math.Sqrt(v), tolerance)
		}
	}
}

func square(x float64) float64 { return x * x }

// TestLosses: a constant answer to a symmetric sample is best at the sample's mean and variance
// and the loss on the host is the one that is trained with.
func TestLosses(t *testing.T) {
	b := newBackend(t, pureGo)
	sample := []float64{-3, -1, 0, 1, 3} // about the mean; variance 4
	const centre, variance = 0.7, 4.0
	e := MustNewExec(b, func(theta, mean, logVariance *Node) []*Node {
		n := theta.Shape().Dim(0)
		v := scoreGraph(theta, BroadcastToDims(mean, n, thetas), BroadcastToDims(logVariance, n, thetas))
		return append([]*Node{v}, Gradient(v, mean, logVariance)...)
	})
	defer e.Finalize()
	run := func(mean, variance float64) (value float64, gradients [2]float64) {
		theta := make([][]float64, len(sample))
		host := make([][thetas]float64, len(sample))
		answers := make([][]float64, len(sample))
		for i, s := range sample {
			theta[i] = []float64{centre + s, centre + s}
			host[i] = [thetas]float64{centre + s, centre + s}
			answers[i] = []float64{mean, mean, math.Log(variance), math.Log(variance)}
		}
		out := e.MustCall(theta, [][]float64{{mean, mean}},
			[][]float64{{math.Log(variance), math.Log(variance)}})
		value = out[0].Value().(float64)
		if want := (Network{}).meanLoss(host, answers); math.Abs(value-want) > 1e-12*math.Abs(want) {
			t.Errorf("%g in the graph, %g on the host", value, want)
		}
		return value, [2]float64{out[1].Value().([][]float64)[0][0], out[2].Value().([][]float64)[0][1]}
	}
	best, flat := run(centre, variance)
	if math.Abs(flat[0]) > 1e-12 || math.Abs(flat[1]) > 1e-12 {
		t.Errorf("gradients %v at the sample's moments, want 0", flat)
	}
	for _, other := range [][2]float64{{centre + 0.1, variance}, {centre, 3.6}, {centre, 4.4}} {
		if worse, _ := run(other[0], other[1]); !(worse > best) {
			t.Errorf("%g at %v, less than %g at the sample's moments", worse, other, best)
		}
	}
}

func untrainedWeights(n Network, last float32) checkpoint.Tensors {
	w, err := n.Init(9)
	if err != nil {
		panic(err)
	}
	for i := range w["moments.weight"].Data {
		w["moments.weight"].Data[i] = last * float32(i%5-2)
	}
	return checkpoint.Tensors(w)
}

// untrained opens a network with other weights than 0 in its last layer.
func untrained(t *testing.T, b compute.Backend, n Network, last float32) *MomentNetwork {
	t.Helper()
	d, err := newDevice(b, n, untrainedWeights(n, last))
	if err != nil {
		t.Fatal(err)
	}
	m := Manifest{
		Version: manifestVersion, Config: Default(), Box: field.Box{Side: 25, Cells: 16},
		Prior: prior, Mean: 10, Std: 0.5,
	}
	m.Config.Network = n
	out := &MomentNetwork{manifest: m, device: d}
	t.Cleanup(out.Close)
	return out
}

// TestPrior: before training the answer is the prior: its centre and its width over √12.
func TestPrior(t *testing.T) {
	n := untrained(t, newBackend(t, pureGo), Network{Widths: []int{4, 4}, Hidden: 8}, 0)
	got, err := n.Predict(context.Background(), []field.LogMap{randomMap(1, 16)})
	if err != nil {
		t.Fatal(err)
	}
	want := Moments{
		Mean: cosmology.Params{OmegaM: 0.3, Sigma8: 0.8},
		Std:  cosmology.Params{OmegaM: 0.4 / math.Sqrt(12), Sigma8: 0.4 / math.Sqrt(12)},
	}
	if !near(got[0], want, 1e-6) {
		t.Errorf("an untrained network answers %+v, want the prior's %+v", got[0], want)
	}
}

func near(a, b Moments, tolerance float64) bool {
	return math.Abs(a.Mean.OmegaM-b.Mean.OmegaM) < tolerance &&
		math.Abs(a.Mean.Sigma8-b.Mean.Sigma8) < tolerance &&
		math.Abs(a.Std.OmegaM-b.Std.OmegaM) < tolerance && math.Abs(a.Std.Sigma8-b.Std.Sigma8) < tolerance
}

func randomMap(seed uint64, side int) field.LogMap {
	rng := rand.New(rand.NewPCG(seed, 1))
	m := field.LogMap{Box: field.Box{Side: 25, Cells: side}, Values: make([]float32, side*side)}
	for i := range m.Values {
		m.Values[i] = float32(10 + rng.NormFloat64())
	}
	return m
}

// TestSymmetries: turned, flipped and shifted maps have the same answer; shifts by whole pixels
// of the coarsest level, to which the network is blind if its padding is periodic. The tolerance
// is float32's over sums of some hundred numbers.
func TestSymmetries(t *testing.T) {
	n := untrained(t, newBackend(t, pureGo), Network{Widths: []int{4, 4}, Hidden: 8}, 0.3)
	m := randomMap(2, 16)
	turned := field.LogMap{Box: m.Box, Values: make([]float32, len(m.Values))}
	field.Symmetry(5).ApplyTo(turned.Values, m.Values, 16)
	shifted, odd := turned, turned
	shifted.Values, odd.Values = shift(m, 4, 8), shift(m, 1, 0)
	got, err := n.Predict(context.Background(),
		[]field.LogMap{m, turned, shifted, odd, randomMap(3, 16)})
	if err != nil {
		t.Fatal(err)
	}
	if !near(got[0], got[1], 1e-5) || !near(got[0], got[2], 1e-5) {
		t.Errorf("%+v, turned and flipped %+v, shifted by 4 and 8 pixels %+v", got[0], got[1], got[2])
	}
	if near(got[0], got[4], 1e-5) {
		t.Errorf("another map has the same answer %+v", got[4])
	}
}

// TestBlocks: blocks of 2×2 pixels become channels, row by row, or their mean.
func TestBlocks(t *testing.T) {
	e := MustNewExec(newBackend(t, pureGo),
		func(x *Node) []*Node { return []*Node{folded(x), downsample(x)} })
	defer e.Finalize()
	x := tensors.FromFlatDataAndDimensions([]float32{
		1, 2, 10, 20,
		3, 4, 30, 40,
		0, 0, 5, 5,
		0, 8, 5, 9,
	}, 1, 4, 4, 1)
	out := e.MustCall(x)
	for i, want := range [][]float32{
		{1, 2, 3, 4, 10, 20, 30, 40, 0, 0, 0, 8, 5, 5, 5, 9},
		{2.5, 25, 2, 6},
	} {
		got, err := tensors.CopyFlatData[float32](out[i])
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("result %d = %v (%v), want %v", i, got, err, want)
		}
	}
}

func shift(m field.LogMap, y, x int) []float32 {
	scratch, out := make([]float32, len(m.Values)), make([]float32, len(m.Values))
	standard{std: 1}.fill(out, scratch, m, field.Augmentation{ShiftY: y, ShiftX: x})
	return out
}

// TestAugmentations: an augmentation moves pixels and changes none; standardised training pixels
// have mean 0 and variance 1.
func TestAugmentations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := randomMap(rapid.Uint64().Draw(t, "seed"), 6)
		y, x := rapid.IntRange(0, 5).Draw(t, "y"), rapid.IntRange(0, 5).Draw(t, "x")
		s := standardOf(prior, []Labelled{{Map: m, Theta: cosmology.Fiducial}})
		out, scratch := make([]float32, 36), make([]float32, 36)
		s.fill(out, scratch, m, field.Augmentation{ShiftY: y, ShiftX: x})
		if got, want := float64(out[0])*s.std+s.mean,
			float64(m.Values[y*6+x]); math.Abs(got-want) > 1e-5 {
			t.Fatalf("pixel (0, 0) shows %g, want pixel (%d, %d), %g", got, y, x, want)
		}
		s.fill(out, scratch, m,
			field.Augmentation{
				Symmetry: field.Symmetry(rapid.IntRange(0, 7).Draw(t, "symmetry")),
				ShiftY:   y, ShiftX: x,
			})
		var sum, squares float64
		for _, v := range out {
			sum += float64(v) / 36
			squares += float64(v) * float64(v) / 36
		}
		if math.Abs(sum) > 1e-5 || math.Abs(squares-1) > 1e-5 { // float32 of numbers about 1
			t.Fatalf("mean %g and mean square %g of the augmented map, want 0 and 1", sum, squares)
		}
	})
}

// TestUnits: the prior's edges are √3 standard deviations of a uniform density from its centre,
// and moments undoes theta.
func TestUnits(t *testing.T) {
	s := standard{prior: prior}
	if got := s.theta(prior.Max); math.Abs(got[0]-math.Sqrt(3)) > 1e-12 ||
		math.Abs(got[1]-math.Sqrt(3)) > 1e-12 {
		t.Errorf("the upper corner is %v, want √3", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		p := cosmology.Params{
			OmegaM: rapid.Float64Range(0.1, 0.5).Draw(t, "Ω_m"),
			Sigma8: rapid.Float64Range(0.6, 1).Draw(t, "σ_8"),
		}
		m := s.moments(s.theta(p), [thetas]float64{1, 4})
		std := cosmology.Params{OmegaM: 0.4 / math.Sqrt(12), Sigma8: 0.8 / math.Sqrt(12)}
		if want := (Moments{Mean: p, Std: std}); !near(m, want, 1e-12) {
			t.Fatalf("moments %+v, want %+v", m, want)
		}
	})
}
