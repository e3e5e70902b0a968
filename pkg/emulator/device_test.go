package emulator

import (
	"context"
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/backend"
	"darkfield/pkg/diffusion"
)

// deviceNoise returns rounds draws of noise, each a row of pixels for every map, as samplings on
// the device draw them.
func deviceNoise(t *testing.T, b compute.Backend, seed uint64, maps, rounds,
	pixels int,
) [][]float32 {
	t.Helper()
	exec := MustNewExec(b, func(states *Node) []*Node {
		var out []*Node
		for range rounds {
			var values *Node
			values, states = normal(states, shapes.Make(dtypes.Float32, maps, pixels))
			out = append(out, values)
		}
		return out
	})
	var out [][]float32
	for _, v := range exec.MustCall(statesOf(seed, 0, maps)) {
		out = append(out, tensors.MustCopyFlatData[float32](v))
	}
	return out
}

// TestOnDeviceTakesTheMoves: maps made on the device are those of the sampler's moves, taken one by
// one with the same noise.
func TestOnDeviceTakesTheMoves(t *testing.T) {
	const steps = 4
	e := open(t, 1, 0)
	pixels := e.Box().Pixels()
	theta, err := e.thetas(few[:2])
	if err != nil {
		t.Fatal(err)
	}
	noise := deviceNoise(t, newBackend(t), 7, 2, 1+steps, pixels)
	for _, c := range []SampleConfig{
		{Sampler: DDIM, Steps: steps, Eta: 1, Batch: 2, OnDevice: true},
		{Sampler: DPM, Steps: steps, Eta: 1, ChurnMin: 300, Batch: 2, OnDevice: true, Trapezoid: true},
		{Sampler: DPM, Steps: steps, Batch: 2, OnDevice: true},
	} {
		method, err := c.sampler(e.schedule)
		if err != nil {
			t.Fatal(err)
		}
		x, before := append([]float32(nil), noise[0]...), make([]float32, 2*pixels)
		for i, m := range method.Moves(e.schedule) {
			epsilon, err := e.denoiser(2)(context.Background(), diffusion.Batch{
				Size: 2, Pixels: pixels, Xt: x, Theta: theta,
				Timestep: []float32{m.From.Timestep(), m.From.Timestep()},
			})
			if err != nil {
				t.Fatal(err)
			}
			for j, eps := range epsilon {
				clean := m.CleanX*float64(x[j]) + m.CleanEpsilon*float64(eps)
				x[j] = float32(m.X*float64(x[j]) + m.Epsilon*float64(eps) +
					m.Before*float64(before[j]) + m.Fresh*float64(noise[1+i][j]))
				before[j] = float32(clean)
			}
		}
		for i, m := range sample(t, e, few[:2], 7, c) {
			want := e.unscaled(x[i*pixels : (i+1)*pixels])
			// An untrained network's maps reach hundreds of dex, of which float32 keeps six digits.
			largest := 0.0
			for _, v := range want.Values {
				largest = math.Max(largest, math.Abs(float64(v)))
			}
			if d := worst(m, want); d > 1e-5*largest {
				t.Errorf("%s: map %d is off by %g of %g dex", c, i, d, largest)
			}
		}
	}
}

// TestNoiseOfTheDevice: moments of 10⁵ numbers within four standard errors; no correlation between
// pixels, maps, seeds and steps; and the noise of a map does not depend on how many there are. On
// XLA, too, whose generator is another program.
func TestNoiseOfTheDevice(t *testing.T) {
	t.Run("go", func(t *testing.T) { noiseIsNormal(t, newBackend(t)) })
	t.Run("xla", func(t *testing.T) {
		t.Setenv("GOMLX_BACKEND", "xla:cpu")
		b, err := backend.Open()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Finalize)
		noiseIsNormal(t, b)
	})
}

func noiseIsNormal(t *testing.T, b compute.Backend) {
	t.Helper()
	const n, side = 102_400, 320
	wide := func(x []float32) []float64 {
		out := make([]float64, len(x))
		for i, v := range x {
			out[i] = float64(v)
		}
		return out
	}
	rounds := deviceNoise(t, b, 7, 2, 2, n)
	a := wide(rounds[0][:n])
	mean, variance := stat.MeanVariance(a, nil)
	if math.Abs(mean) > 4/math.Sqrt(n) || math.Abs(variance-1) > 4*math.Sqrt(2.0/n) {
		t.Errorf("mean %.4f and variance %.4f, want 0 and 1", mean, variance)
	}
	if k := stat.ExKurtosis(a, nil); math.Abs(k) > 4*math.Sqrt(24.0/n) {
		t.Errorf("excess kurtosis %.4f, want 0", k)
	}
	shifted := func(by int) []float32 {
		return append(append([]float32(nil), rounds[0][by:n]...), rounds[0][:by]...)
	}
	for name, other := range map[string][]float32{
		"next column": shifted(1), "next row": shifted(side),
		"next map": rounds[0][n:], "next step": rounds[1][:n],
		"next seed": deviceNoise(t, b, 8, 1, 1, n)[0],
	} {
		if r := stat.Correlation(a, wide(other), nil); math.Abs(r) > 4/math.Sqrt(n) {
			t.Errorf("%s: correlation %.4f, want 0", name, r)
		}
	}
	for i, v := range deviceNoise(t, b, 7, 1, 1, n)[0] {
		if v != rounds[0][i] {
			t.Fatalf("number %d of map 0 is %g alone, %g beside another", i, v, rounds[0][i])
		}
	}
}
