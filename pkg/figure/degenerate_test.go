package figure

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/evaluate"
	"darkfield/pkg/field"
	"darkfield/pkg/inference"
	"darkfield/pkg/likelihood"
	"darkfield/pkg/tracking"
)

// must draws both formats; a panic in either fails the test by itself.
func must(t *testing.T, f *Figure) {
	t.Helper()
	for _, render := range []func() ([]byte, error){f.PNG, f.SVG} {
		if data, err := render(); err != nil || len(data) == 0 {
			t.Fatalf("drawing: %d bytes, %v", len(data), err)
		}
	}
}

func TestNothingToShow(t *testing.T) {
	for name, f := range map[string]*Figure{
		"spectra": Spectra(evaluate.Spectra{}), "1P": OneParameter(evaluate.OneParameter{}),
		"histograms": Histograms(evaluate.Histograms{}),
		"chi2":       Chi2(evaluate.Chi2{}), "contours": Contours(inference.Contours{}),
		"inference": Inference(inference.Inference{}),
		"training":  Training(tracking.Curve{}), "gallery": Gallery(nil, nil, "", ""),
		"beyond": NonGaussian(evaluate.NonGaussian{}, evaluate.LogField),
	} {
		t.Run(name, func(t *testing.T) { must(t, f) })
	}
}

// poison replaces some values by ones that cannot be drawn.
func poison(curves ...[]float64) {
	for i, c := range curves {
		for j := range c {
			switch (i + j) % 5 {
			case 0:
				c[j] = math.NaN()
			case 1:
				c[j] = math.Inf(1 - 2*(j%2))
			case 2:
				c[j] = 0
			case 3:
				c[j] = -1e300
			}
		}
	}
}

// TestBrokenNumbers: NaN, infinities, zeros and absurd sizes give a figure that says so.
func TestBrokenNumbers(t *testing.T) {
	s := syntheticSpectra(1)
	for _, p := range s.Panels {
		poison(p.Generated...)
		poison(p.Z...)
		poison(p.GeneratedStats.Mean, p.GeneratedStats.Std, p.ZStats.Mean, p.ZStats.Std)
	}
	f := Spectra(s)
	must(t, f)
	if !strings.Contains(f.Note(), "not finite or not positive") ||
		!strings.Contains(f.Note(), "outside") {
		t.Errorf("the note must say what is not shown, got %q", f.Note())
	}
	for _, p := range s.Panels { // all of it broken, the truth too
		poison(p.True...)
		poison(p.TrueStats.Mean, p.TrueStats.Std)
	}
	must(t, Spectra(s))

	h := syntheticHistograms()
	for _, p := range h.Panels {
		poison(p.Generated.Mean, p.Generated.Std, p.True.Mean, p.True.Std)
	}
	must(t, Histograms(h))

	c := syntheticChi2(1)
	poison(c.LeaveOneOut, c.Generated14, c.Generated15)
	must(t, Chi2(c))
	c.Generated14 = []float64{math.NaN(), math.NaN()}
	must(t, Chi2(c))

	o := syntheticOneParameter()
	for _, r := range o.Rows {
		poison(r.GenSpectra...)
		for i := range r.Values {
			poison(r.GenRatios[i].Mean, r.TrueRatios[i].Std)
		}
	}
	must(t, OneParameter(o))

	k := syntheticContours()
	poison(k.PerTerm[0].NLL)
	must(t, Contours(k))

	i := syntheticInference()
	i.Rows[0].OmegaM = likelihood.Marginal{Best: math.NaN(), Low: math.Inf(-1), High: math.Inf(1)}
	must(t, Inference(i))

	r := syntheticTraining()
	poison(r.Loss, r.ValidationLoss)
	must(t, Training(r))

	m := syntheticMap(16, 1, 1)
	m.Values[3], m.Values[5] = float32(math.NaN()), float32(math.Inf(1))
	g := Gallery([]field.LogMap{m}, []string{"broken"}, "", "")
	must(t, g)
	if !strings.Contains(g.Note(), "2 pixels are not finite") {
		t.Errorf("the note must count broken pixels, got %q", g.Note())
	}
}

// TestDegenerateSizes: one map, one value, all values equal, flat surfaces, an empty map.
func TestDegenerateSizes(t *testing.T) {
	s := syntheticSpectra(1)
	s.Panels = s.Panels[:1]
	p := &s.Panels[0]
	for j := range p.K {
		p.TrueStats.Mean[j], p.GeneratedStats.Mean[j], p.ZStats.Mean[j] = 1, 1, 0
		p.TrueStats.Std[j], p.GeneratedStats.Std[j], p.ZStats.Std[j] = 0, 0, 0
	}
	p.True, p.Generated = [][]float64{p.TrueStats.Mean}, [][]float64{p.GeneratedStats.Mean}
	p.Z = [][]float64{p.ZStats.Mean}
	must(t, Spectra(s))

	must(t,
		Chi2(evaluate.Chi2{
			LeaveOneOut: []float64{1}, Generated14: []float64{1},
			Generated15: []float64{1},
		}))
	must(t,
		Chi2(evaluate.Chi2{
			LeaveOneOut: []float64{0}, Generated14: []float64{0},
			Generated15: []float64{0},
		}))
	must(t,
		Chi2(evaluate.Chi2{
			LeaveOneOut: []float64{1e-9}, Generated14: []float64{1e300},
			Generated15: nil,
		}))

	o := syntheticOneParameter()
	r := o.Rows[0]
	r.Values, r.Fiducial = r.Values[:1], 0
	must(t, OneParameter(evaluate.OneParameter{Rows: []evaluate.Response{r}}))

	flat := likelihood.Surface{
		Grid: likelihood.WholePrior(cosmology.CAMELSPrior(), 5),
		NLL:  make([]float64, 25),
	}
	f := Contours(inference.Contours{
		Truth: cosmology.Fiducial, Terms: []int{0},
		PerTerm: []likelihood.Surface{flat},
	})
	must(t, f)
	if !strings.Contains(f.Note(), "(none)") {
		t.Errorf("a flat surface has no contour and the figure must say so, got %q", f.Note())
	}
	one := inference.Prediction{
		Truth:  cosmology.Fiducial,
		OmegaM: likelihood.Marginal{Best: 0.3, Low: 0.3, High: 0.3},
		Sigma8: likelihood.Marginal{Best: 0.8, Low: 0.8, High: 0.8},
	}
	must(t, Inference(inference.Inference{Rows: []inference.Prediction{one}}))
	must(t, Training(tracking.Curve{Steps: []int{1}, Loss: []float64{1}}))
	box := field.Box{Side: 25, Cells: 4}
	must(t, Gallery([]field.LogMap{{}, {Box: box, Values: make([]float32, 16)}}, nil, "", ""))
}

// TestDeterministic: the same result gives the same bytes.
func TestDeterministic(t *testing.T) {
	for _, drawn := range []func() *Figure{
		func() *Figure { return Spectra(syntheticSpectra(1.01)) },
		func() *Figure { return Contours(syntheticContours()) },
	} {
		for _, render := range []func(*Figure) ([]byte, error){(*Figure).PNG, (*Figure).SVG} {
			a, _ := render(drawn())
			b, _ := render(drawn())
			if !bytes.Equal(a, b) {
				t.Error("two drawings of one result differ")
			}
		}
	}
}

func TestSaveNeedsADirectory(t *testing.T) {
	if err := Empty("x").Save("/dev/null/figure"); err == nil ||
		!strings.Contains(err.Error(), "/dev/null/figure.png") {
		t.Errorf("error = %v, want one that names the file", err)
	}
}
