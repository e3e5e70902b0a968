package training

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/network"
	"darkfield/pkg/tracking"
	"darkfield/pkg/unet"
)

// TestBFloat16: a training in bfloat16 follows that in float32, keeps float32 weights, goes on to
// the same bytes after an interrupt, and says in its manifest how it was trained. The validation is
// that of the float32 network.
func TestBFloat16(t *testing.T) {
	dirs := map[network.Precision]string{}
	made := map[network.Precision]checkpoint.Checkpoint{}
	for _, p := range []network.Precision{network.Float32, network.BFloat16} {
		j := job(t.TempDir())
		j.Config.Precision = p
		r, err := train(t, context.Background(), j)
		if err != nil {
			t.Fatal(err)
		}
		c, err := checkpoint.Load(r.Checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		var kept Config
		if err := json.Unmarshal(c.Manifest.Training, &kept); err != nil || kept.Precision != p {
			t.Errorf("%s: the manifest says %s, error %v", p, kept.Precision, err)
		}
		dirs[p], made[p] = j.Dir, c
	}
	if made[network.Float32].Hash == made[network.BFloat16].Hash {
		t.Error("bfloat16 gives the weights of float32: it is not used")
	}
	exact, coarse := values(t, dirs[network.Float32]), values(t, dirs[network.BFloat16])
	for i, r := range exact {
		for _, name := range []string{tracking.Loss, tracking.ValidationMSE} {
			want, got := r.Values[name], coarse[i].Values[name]
			if math.Abs(got-want) > 0.02*want {
				t.Errorf("step %d: %s %g in bfloat16, %g in float32", r.Step, name, got, want)
			}
		}
	}
	rounded := 0
	weights := made[network.BFloat16].Tensors["final_conv.0.block2.proj.weight"].Data
	for _, w := range weights {
		if math.Float32bits(w)&0xffff == 0 {
			rounded++
		}
	}
	if rounded > len(weights)/10 {
		t.Errorf("%d of %d weights are bfloat16", rounded, len(weights))
	}

	j := job(t.TempDir())
	j.Config.Precision = network.BFloat16
	ctx, cancel := context.WithCancel(context.Background())
	j.Report = func(p Progress) {
		if p.Step == 7 {
			cancel()
		}
	}
	if _, err := train(t, ctx, j); err == nil {
		t.Fatal("the run was not interrupted")
	}
	j.Report = nil
	other := j
	other.Config.Precision = network.Float32
	if _, err := train(t, context.Background(), other); err == nil ||
		!strings.Contains(err.Error(), "training.precision is bfloat16 there and missing now") {
		t.Errorf("error %v, want one that says that the run is one in bfloat16", err)
	}
	if _, err := train(t, context.Background(), j); err != nil {
		t.Fatal(err)
	}
	if string(last(t, j.Dir)) != string(last(t, dirs[network.BFloat16])) {
		t.Error("the resumed run has other tensors than the unbroken one")
	}
}

// TestPrecisionOfAnOldManifest: one that says nothing was trained in float32, and a run in float32
// writes what was written before there was a choice.
func TestPrecisionOfAnOldManifest(t *testing.T) {
	var c Config
	if err := json.Unmarshal([]byte(`{"seed":1,"steps":60000,"batch":20,"learning_rate":2e-4,
		"loss":"huber"}`), &c); err != nil || c.Precision != network.Float32 {
		t.Errorf("precision %q, error %v", c.Precision, err)
	}
	text, err := json.Marshal(Default())
	if err != nil || strings.Contains(string(text), "precision") {
		t.Errorf("%s, error %v: float32 is not written", text, err)
	}
}

// TestPrecisionThatCannotBeHad: one line that says what to choose, before anything is written.
func TestPrecisionThatCannotBeHad(t *testing.T) {
	own := network.New("own", func(scope *model.Scope, xt, _, _ *Node) *Node {
		return unet.Convolution(scope.In("only"), xt, 1)
	})
	for p, c := range map[network.Precision]struct {
		network network.Network
		want    string
	}{
		network.TF32: {network.Network{}, "Precision = tf32, but the backend multiplies in float32"},
		network.BFloat16: {
			own, `network "own": its function computes in float32 alone: choose float32`,
		},
		"float16": {network.Network{}, `want "" (float32), "tf32" or "bfloat16"`},
	} {
		j := job(t.TempDir())
		j.Config.Precision, j.Network = p, c.network
		_, err := train(t, context.Background(), j)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line that says %q", p, err, c.want)
		}
		if exists(directory(j.Dir).config()) {
			t.Errorf("%s: a run was begun", p)
		}
	}
}
