package emulator

import (
	"context"
	"math"
	"slices"
	"strings"
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

// TestFurtherParameters: a network of four parameters is sampled and scored at all of them, and its
// derivatives are those of finite differences.
func TestFurtherParameters(t *testing.T) {
	e := openAs(t, 1, 0, func(m *checkpoint.Manifest) {
		m.Prior = m.Prior.With("h", 0.5, 0.9).With("w", -1, 1)
		m.Network.ConditionDim, m.LogTheta = 4, true
	})
	prior := e.Manifest().Prior
	at := prior.Params(cosmology.UnitParams{0.3, 0.6, 0.4, 0.7})
	other := prior.Params(cosmology.UnitParams{0.3, 0.6, 0.4, 0.05})
	c := SampleConfig{Sampler: DDIM, Steps: 2, Batch: 2}
	one := sample(t, e, []cosmology.Params{at, at}, 1, c)
	two := sample(t, e, []cosmology.Params{at, other}, 1, c)
	if !slices.Equal(one[0].Values, two[0].Values) || slices.Equal(one[1].Values, two[1].Values) {
		t.Error("maps do not depend on the fourth parameter alone where only that differs")
	}
	outside := at
	outside.Further = cosmology.FurtherOf(0.4, 0)
	if _, err := e.Sample(context.Background(), []cosmology.Params{outside}, 1, c, nil); err == nil ||
		!strings.Contains(err.Error(), "h = 0.4 lies outside the prior [0.5, 0.9]") {
		t.Errorf("error %v", err)
	}
	terms, seeds := []diffusion.Term{0, 40}, []uint64{1}
	score, err := e.Terms(one[0], terms, seeds, 4)
	if err != nil {
		t.Fatal(err)
	}
	gradients, err := e.Gradients(one[0], terms, []float64{1, 1}, seeds, 3)
	if err != nil {
		t.Fatal(err)
	}
	_, slopes, err := gradients(context.Background(), []cosmology.Params{other, at})
	if err != nil {
		t.Fatal(err)
	}
	norm := 0.0 // of the gradient in units of the prior
	width := make([]float64, prior.Len())
	for k := range width {
		width[k] = prior.Values(prior.Max)[k] - prior.Values(prior.Min)[k]
		norm = math.Hypot(norm, slopes[1][k]*width[k])
	}
	for k, name := range prior.Names() {
		h := 0.0125 * width[k]
		above, below := prior.Values(at), prior.Values(at)
		above[k] += h
		below[k] -= h
		values, err := score(context.Background(), []cosmology.Params{prior.At(above), prior.At(below)})
		if err != nil {
			t.Fatal(err)
		}
		want := (values[0][0] + values[0][1] - values[1][0] - values[1][1]) / (2 * h)
		if math.Abs(slopes[1][k]-want)*width[k] > 0.01*norm {
			t.Errorf("the derivative by %s is %g, finite differences give %g", name, slopes[1][k], want)
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
