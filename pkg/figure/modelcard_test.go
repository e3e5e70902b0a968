package figure

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/evaluate"
	"darkfield/pkg/modelcard"
	"darkfield/pkg/summary"
)

// syntheticModelCard is shaped like that of an emulator whose maps have too much power by a
// factor.
func syntheticModelCard(bias float64) modelcard.Results {
	rng, k := rand.New(rand.NewPCG(21, 22)), waves()
	near := func(mean, scatter float64) []float64 {
		out := make([]float64, len(k))
		for i := range out {
			out[i] = mean + scatter*rng.NormFloat64()
		}
		return out
	}
	c := modelcard.Results{Paper: syntheticChi2(bias), Histograms: syntheticHistograms()}
	c.Control = evaluate.Control{
		K: k, KNyquist: 1.05 * k[len(k)-1], Ratio: bias, RatioError: 0.013, Caption: mockCaption,
		LogPower:    evaluate.Ratio{Mean: near(bias, 0.01), Std: near(0.01, 0), N: 40},
		LinearPower: evaluate.Ratio{Mean: near(bias, 0.03), Std: near(0.02, 0), N: 40},
	}
	for range 40 {
		of := 1.2 + 0.3*rng.Float64()
		c.Control.Rows = append(c.Control.Rows, evaluate.ControlRow{
			Control:   evaluate.Summary{Mean: of},
			Generated: evaluate.Summary{Mean: bias*of + 0.1*rng.NormFloat64()},
		})
	}
	c.Responses = evaluate.Responses{K: k, Realisations: 10, Maps: 100, Caption: mockCaption}
	for i, p := range []cosmology.Params{
		{OmegaM: 0.1, Sigma8: 0.8},
		{OmegaM: 0.5, Sigma8: 0.8},
		{OmegaM: 0.3, Sigma8: 0.6},
		{OmegaM: 0.3, Sigma8: 1},
	} {
		m := evaluate.MovedResponse{
			Parameter: []string{"Omega_m", "sigma_8"}[i/2],
			Value:     []float64{0.1, 0.5, 0.6, 1}[i], Params: p,
		}
		ratio := 0.6 + 0.3*float64(i)
		m.True, m.TrueError, m.Generated, m.GeneratedError = near(ratio, 0.01), near(0.02, 0),
			near(bias*ratio, 0.01), near(0.02, 0)
		m.Quotient, m.QuotientError = over(m.Generated, m.True), near(0.03, 0)
		c.Responses.Moved = append(c.Responses.Moved, m)
	}
	for range 200 {
		d := 0.45 + 0.03*rng.NormFloat64()
		c.Novelty.Rows = append(c.Novelty.Rows,
			evaluate.NoveltyRow{HeldOut: d, Generated: 0.45/bias + 0.03*rng.NormFloat64()})
	}
	c.Novelty.Caption, c.Novelty.Smaller = mockCaption, summary.KolmogorovSmirnov{D: 0.03, P: 0.8}
	return c
}

// TestCardFigures: each is drawn with its own name and section and has numbers to write, for a
// good emulator, a poor one and none.
func TestCardFigures(t *testing.T) {
	dir := outDir(t)
	for _, bias := range []float64{1.01, 40} {
		var names, sections []string
		for _, f := range ModelCard(syntheticModelCard(bias)) {
			names, sections = append(names, f.Name), append(sections, f.Section)
			base := filepath.Join(dir, f.Name)
			if bias > 2 {
				base += "-poor"
			}
			if err := f.Figure.Save(base); err != nil {
				t.Error(err)
			}
			if f.Numbers == nil {
				t.Errorf("%s has no numbers", f.Name)
			}
		}
		for _, list := range [][]string{names, sections} {
			slices.Sort(list)
			if len(slices.Compact(list)) != 6 {
				t.Errorf("%v, want 6 different ones", list)
			}
		}
	}
	for _, f := range ModelCard(modelcard.Results{}) {
		must(t, f.Figure)
	}
}

// TestBrokenCard: numbers that cannot be drawn give a figure.
func TestBrokenCard(t *testing.T) {
	c := syntheticModelCard(1)
	poison(c.Control.LogPower.Mean, c.Control.LogPower.Std, c.Control.LinearPower.Mean)
	for _, m := range c.Responses.Moved {
		poison(m.True, m.Generated, m.Quotient, m.QuotientError)
	}
	for i := range c.Control.Rows {
		c.Control.Rows[i].Generated.Mean = []float64{math.NaN(), math.Inf(1), 0, 1e300}[i%4]
	}
	for _, f := range ModelCard(c) {
		must(t, f.Figure)
	}
}

// TestStepsAreADistribution: the function rises from 0 to 1 by the share of the values at each.
func TestStepsAreADistribution(t *testing.T) {
	x, y := steps([]float64{3, 1, 2, 2}, 0, 4)
	want := [][2]float64{
		{0, 0},
		{1, 0},
		{1, 0.25},
		{2, 0.25},
		{2, 0.5},
		{2, 0.5},
		{2, 0.75},
		{3, 0.75},
		{3, 1},
		{4, 1},
	}
	for i, w := range want {
		if x[i] != w[0] || y[i] != w[1] {
			t.Errorf("corner %d at (%g, %g), want %v", i, x[i], y[i], w)
		}
	}
	if note := Distances(syntheticModelCard(1).Novelty).Note(); !strings.Contains(note, "p = 0.80") {
		t.Errorf("note %q", note)
	}
}
