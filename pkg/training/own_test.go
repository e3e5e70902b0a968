package training

import (
	"context"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/model"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/network"
)

// dense is a network that a user might write with GoMLX's layers: a dense layer of all pixels, time
// and θ, with a number of channels, and another back to pixels.
func dense(channels int) network.Network {
	return network.New("dense", func(scope *model.Scope, xt, timestep, theta *Node) *Node {
		batch := xt.Shape().Dim(0)
		all := Concatenate([]*Node{
			Reshape(xt, batch, side*side), MulScalar(InsertAxes(timestep, -1), 0.01), theta,
		}, -1)
		h := Tanh(layers.Dense(scope.In("first"), all, true, channels))
		return Reshape(layers.Dense(scope.In("last"), h, true, side*side), xt.Shape().Dimensions...)
	})
}

// ownJob trains dense on an own loss with the cosine schedule.
func ownJob(t *testing.T, dir string, n network.Network) Job {
	t.Helper()
	j := job(dir)
	cosine, err := diffusion.Cosine(50)
	if err != nil {
		t.Fatal(err)
	}
	j.Manifest.SetSchedule("cosine", cosine)
	j.Network = n
	j.Loss = Loss{Name: "l1", Func: func(truth, predicted *Node) *Node {
		return Abs(Sub(truth, predicted))
	}}
	return j
}

// TestOwnNetwork: a function with an own loss and schedule is trained and resumed to the same
// bytes, and its checkpoint says what it is.
func TestOwnNetwork(t *testing.T) {
	unbroken, broken := t.TempDir(), t.TempDir()
	r, err := train(t, context.Background(), ownJob(t, unbroken, dense(6)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Load(r.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	if m := c.Manifest; m.Model == nil || m.Model.Name != "dense" || m.Schedule != "cosine" ||
		len(m.Betas) != 50 || !strings.Contains(string(m.Training), `"l1"`) {
		t.Errorf("the manifest says %+v", m)
	}
	ctx, cancel := context.WithCancel(context.Background())
	j := ownJob(t, broken, dense(6))
	j.Report = func(p Progress) {
		if p.Step == 7 {
			cancel()
		}
	}
	if _, err := train(t, ctx, j); err == nil {
		t.Fatal("the run was not interrupted")
	}
	if _, err := train(t, context.Background(), ownJob(t, broken, dense(6))); err != nil {
		t.Fatal(err)
	}
	if string(last(t, unbroken)) != string(last(t, broken)) {
		t.Error("the resumed run has other tensors than the unbroken one")
	}
	_, err = train(t, context.Background(), ownJob(t, broken, dense(7)))
	if err == nil || !strings.Contains(err.Error(), "first.dense.weights") {
		t.Errorf("a run resumed with another function: %v", err)
	}
}

// TestOwnLossAndFunctionsRefused: what cannot be trained is refused in one line that says why.
func TestOwnLossAndFunctionsRefused(t *testing.T) {
	for want, f := range map[string]network.Func{
		"cannot be used": func(scope *model.Scope, xt, timestep, theta *Node) *Node {
			return layers.DropoutStatic(scope, dense(6).Func(scope, xt, timestep, theta), 0.5)
		},
		"want the same shape": func(scope *model.Scope, xt, timestep, theta *Node) *Node {
			return ReduceAllSum(dense(6).Func(scope, xt, timestep, theta))
		},
		"no variables": func(_ *model.Scope, xt, _, _ *Node) *Node { return xt },
	} {
		_, err := train(t, context.Background(), ownJob(t, t.TempDir(), network.New("bad", f)))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error = %v, want one line with %q", err, want)
		}
	}
	j := ownJob(t, t.TempDir(), dense(6))
	j.Loss.Name = Huber
	if _, err := train(t, context.Background(), j); err == nil ||
		!strings.Contains(err.Error(), "a name of its own") {
		t.Errorf("a loss under the name of another: %v", err)
	}
}
