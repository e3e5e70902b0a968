package emulator

import (
	"context"
	"math"
	"testing"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/diffusion"
)

// TestGradientsAreThoseOfTerms: values differ from the weighted terms by a constant, and
// derivatives are those of finite differences, at any size of a batch.
func TestGradientsAreThoseOfTerms(t *testing.T) {
	for _, logTheta := range []bool{false, true} {
		checkGradients(t, openAs(t, 1, 0, func(m *checkpoint.Manifest) { m.LogTheta = logTheta }))
	}
}

func checkGradients(t *testing.T, e *Emulator) {
	t.Helper()
	m := sample(t, e, few[1:2], 1, SampleConfig{Sampler: DDIM, Steps: 2, Batch: 1})[0]
	terms, weights, seeds := []diffusion.Term{0, 3, 40}, []float64{1, 2.5, 30},
		[]uint64{1, diffusion.Antithetic(diffusion.Augmented(2))}
	params := []cosmology.Params{
		{OmegaM: 0.3, Sigma8: 0.8},
		{OmegaM: 0.15, Sigma8: 0.95},
		{OmegaM: 0.42, Sigma8: 0.66},
	}
	sums := func(params []cosmology.Params) []float64 {
		score, err := e.Terms(m, terms, seeds, 4)
		if err != nil {
			t.Fatal(err)
		}
		values, err := score(context.Background(), params)
		if err != nil {
			t.Fatal(err)
		}
		out := make([]float64, len(params))
		for i, row := range values {
			for k, v := range row {
				out[i] += weights[k] * v
			}
		}
		return out
	}
	for _, batch := range []int{3, 20} {
		f, err := e.Gradients(m, terms, weights, seeds, batch)
		if err != nil {
			t.Fatal(err)
		}
		values, slopes, err := f(context.Background(), params)
		if err != nil {
			t.Fatal(err)
		}
		exact := sums(params)
		for i, p := range params {
			// float32 holds sums over pixels to 1e-6 of their size.
			if d := (values[i] - values[0]) - (exact[i] - exact[0]); math.Abs(d) > 1e-5*math.Abs(exact[i]) {
				t.Errorf("batch %d: the bound at %v is off by %g of %g", batch, p, d, exact[i])
			}
			const h = 5e-3
			for c, step := range []cosmology.Params{{OmegaM: h}, {Sigma8: h}} {
				pair := sums(
					[]cosmology.Params{
						{OmegaM: p.OmegaM + step.OmegaM, Sigma8: p.Sigma8 + step.Sigma8},
						{OmegaM: p.OmegaM - step.OmegaM, Sigma8: p.Sigma8 - step.Sigma8},
					})
				want := (pair[0] - pair[1]) / (2 * h)
				if math.Abs(slopes[i][c]-want) > 0.01*math.Abs(want)+0.01*math.Hypot(slopes[i][0],
					slopes[i][1]) {
					t.Errorf("batch %d: derivative %d at %v is %g, finite differences give %g", batch, c, p,
						slopes[i][c], want)
				}
			}
		}
	}
}

func TestGradientsRefuse(t *testing.T) {
	e := open(t, 1, 0)
	m := sample(t, e, few[:1], 1, SampleConfig{Sampler: DDIM, Steps: 1, Batch: 1})[0]
	if _, err := e.Gradients(m, []diffusion.Term{0, 1}, []float64{1}, []uint64{1}, 2); err == nil {
		t.Error("two terms with one weight were accepted")
	}
	f, err := e.Gradients(m, []diffusion.Term{0}, []float64{1}, []uint64{1}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f(context.Background(), []cosmology.Params{{OmegaM: 0.7, Sigma8: 0.8}}); err ==
		nil {
		t.Error("parameters outside the prior were accepted")
	}
}
