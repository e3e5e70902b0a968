package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"time"

	"darkfield/pkg/backend"
	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/emulator"
	"darkfield/pkg/field"
	"darkfield/pkg/likelihood"
	"darkfield/pkg/training"
)

// job returns a training run on random maps in a directory of its own.
func (s setting) job(dir string, dim int) training.Job {
	config := training.Default()
	config.Batch, config.ValidationMaps = s.batch, s.batch
	maps := training.Source{Len: 10 * s.batch, Fill: func(i int, dst []float32) ([]float32, error) {
		rng := rand.New(rand.NewPCG(1, uint64(i)))
		diffusion.FillNormal(dst, rng)
		return []float32{rng.Float32(), rng.Float32()}, nil
	}}
	return training.Job{
		Dir: dir, Config: config, Data: training.Data{Side: s.side, Train: maps, Validation: maps},
		Manifest: checkpoint.Manifest{
			Network: s.network.WithDim(dim), Schedule: diffusion.PaperName, Prior: cosmology.CAMELSPrior(),
			Scaling: field.Scaling{Min: 9, Max: 15},
			Data:    checkpoint.Data{Suite: "noise", Set: "LH", Side: s.side, BoxSide: 25},
		},
	}
}

// trainedSteps is how many steps PyTorch's process takes whose memory is measured.
const trainedSteps = 3

// trainOnly is a process that trains a network in a directory: a step for each line of in, whose
// seconds it writes as a worker does, until the line asks to stop; then it names its checkpoint.
// The first step holds the compiling.
func trainOnly(ctx context.Context, s setting, dim int, dir string, in io.Reader, out io.Writer,
) error {
	lines := bufio.NewScanner(in)
	more := func() (bool, error) {
		if !lines.Scan() {
			return false, lines.Err()
		}
		var r request
		err := json.Unmarshal(lines.Bytes(), &r)
		return r["do"] == "step", err
	}
	if again, err := more(); err != nil || !again {
		return err
	}
	b, err := backend.Open()
	if err != nil {
		return err
	}
	last := time.Now()
	running, stop := context.WithCancel(ctx)
	defer stop()
	var failed error
	job := s.job(dir, dim)
	job.Report = func(training.Progress) {
		_, err := fmt.Fprintf(out, "{\"seconds\": %g}\n", time.Since(last).Seconds())
		again := false
		if err == nil {
			again, err = more()
		}
		if failed = err; !again {
			stop()
		}
		last = time.Now()
	}
	result, err := training.Run(running, b, job)
	if failed != nil {
		return failed
	}
	if err == nil || !errors.Is(err, context.Canceled) || ctx.Err() != nil {
		return fmt.Errorf("the training did not stop when asked: %w", errors.Join(err, ctx.Err()))
	}
	zero := 0.0
	line, err := json.Marshal(answer{Seconds: &zero, Checkpoint: result.Checkpoint})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, string(line))
	return err
}

// grid is a likelihood grid of one term of one map.
type grid struct {
	emulator *emulator.Emulator
	terms    func(context.Context, []cosmology.Params) ([][]float64, error)
	points   likelihood.Grid
}

// term is the term of the bound that grids are made of.
const term = diffusion.Term(5)

func newGrid(e *emulator.Emulator, batch, side int) (grid, error) {
	m := field.LogMap{Box: e.Box(), Values: make([]float32, e.Box().Pixels())}
	diffusion.FillNormal(m.Values, rand.New(rand.NewPCG(2, 0)))
	terms, err := e.Terms(m, []diffusion.Term{term}, []uint64{1}, batch)
	return grid{emulator: e, terms: terms, points: likelihood.WholePrior(e.Manifest().Prior, side)},
		err
}

// brute evaluates the term at n parameters.
func (g grid) brute(ctx context.Context, n int) (float64, error) {
	start := time.Now()
	_, err := g.terms(ctx, spread(n))
	return time.Since(start).Seconds(), err
}

// interpolated makes the surface as `darkfield likelihood` does. The network is evaluated, but
// the values are those of peaked: the surface of a network that has learnt nothing is flat, and
// fewer evaluations would do.
func (g grid) interpolated(ctx context.Context) (seconds float64, evaluations int, err error) {
	start := time.Now()
	terms := func(ctx context.Context, params []cosmology.Params) ([][]float64, error) {
		values, err := g.terms(ctx, params)
		for i := range values {
			values[i][0] = peaked(params[i])
		}
		return values, err
	}
	in, err := likelihood.Interpolate(ctx, terms, g.points, likelihood.DefaultInterpolation(), nil)
	if err != nil {
		return 0, 0, err
	}
	in.On(g.points)
	_, err = in.Resolved()
	return time.Since(start).Seconds(), in.Evaluations, err
}

// peaked is the negative log-likelihood of two bands of power that depend on the parameters by
// powers, measured from a thousand modes each, at Ω_m = 0.3 and σ_8 = 0.8. It is as wide as the
// surfaces of trained networks and no polynomial in the logarithms.
func peaked(p cosmology.Params) float64 {
	om, s8 := math.Log(p.OmegaM/0.3), math.Log(p.Sigma8/0.8)
	const modes = 1000
	sum := 0.0
	for _, d := range []float64{0.5*om + 2*s8, 1.5*om + s8} { // ln of the power over the true one
		sum += modes / 2 * (math.Exp(-d) + d)
	}
	return sum
}

// spread returns n parameters inside the prior.
func spread(n int) []cosmology.Params {
	prior := cosmology.CAMELSPrior()
	out := make([]cosmology.Params, n)
	for i := range out {
		share := (float64(i) + 0.5) / float64(n)
		out[i] = cosmology.Params{
			OmegaM: prior.Min.OmegaM + share*(prior.Max.OmegaM-prior.Min.OmegaM),
			Sigma8: prior.Max.Sigma8 - share*(prior.Max.Sigma8-prior.Min.Sigma8),
		}
	}
	return out
}
