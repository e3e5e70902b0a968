package emulator

import (
	"context"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/network"
)

// TestBoundIsFloat32: terms of the bound and their slopes are those of the float32 network, bit for
// bit, of a checkpoint that was trained in bfloat16 and samples in it; maps are not.
func TestBoundIsFloat32(t *testing.T) {
	ctx := context.Background()
	old := open(t, 1, 0) // its manifest says nothing, as those before there was a choice
	half := openAs(t, 1, 0, func(m *checkpoint.Manifest) {
		m.Training = json.RawMessage(`{"precision":"bfloat16"}`)
		m.Sampling = json.RawMessage(`{"precision":"bfloat16"}`)
	})
	c := SampleConfig{Sampler: DDIM, Steps: 3, Batch: 2}
	m := sample(t, old, few[1:2], 1, c)[0]
	at := []cosmology.Params{few[0], few[1]}
	bound := func(e *Emulator) (terms [][]float64, slopes [][]float64) {
		list := []diffusion.Term{0, 5, 100}
		score, err := e.Terms(m, list, []uint64{3}, 4)
		if err != nil {
			t.Fatal(err)
		}
		if terms, err = score(ctx, at); err != nil {
			t.Fatal(err)
		}
		slope, err := e.Gradients(m, list, []float64{1, 1, 1}, []uint64{3}, 4)
		if err != nil {
			t.Fatal(err)
		}
		if _, slopes, err = slope(ctx, at); err != nil {
			t.Fatal(err)
		}
		return terms, slopes
	}
	terms, slopes := bound(old)
	if again, also := bound(half); !reflect.DeepEqual(terms, again) ||
		!reflect.DeepEqual(slopes, also) {
		t.Errorf("terms %v and slopes %v, want those of float32: %v and %v", again, also, terms, slopes)
	}

	if half.Sampling().Precision != network.BFloat16 || old.Sampling().Precision != network.Float32 {
		t.Errorf("the manifests' samplings are in %s and %s", half.Sampling().Precision,
			old.Sampling().Precision)
	}
	c.Precision = network.BFloat16
	coarse := sample(t, half, few[1:2], 1, c)[0]
	// an untrained network's maps span hundreds of dex
	spread := float64(slices.Max(m.Values) - slices.Min(m.Values))
	if d := worst(coarse, m) / spread; !(d > 1e-5 && d < 0.1) {
		t.Errorf("a map in bfloat16 differs by %g of its range from that in float32", d)
	}
	if !strings.HasSuffix(c.String(), ", in bfloat16") || c.Same(SampleConfig{
		Sampler: DDIM, Steps: 3, Batch: 2,
	}) {
		t.Errorf("%q does not say its precision", c)
	}
	for _, p := range []network.Precision{network.TF32, "float16"} {
		c.Precision = p
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "Precision") {
			t.Errorf("%s: error %v, want one that names the field", p, err)
		}
	}
}

// TestOwnNetworkInBFloat16: a function that knows float32 alone makes no maps in another precision.
func TestOwnNetworkInBFloat16(t *testing.T) {
	b := newBackend(t)
	e, err := Open(b, ownCheckpoint(t, b), plain(6))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	c := DefaultSampling()
	c.Steps, c.Precision = 2, network.BFloat16
	if _, err := e.Sample(context.Background(), few[:1], 1, c, nil); err == nil ||
		!strings.Contains(err.Error(), "choose float32") {
		t.Errorf("error %v, want one that says what to choose", err)
	}
}

// TestBFloat16PredictsTheSame: one evaluation differs by about the rounding of bfloat16.
func TestBFloat16PredictsTheSame(t *testing.T) {
	e := open(t, 1, 0)
	pixels := e.Box().Pixels()
	b := diffusion.Batch{
		Size: 2, Pixels: pixels, Xt: make([]float32, 2*pixels), Timestep: []float32{3, 600},
		Theta: []float32{0.2, 0.3, 0.7, 0.9},
	}
	for i := range b.Xt {
		b.Xt[i] = float32(math.Sin(float64(i)))
	}
	coarse, err := e.denoiserIn(network.BFloat16, 2)
	if err != nil {
		t.Fatal(err)
	}
	want, err := e.denoiser(2)(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := coarse(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	largest, difference := 0.0, 0.0
	for i, v := range want {
		largest = math.Max(largest, math.Abs(float64(v)))
		difference = math.Max(difference, math.Abs(float64(got[i]-v)))
	}
	if !(difference > 1e-5*largest && difference < 0.05*largest) {
		t.Errorf("predictions differ by %g, the largest is %g", difference, largest)
	}
}
