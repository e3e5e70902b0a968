package baseline

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/network"
)

func tinyConfig() Config {
	c := toyConfig()
	c.Epochs, c.Batch, c.Network = 3, 4, Network{Widths: []int{2}, Hidden: 4}
	return c
}

func tinyData() Data { return Data{Train: noisyMaps(5, 18), Validation: noisyMaps(6, 5)} }

func bytesIn(t *testing.T, dir, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestCancelled: a run cancelled at every step in turn, and gone on with, ends with the bytes of
// an unbroken one.
func TestCancelled(t *testing.T) {
	b := newBackend(t, pureGo)
	unbroken, broken := t.TempDir(), t.TempDir()
	var seen []Progress
	n, err := Train(context.Background(), b, tinyConfig(), prior, tinyData(), unbroken,
		func(p Progress) { seen = append(seen, p) })
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	const steps = 3 * (18 / 4)
	if last := seen[len(seen)-1]; len(seen) != steps || last.Step != steps || last.Steps != steps ||
		last.Epoch != 3 || last.BestEpoch < 1 || math.IsNaN(last.Validation) {
		t.Errorf("%d reports, the last %+v, want %d", len(seen), last, steps)
	}
	for stop := 1; stop < steps; stop++ {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := Train(ctx, b, tinyConfig(), prior, tinyData(), broken, func(p Progress) {
			if p.Step == stop {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled at step %d: error = %v", stop, err)
		}
	}
	again, err := Train(context.Background(), b, tinyConfig(), prior, tinyData(), broken, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for _, name := range []string{bestFile, latestFile} {
		if !bytes.Equal(bytesIn(t, unbroken, name), bytesIn(t, broken, name)) {
			t.Errorf("%s differs from that of an unbroken run", name)
		}
	}
	if entries, _ := os.ReadDir(broken); len(entries) != 2 {
		t.Errorf("%d files in the directory, want 2", len(entries))
	}
}

// TestFiles: a saved network answers as before; damaged files and those of other networks are
// refused.
func TestFiles(t *testing.T) {
	b := newBackend(t, pureGo)
	n := untrained(t, b, Network{Widths: []int{2}, Hidden: 3}, 0.2)
	path := filepath.Join(t.TempDir(), "n.safetensors")
	if err := save(path, n.manifest, untrainedWeights(n.manifest.Config.Network, 0.2)); err != nil {
		t.Fatal(err)
	}
	back, err := Open(b, path)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	maps := mapsOf([]Labelled{{Map: randomMap(7, 16)}})
	want, err1 := n.Predict(context.Background(), maps)
	got, err2 := back.Predict(context.Background(), maps)
	if err := errors.Join(err1, err2); err != nil || got[0] != want[0] {
		t.Errorf("read back it answers %+v, before %+v (%v)", got, want, err)
	}
	if _, err := checkpoint.Load(path); err == nil {
		t.Error("a moment network was taken for a diffusion model")
	}
	raw := bytesIn(t, filepath.Dir(path), "n.safetensors")
	raw[len(raw)-3] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(b, path); err == nil || !strings.Contains(err.Error(), path) ||
		!strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged file: error = %v", err)
	}
	w := network.Weights{"hidden.bias": {Shape: []int{1}, Data: []float32{1}}}
	if err := save(path, n.manifest, w); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(b, path); err == nil || !strings.Contains(err.Error(), "missing") ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("a file without tensors: error = %v", err)
	}
}

// TestTrainingRefuses: bad input is one line that names it, and nothing is written.
func TestTrainingRefuses(t *testing.T) {
	b := newBackend(t, pureGo)
	for want, change := range map[string]func(*Config, *Data){
		"Config.Batch":        func(c *Config, _ *Data) { c.Batch = 1 },
		"Config.LearningRate": func(c *Config, _ *Data) { c.LearningRate = math.NaN() },
		"Config.Loss":         func(c *Config, _ *Data) { c.Loss = "l2" },
		"Network.Widths[0]":   func(c *Config, _ *Data) { c.Network.Widths = []int{0} },
		"multiple of 16":      func(c *Config, _ *Data) { c.Network.Widths = []int{2, 2, 2, 2} },
		"3 maps to train":     func(_ *Config, d *Data) { d.Train = d.Train[:3] },
		"Train[2]: Ω_m":       func(_ *Config, d *Data) { d.Train[2].Theta.OmegaM = 0.7 },
		"(y=0, x=3) is NaN": func(_ *Config, d *Data) {
			d.Train[1].Map.Values[3] = float32(math.NaN())
		},
		"Validation[0]: a map": func(_ *Config, d *Data) { d.Validation[0].Map = randomMap(1, 16) },
		"standard deviation of the pixels": func(_ *Config, d *Data) {
			for _, m := range d.Train {
				clear(m.Map.Values)
			}
		},
	} {
		c, data, dir := tinyConfig(), tinyData(), t.TempDir()
		change(&c, &data)
		_, err := Train(context.Background(), b, c, prior, data, dir, nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error = %v, want one line with %q", err, want)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 0 {
			t.Errorf("%s: %d files were written", want, len(entries))
		}
	}
}

// TestOtherRun: a directory with a run is gone on with by the same settings and maps only.
func TestOtherRun(t *testing.T) {
	b, dir := newBackend(t, pureGo), t.TempDir()
	n, err := Train(context.Background(), b, tinyConfig(), prior, tinyData(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	n.Close()
	other, data := tinyConfig(), tinyData()
	other.Seed++
	if _, err := Train(context.Background(), b, other, prior, data, dir, nil); err == nil ||
		!strings.Contains(err.Error(), "other settings") {
		t.Errorf("another seed: error = %v", err)
	}
	data.Train = noisyMaps(50, 18)
	if _, err := Train(context.Background(), b, tinyConfig(), prior, data, dir, nil); err == nil ||
		!strings.Contains(err.Error(), "other maps") {
		t.Errorf("other maps: error = %v", err)
	}
	if _, err := n.Predict(context.Background(),
		mapsOf([]Labelled{{Map: randomMap(1, 16), Theta: cosmology.Fiducial}})); err == nil ||
		!strings.Contains(err.Error(), "16 pixels") {
		t.Errorf("a map of another side: error = %v", err)
	}
}
