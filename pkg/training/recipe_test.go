package training

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/diffusion"
)

// TestLearns: in sixty steps the error of the predicted noise falls far below that of predicting
// none, by every recipe.
func TestLearns(t *testing.T) {
	for name, recipe := range map[string]func(*Config){
		"the paper's": func(*Config) {},
		"min-SNR":     func(c *Config) { c.Weighting, c.EMAWidth = diffusion.MinSNR, 0.1 },
		"v, clipped, fed logarithms": func(c *Config) {
			c.Prediction, c.Weighting, c.Loss = diffusion.PredictV, diffusion.UniformV, MeanSquare
			c.ClipNorm, c.LogTheta = 0.5, true
		},
	} {
		j := job(t.TempDir())
		j.Config.Steps, j.Config.CheckpointEvery, j.Config.EMADecay, j.Config.LearningRate = 60,
			60, 0.9, 6e-3
		recipe(&j.Config)
		r, err := train(t, context.Background(), j)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: mean squared error %.3f", name, r.ValidationMSE)
		if !(r.ValidationMSE < 0.5) {
			t.Errorf("%s: mean squared error of the noise = %g after %d steps, want < 0.5", name,
				r.ValidationMSE, r.Step)
		}
	}
}

// TestMicroBatch: micro-batches give the gradient of the whole batch, clipped or not; wide networks
// have micro-batches by default.
func TestMicroBatch(t *testing.T) {
	for _, clip := range []float64{0, 0.05} {
		var whole checkpoint.Tensors
		for _, size := range []int{0, 2, 1} {
			j := job(t.TempDir())
			j.Config.Steps, j.Config.ClipNorm, j.Config.MicroBatch = 1, clip, size
			if _, err := train(t, context.Background(), j); err != nil {
				t.Fatal(err)
			}
			saved, err := checkpoint.Load(directory(j.Dir).resume())
			if err != nil {
				t.Fatal(err)
			}
			if whole == nil {
				whole = saved.Tensors
			}
			var norm, off float64 // of Adam's first moment, a tenth of the gradient
			for name, a := range whole {
				for i, v := range a.Data {
					if strings.HasPrefix(name, checkpoint.AdamM) {
						norm += float64(v) * float64(v) * 100
						off = max(off, 10*math.Abs(float64(saved.Tensors[name].Data[i]-v)))
					}
				}
			}
			norm = math.Sqrt(norm)
			if off > 1e-6*norm || clip > 0 && math.Abs(norm/clip-1) > 1e-4 || norm < 0.04 {
				t.Errorf("clip %g, micro-batches of %d: length %g, off by %g", clip, size, norm, off)
			}
		}
	}
	c := Default()
	for dim, want := range map[int]int{16: 1, 32: 1, 64: 2} {
		if got := c.microBatches(dim, 64); got != want {
			t.Errorf("width %d: %d micro-batches, want %d", dim, got, want)
		}
	}
	// 16 maps of width 64 fit, in divisors of the batch
	for batch, want := range map[int]int{20: 2, 32: 2, 40: 4, 25: 5, 7: 1} {
		c.Batch = batch
		if got := c.microBatches(64, 64); got != want || c.Validate() != nil {
			t.Errorf("batch %d: %d micro-batches, want %d (%v)", batch, got, want, c.Validate())
		}
	}
	c.MicroBatch = WholeBatch
	for _, batch := range []int{20, 32, 40} { // whatever --batch makes of a preset's
		c.Batch = batch
		if got := c.microBatches(64, 256); got != 1 || c.Validate() != nil {
			t.Errorf("all of a batch of %d: %d micro-batches, %v", batch, got, c.Validate())
		}
	}
	c.Batch = 20
	for _, bad := range []int{3, 30, -2} {
		c.MicroBatch = bad
		want := fmt.Sprintf("MicroBatch = %d, want a divisor of Batch = 20, 0 (as many as fit) or -1 "+
			"(all)", bad)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("micro-batch of %d: %v", bad, err)
		}
	}
}

// TestClip: a gradient of length 5 in two tensors becomes one of length 1 in the same direction;
// a short one stays.
func TestClip(t *testing.T) {
	b := newBackend()
	defer b.Finalize()
	for most, want := range map[float64][2]float32{0: {3, 4}, 1: {0.6, 0.8}, 10: {3, 4}} {
		exec := graph.MustNewExec(b,
			func(x, y *graph.Node) []*graph.Node { return ClipNorm([]*graph.Node{x, y}, most) })
		out, err := exec.Call([]float32{3, 0}, []float32{4})
		if err != nil {
			t.Fatal(err)
		}
		x, y := tensors.MustCopyFlatData[float32](out[0]), tensors.MustCopyFlatData[float32](out[1])
		if math.Abs(float64(x[0]-want[0])) > 1e-6 || math.Abs(float64(y[0]-want[1])) > 1e-6 {
			t.Errorf("clipped at %g: %g and %g, want %v", most, x[0], y[0], want)
		}
	}
}

// TestEMAWidth: the average's weights of past steps have the standard deviation that was asked
// for, as a share of all steps.
func TestEMAWidth(t *testing.T) {
	c := Default()
	for _, width := range []float64{0.02, 0.1, 0.25} {
		c.EMAWidth = width
		const steps = 20_000
		weights := make([]float64, steps+1)
		for n := 1; n <= steps; n++ {
			weights[n] = 1 - c.decay(n)
		}
		var at, share []float64
		left := 1.0
		for n := steps; n >= 1; n-- {
			at, share = append(at, float64(n)/steps), append(share, left*weights[n])
			left *= 1 - weights[n]
		}
		mean := stat.Mean(at, share)
		// steps are discrete
		if got := math.Sqrt(stat.MomentAbout(2, at, mean, share)); math.Abs(got/width-1) > 1e-3 {
			t.Errorf("width %.4f, want %g", got, width)
		}
	}
}

func TestRates(t *testing.T) {
	c := Default()
	c.Warmup, c.CosineTo = Count(10), Count(110)
	for n, want := range map[int]float64{1: 0.1, 10: 1, 60: 0.505, 110: 0.01, 500: 0.01} {
		if got := c.rate(n) / c.LearningRate; math.Abs(got-want) > 1e-12 {
			t.Errorf("rate of step %d is %g of the highest, want %g", n, got, want)
		}
	}
	if got := c.decay(1); got != 2.0/11 {
		t.Errorf("decay of step 1 = %g, want 2/11", got)
	}
	if got := c.decay(1e6); got != c.EMADecay {
		t.Errorf("decay in the end = %g, want %g", got, c.EMADecay)
	}
}
