package training

import (
	"bytes"
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/network"
	"darkfield/pkg/safefile"
)

// TestConfigurationFromWindows: a byte order mark and Windows' line ends change no setting.
func TestConfigurationFromWindows(t *testing.T) {
	const text = "training:\n  batch: 4\nmanifest:\n  network:\n    dim: 8\n"
	dir := directory(t.TempDir())
	if err := safefile.WriteFile(dir.config(),
		[]byte("\ufeff"+strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
		t.Fatal(err)
	}
	got, err := Parameters(string(dir))
	if err != nil || got["training.batch"] != "4" || got["manifest.network.dim"] != "8" ||
		len(got) != 2 {
		t.Errorf("%v (%v)", got, err)
	}
	if err := dir.compare([]byte("\ufeff"+strings.ReplaceAll(text, "\n", "\r\n")),
		[]byte(text)); err != nil {
		t.Error(err)
	}
}

// TestRunsAway: numbers that leave their range end the run, and the last good checkpoint stays.
func TestRunsAway(t *testing.T) {
	j := job(t.TempDir())
	reads := 0
	fill := j.Data.Train.Fill
	j.Data.Train.Fill = func(i int, dst []float32) ([]float32, error) {
		theta, err := fill(i, dst)
		if reads++; reads > 8*j.Config.Batch {
			dst[0] = float32(math.NaN())
		}
		return theta, err
	}
	_, err := train(t, context.Background(), j)
	if !errors.Is(err, ErrNotFinite) || !strings.Contains(err.Error(), directory(j.Dir).step(6)) {
		t.Fatalf("error %v, want one that names the checkpoint of step 6", err)
	}
	for _, path := range []string{directory(j.Dir).step(6), directory(j.Dir).resume()} {
		c, err := checkpoint.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, a := range c.Tensors {
			for _, x := range a.Data {
				if !finite(float64(x)) {
					t.Fatalf("%s of %s holds %g", name, path, x)
				}
			}
		}
	}
}

// TestRefusals: what cannot go on is refused in one line that says what to do, and nothing changes.
func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	first := job(dir)
	first.Config.Steps = 3
	if _, err := train(t, context.Background(), first); err != nil {
		t.Fatal(err)
	}
	whole := last(t, dir)
	broken := errors.New("disk on fire")
	for name, c := range map[string]struct {
		change func(*Job)
		want   []string
	}{
		"another rate": {
			func(j *Job) { j.Config.LearningRate = 5e-4 },
			[]string{dir, "training.learning_rate is 0.001 there and 0.0005 now", "another directory"},
		},
		"another architecture": {
			func(j *Job) { j.Manifest.Network = j.Manifest.Network.WithDim(16) },
			[]string{dir, "manifest.network.dim is 8 there and 16 now"},
		},
		"other conditions": {
			func(j *Job) { j.Manifest.Network.ConditionDim = 3 },
			[]string{"conditioned on " +
				"3 parameters, but the prior names 2"},
		},
		"fewer steps": {
			func(j *Job) { j.Config.Steps = 2 },
			[]string{dir, "3 steps, more than Steps = 2"},
		},
		"bad setting": {func(j *Job) { j.Config.Batch = 0 }, []string{"Batch = 0, want >= 1"}},
		"odd side": {
			func(j *Job) { j.Data.Side, j.Manifest.Data.Side = 9, 9 },
			[]string{"9 pixels a side"},
		},
		"nothing to learn": {func(j *Job) { j.Data.Train.Len = 0 }, []string{"0 maps to train"}},
		"unreadable map": {func(j *Job) {
			j.Data.Train.Fill = func(int, []float32) ([]float32, error) { return nil, broken }
		}, []string{"map for step 4", "disk on fire"}},
		"other parameters": {func(j *Job) {
			j.Data.Train.Fill = func(int, []float32) ([]float32, error) { return make([]float32, 3), nil }
		}, []string{"map for step 4", "3 parameters, the network is conditioned on 2"}},
		"foreign weights": {
			func(j *Job) { j.Dir, j.Initial = t.TempDir(), network.Weights{} },
			[]string{"initial weights do not fit"},
		},
		"file in the way": {
			func(j *Job) { j.Dir = filepath.Join(directory(dir).config(), "run") },
			[]string{"config.yaml"},
		},
	} {
		j := job(dir)
		c.change(&j)
		_, err := train(t, context.Background(), j)
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		for _, want := range append(c.want, "training: ") {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", name, err, want)
			}
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than a line: %q", name, err)
		}
		if !bytes.Equal(whole, last(t, dir)) {
			t.Fatalf("%s: the training state changed", name)
		}
	}
}

// TestStateOfAnotherNetwork: a training state that does not fit is named, with what it holds.
func TestStateOfAnotherNetwork(t *testing.T) {
	j := job(t.TempDir())
	if _, err := train(t, context.Background(), j); err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Load(directory(j.Dir).resume())
	if err != nil {
		t.Fatal(err)
	}
	delete(c.Tensors, checkpoint.AdamV+"final_conv.1.bias")
	if err := checkpoint.Save(directory(j.Dir).resume(), c.Manifest, c.Tensors); err != nil {
		t.Fatal(err)
	}
	j.Config.Steps++
	if _, err = train(t, context.Background(), j); err == nil ||
		!strings.Contains(err.Error(), "final_conv.1.bias is missing") {
		t.Errorf("error %v, want one that names the missing tensor", err)
	}
}

// TestOneProcessADirectory: a second run in a directory is refused while the first one goes.
func TestOneProcessADirectory(t *testing.T) {
	j := job(t.TempDir())
	claim, err := directory(j.Dir).lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := train(t, context.Background(), j); err == nil ||
		!strings.Contains(err.Error(), "another process is training in "+j.Dir) {
		t.Errorf("error %v, want one that says that another process is there", err)
	}
	claim.release()
	if _, err := train(t, context.Background(), j); err != nil {
		t.Error(err)
	}
}
