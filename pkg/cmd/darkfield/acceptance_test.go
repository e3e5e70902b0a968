package main

import (
	"context"
	"math"
	"os"
	"testing"

	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/camels"
	"darkfield/pkg/diffusion"
	"darkfield/pkg/emulator"
	"darkfield/pkg/evaluate"
	"darkfield/pkg/field"
	"darkfield/pkg/heldout"
	"darkfield/pkg/likelihood"
)

// trained opens the checkpoint and the maps that long comparisons are made with:
//
//	DARKFIELD_CHECKPOINT=run DARKFIELD_UNIVERSE=dir DARKFIELD_CACHE=dir go test ./pkg/cmd/darkfield -run Trained -v -timeout 0
func trained(t *testing.T) (*emulator.Emulator, *camels.Suite) {
	t.Helper()
	path, data := os.Getenv("DARKFIELD_CHECKPOINT"), os.Getenv("DARKFIELD_UNIVERSE")
	if path == "" || data == "" {
		t.Skip("DARKFIELD_CHECKPOINT and DARKFIELD_UNIVERSE name no trained network and no maps")
	}
	e, err := openEmulator(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	s, err := camels.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	t.Logf("checkpoint of step %d, %d² pixels, width %d", e.Manifest().Step, e.Box().Cells,
		e.Manifest().Network.Dim)
	return e, s
}

// scores returns the reduced chi² of 20 maps at each of 10 held-out parameters, [parameter][map].
func scores(t *testing.T, e *emulator.Emulator, s *camels.Suite,
	sampling emulator.SampleConfig,
) [][]float64 {
	t.Helper()
	c := evaluate.Default()
	c.MapsPerParam, c.Sampling = 20, sampling
	data, err := heldout.New(e, s)
	if err != nil {
		t.Fatal(err)
	}
	source := evaluate.Of(e, data, c.Sampling, os.Getenv("DARKFIELD_CACHE"))
	r, err := source.Chi2(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]float64, len(r.Rows))
	for i := range out {
		out[i] = r.Generated15[i*c.MapsPerParam : (i+1)*c.MapsPerParam]
	}
	return out
}

func flatten(rows [][]float64) []float64 {
	var out []float64
	for _, r := range rows {
		out = append(out, r...)
	}
	return out
}

// TestTrainedSamplersAgree: 25 evaluations of DPM-Solver++ solve the deterministic equation as
// 500 do, map by map; and with fresh noise their mean reduced chi² is that of ancestral sampling
// with all steps, within two standard errors.
func TestTrainedSamplersAgree(t *testing.T) {
	e, s := trained(t)
	even := func(sampler string, steps int, spacing diffusion.Spacing) emulator.SampleConfig {
		return emulator.SampleConfig{Sampler: sampler, Steps: steps, Spacing: spacing, Batch: 20}
	}
	reference := scores(t, e, s, even(emulator.DPM, 500, diffusion.UniformTime))
	mean := stat.Mean(flatten(reference), nil)
	t.Logf("DPM-Solver++, 500 steps: mean %.4f, median %.4f", mean,
		evaluate.Summarise(flatten(reference)).Median)
	best := even(emulator.DPM, 25, diffusion.UniformLogSNR)
	for _, c := range []emulator.SampleConfig{
		best, even(emulator.DPM, 25, diffusion.UniformTime),
		even(emulator.DPM, 15, diffusion.UniformLogSNR),
		even(emulator.DDIM, 25, diffusion.UniformTime), even(emulator.DDIM, 25, diffusion.UniformLogSNR),
	} {
		got := scores(t, e, s, c)
		var differences []float64
		for i, row := range got {
			for j, v := range row {
				differences = append(differences, v-reference[i][j])
			}
		}
		shift, deviation := stat.MeanStdDev(differences, nil)
		t.Logf("%v: mean %.4f, median %.4f; paired difference %+.2f %% ± %.2f %% of the mean", c,
			stat.Mean(flatten(got), nil),
			evaluate.Summarise(flatten(got)).Median, 100*shift/mean,
			100*deviation/math.Sqrt(float64(len(differences)))/mean)
		if c == best && math.Abs(shift/mean) > 0.02 {
			t.Errorf("%v: the mean reduced chi² is %+.2f %% from 500 steps', want within 2 %%", c,
				100*shift/mean)
		}
	}
	noisy := best
	noisy.Eta = 1
	got := scores(t, e, s, noisy)
	t.Logf("%v: mean %.4f, median %.4f", noisy, stat.Mean(flatten(got), nil),
		evaluate.Summarise(flatten(got)).Median)
	compareWithAncestral(t, got,
		scores(t, e, s, emulator.SampleConfig{Sampler: emulator.DDPM, Steps: 1000, Batch: 20}))
}

