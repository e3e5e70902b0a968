package emulator

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/network"
	"darkfield/pkg/training"
	"darkfield/pkg/unet"
)

// plain is a network that a user might write with GoMLX's layers: two convolutions that know time
// and θ through one dense layer of a number of channels.
func plain(channels int) network.Network {
	return network.New("plain", func(scope *model.Scope, xt, timestep, theta *Node) *Node {
		about := Concatenate([]*Node{unet.Sinusoidal(timestep, 8), theta}, -1)
		shift := layers.Dense(scope.In("about"), about, true, channels)
		h := layers.Convolution(scope.In("first"), xt).Channels(channels).KernelSize(3).PadSame().Done()
		h = unet.SiLU(Add(h, InsertAxes(shift, 1, 1)))
		return layers.Convolution(scope.In("last"), h).Channels(1).KernelSize(3).PadSame().Done()
	})
}

// ownJob trains plain on an own loss with the cosine schedule.
func ownJob(t *testing.T, dir string, n network.Network) training.Job {
	t.Helper()
	const side = 8
	source := training.Source{Len: 12, Fill: func(i int, dst []float32) ([2]float32, error) {
		rng := rand.New(rand.NewPCG(1, uint64(i)))
		for p := range dst {
			dst[p] = rng.Float32() - 0.5
		}
		return [2]float32{rng.Float32(), rng.Float32()}, nil
	}}
	c := training.Default()
	c.Steps, c.Batch, c.CheckpointEvery, c.ValidateEvery = 6, 4, 3, 6
	m := checkpoint.Manifest{
		Prior: cosmology.CAMELSPrior(), Scaling: field.Scaling{Min: 9, Max: 15},
		Data: checkpoint.Data{Suite: "none", Set: "LH", Side: side, BoxSide: 25},
	}
	cosine, err := diffusion.Cosine(50)
	if err != nil {
		t.Fatal(err)
	}
	m.SetSchedule("cosine", cosine)
	return training.Job{
		Dir: dir, Config: c, Network: n, Manifest: m,
		Loss: training.Loss{Name: "l1", Func: func(truth, predicted *Node) *Node {
			return Abs(Sub(truth, predicted))
		}},
		Data: training.Data{Side: side, Train: source, Validation: source},
	}
}

// TestOwnNetwork: a function with an own loss and schedule is trained, opened, sampled and scored
// like the paper's, with derivatives that finite differences confirm.
func TestOwnNetwork(t *testing.T) {
	b := newBackend(t)
	dir := t.TempDir()
	ctx := context.Background()
	r, err := training.Run(ctx, b, ownJob(t, dir, plain(6)))
	if err != nil || r.Step != 6 {
		t.Fatalf("%+v, %v", r, err)
	}
	c, err := checkpoint.Load(r.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	if m := c.Manifest; m.Model == nil || m.Model.Name != "plain" || m.Schedule != "cosine" ||
		len(m.Betas) != 50 || !strings.Contains(string(m.Training), `"l1"`) {
		t.Errorf("the manifest says %+v", m)
	}
	e, err := Open(b, r.Checkpoint, plain(6))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	at := cosmology.Params{OmegaM: 0.3, Sigma8: 0.8}
	sampling := DefaultSampling()
	sampling.Steps = 4
	maps, err := e.Sample(ctx, []cosmology.Params{at, at}, 1, sampling, nil)
	if err != nil || len(maps) != 2 {
		t.Fatalf("%d maps, %v", len(maps), err)
	}
	terms := []diffusion.Term{0, 20}
	score, err := e.Terms(maps[0], terms, []uint64{3}, 4)
	if err != nil {
		t.Fatal(err)
	}
	slope, err := e.Gradients(maps[0], terms, []float64{1, 1}, []uint64{3}, 4)
	if err != nil {
		t.Fatal(err)
	}
	_, slopes, err := slope(ctx, []cosmology.Params{at})
	if err != nil {
		t.Fatal(err)
	}
	const h = 0.02
	near := []cosmology.Params{{OmegaM: 0.3 - h, Sigma8: 0.8}, {OmegaM: 0.3 + h, Sigma8: 0.8}}
	values, err := score(ctx, near)
	if err != nil {
		t.Fatal(err)
	}
	sum := func(row []float64) float64 { return row[0] + row[1] }
	want := (sum(values[1]) - sum(values[0])) / (2 * h)
	if got := slopes[0][0]; math.Abs(got-want) > 0.02*math.Abs(want)+1e-3 {
		t.Errorf("slope by Ω_m %g, finite difference %g", got, want)
	}
}

// TestAnotherFunctionIsRefused: a checkpoint of a function is opened with that function only; the
// error says what is wrong in one line.
func TestAnotherFunctionIsRefused(t *testing.T) {
	b := newBackend(t)
	dir := t.TempDir()
	r, err := training.Run(context.Background(), b, ownJob(t, dir, plain(6)))
	if err != nil {
		t.Fatal(err)
	}
	settings := plain(6)
	settings.Config = []byte(`{"channels":6}`)
	for want, own := range map[string][]network.Network{
		`is the function "plain", which is not part of this program`: nil,
		`about.dense.weights has shape [10 6], want [10 7]`:          {plain(7)},
		`this is plain {"channels":6}`:                               {settings},
	} {
		if _, err := Open(b, r.Checkpoint, own...); err == nil ||
			!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error = %v, want one line with %q", err, want)
		}
	}
	if _, err := training.Run(context.Background(), b, ownJob(t, dir, plain(7))); err == nil ||
		!strings.Contains(err.Error(), "about.dense.weights") {
		t.Errorf("a run resumed with another function: %v", err)
	}
	for want, f := range map[string]network.Func{
		"cannot be used": func(scope *model.Scope, xt, timestep, theta *Node) *Node {
			return layers.DropoutStatic(scope, plain(6).Func(scope, xt, timestep, theta), 0.5)
		},
		"want the same shape": func(scope *model.Scope, xt, timestep, theta *Node) *Node {
			return ReduceAllSum(plain(6).Func(scope, xt, timestep, theta))
		},
		"no variables": func(_ *model.Scope, xt, _, _ *Node) *Node { return xt },
	} {
		_, err := training.Run(context.Background(), b, ownJob(t, t.TempDir(), network.New("bad", f)))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error = %v, want one line with %q", err, want)
		}
	}
}
