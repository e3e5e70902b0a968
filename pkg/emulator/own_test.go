package emulator

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/field"
	"darkfield/pkg/network"
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

// ownCheckpoint writes a checkpoint of plain with the cosine schedule.
func ownCheckpoint(t *testing.T, b compute.Backend) string {
	t.Helper()
	w, err := plain(6).Initial(b, 5, side, 2)
	if err != nil {
		t.Fatal(err)
	}
	m := checkpoint.Manifest{
		Version: checkpoint.Version, Prior: cosmology.CAMELSPrior(),
		Scaling: field.Scaling{Min: 9, Max: 15},
		Data:    checkpoint.Data{Suite: "none", Set: "LH", Side: side, BoxSide: 25},
	}
	cosine, err := diffusion.Cosine(50)
	if err != nil {
		t.Fatal(err)
	}
	m.SetNetwork(plain(6))
	m.SetSchedule("cosine", cosine)
	path := filepath.Join(t.TempDir(), "own.safetensors")
	if err := checkpoint.Save(path, m, checkpoint.Tensors(w)); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOwnNetwork: a function with an own schedule is opened, sampled and scored like the paper's,
// with derivatives that finite differences confirm.
func TestOwnNetwork(t *testing.T) {
	b := newBackend(t)
	ctx := context.Background()
	e, err := Open(b, ownCheckpoint(t, b), plain(6))
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
	path := ownCheckpoint(t, b)
	settings := plain(6)
	settings.Config = []byte(`{"channels":6}`)
	for want, own := range map[string][]network.Network{
		`is the function "plain", which is not part of this program`: nil,
		`about.dense.weights has shape [10 6], want [10 7]`:          {plain(7)},
		`this is plain {"channels":6}`:                               {settings},
	} {
		if _, err := Open(b, path, own...); err == nil ||
			!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error = %v, want one line with %q", err, want)
		}
	}
}