// compareWithAncestral compares means at the same parameters and references, so that only the
// maps' own scatter counts.
func compareWithAncestral(t *testing.T, got, ancestral [][]float64) {
	t.Helper()
	difference, variance := 0.0, 0.0
	n := float64(len(got))
	for i := range got {
		m, v := stat.MeanVariance(got[i], nil)
		ma, va := stat.MeanVariance(ancestral[i], nil)
		difference += (m - ma) / n
		variance += (v/float64(len(got[i])) + va/float64(len(ancestral[i]))) / (n * n)
	}
	all := flatten(ancestral)
	t.Logf("DDPM, all steps: mean %.4f, median %.4f; difference %+.4f, standard error %.4f",
		stat.Mean(all, nil), evaluate.Summarise(all).Median, difference, math.Sqrt(variance))
	if math.Abs(difference) > 2*math.Sqrt(variance) {
		t.Errorf("the mean reduced chi² differs from ancestral sampling's by %.1f standard errors, "+
			"want at most 2", math.Abs(difference)/math.Sqrt(variance))
	}
}

// TestTrainedGrid: surfaces of three maps on 50×50 points against brute force.
func TestTrainedGrid(t *testing.T) {
	e, s := trained(t)
	maps := s.Sets[camels.LH]
	for _, sim := range e.Manifest().Data.Split.Validation[:3] {
		m, err := maps.Map(sim * camels.MapsPerSimulation)
		if err != nil {
			t.Fatal(err)
		}
		if m, err = field.BlockAverage(m, e.Box().Cells); err != nil {
			t.Fatal(err)
		}
		l, err := m.Log10()
		if err != nil {
			t.Fatal(err)
		}
		whole := likelihood.WholePrior(e.Manifest().Prior, 50)
		for _, terms := range [][]diffusion.Term{{0}, {0, 2, 5}} {
			score, err := e.Terms(l, terms, []uint64{1}, 20)
			if err != nil {
				t.Fatal(err)
			}
			sum := likelihood.Summed(score)
			in, err := likelihood.Interpolate(context.Background(), sum, whole,
				likelihood.DefaultInterpolation(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for name, grid := range map[string]likelihood.Grid{
				"whole prior":          whole,
				"where it is probable": in.Probable(50),
			} {
				exact, err := likelihood.Evaluate(context.Background(), sum, grid, nil)
				if err != nil {
					t.Fatal(err)
				}
				worst, inside := 0.0, 0
				got := in.On(grid)[0]
				for i, d := range exact[0].MinusTwoDeltaLnL() {
					if d <= likelihood.Level3Sigma {
						inside++
						worst = max(worst, math.Abs(d-got.MinusTwoDeltaLnL()[i]))
					}
				}
				t.Logf("simulation %d %v, terms %v, %s: %d evaluations for %d points, error %.4f at the "+
					"checks and %.4f at worst in %d points within 3σ; range %.3g",
					sim, maps.Params(sim), terms, name, in.Evaluations, grid.Len(), in.Error, worst, inside,
					exact[0].Range())
				if worst > 0.05 || 10*in.Evaluations > grid.Len() {
					t.Errorf("simulation %d, terms %v: error %.4f from %d evaluations, want at most 0.05 from %d",
						sim, terms, worst, in.Evaluations, grid.Len()/10)
				}
			}
		}
	}
}
