package figure

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"darkfield/pkg/calibration"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/hmc"
	"darkfield/pkg/inference"
	"darkfield/pkg/likelihood"
)

// syntheticCoverage scores Gaussian posteriors of n simulations, two maps each: too narrow by a
// factor for the bound as it is, right for the calibrated one.
func syntheticCoverage(t *testing.T, n int, narrow float64) inference.CoverageReport {
	t.Helper()
	prior := cosmology.CAMELSPrior()
	h := inference.CoverageReport{Prior: prior, Caption: mockCaption}
	for _, m := range []struct {
		name   string
		factor float64
	}{
		{inference.FirstTerm, 2 * narrow},
		{inference.WholeBound, narrow},
		{inference.Calibrated, 1},
	} {
		rng := rand.New(rand.NewPCG(31, 32)) // the same maps for all
		var cases []calibration.Case
		for i := range 2 * n {
			truth := prior.Params(cosmology.UnitParams{rng.Float64(), rng.Float64()})
			const so, ss = 0.018, 0.03
			mean := cosmology.Params{OmegaM: truth.OmegaM + so*rng.NormFloat64(), Sigma8: truth.Sigma8 +
				ss*rng.NormFloat64()}
			nll := func(g likelihood.Grid) likelihood.Surface {
				return gaussianSurface(g, mean, so/m.factor, ss/m.factor, 0)
			}
			cases = append(cases, calibration.Case{NLL: nll, Truth: truth, Simulation: i / 2})
		}
		scores, err := calibration.ScoreAll(cases, prior, 1)
		if err != nil {
			t.Fatal(err)
		}
		c := calibration.DefaultConfig()
		c.Replicates = 200
		report, err := calibration.Summarise(scores, c)
		if err != nil {
			t.Fatal(err)
		}
		h.Methods = append(h.Methods, inference.Method{Name: m.name, Report: report, Scores: scores})
	}
	return h
}

// syntheticChains draws independent points of a Gaussian.
func syntheticChains(n int) (inference.Chains, likelihood.Surface) {
	rng := rand.New(rand.NewPCG(41, 42))
	mean := cosmology.Params{OmegaM: 0.28, Sigma8: 0.82}
	c := inference.Chains{Config: hmc.Default()}
	const so, ss, rho = 0.02, 0.04, -0.6
	for range 4 {
		var chain [][]float64
		for range n {
			u, v := rng.NormFloat64(), rng.NormFloat64()
			chain = append(chain,
				[]float64{mean.OmegaM + so*u, mean.Sigma8 + ss*(rho*u+math.Sqrt(1-rho*rho)*v)})
		}
		c.Result.Draws = append(c.Result.Draws, chain)
	}
	c.Config.Draws, c.Result.Divergences = n, []int{0, 1, 0, 0}
	c.Diagnosis = hmc.Diagnose(c.Result.Draws)
	return c, gaussianSurface(likelihood.WholePrior(cosmology.CAMELSPrior(), 60), mean, so, ss, rho)
}

// TestCalibrationFigures: each is drawn, and its numbers are written.
func TestCalibrationFigures(t *testing.T) {
	dir := outDir(t)
	h := syntheticCoverage(t, 52, 2)
	for _, f := range Calibration(h) {
		if err := f.Figure.Save(filepath.Join(dir, f.Name)); err != nil {
			t.Error(err)
		}
		path := filepath.Join(t.TempDir(), f.Name+".csv")
		if err := f.Numbers.WriteCSV(path); err != nil {
			t.Error(err)
		}
		want := map[string]int{
			"calibration_coverage": 3 * 21, "calibration_ranks": 3 * 2 * 10,
			"calibration_predictions": 3 * 2 * 104,
		}[f.Name]
		if raw, err := os.ReadFile(path); err != nil || strings.Count(string(raw), "\n") != 1+want {
			t.Errorf("%s: %d lines, want a header and %d, %v", f.Name,
				strings.Count(string(raw), "\n"), want, err)
		}
	}
	if note := Predictions(h).Note(); !strings.Contains(note, "100 of 104 maps are shown") {
		t.Errorf("note %q must say that maps were left out", note)
	}
	plain := h
	plain.Methods = h.Methods[:2] // of too few simulations for a calibration
	for _, f := range Calibration(plain) {
		must(t, f.Figure)
	}
	if m, ok := quoted(plain); !ok || m.Name != inference.WholeBound {
		t.Errorf("without a calibration %q is quoted", m.Name)
	}
}

// TestBrokenCalibration: numbers that cannot be drawn, and nothing at all.
func TestBrokenCalibration(t *testing.T) {
	for _, f := range Calibration(inference.CoverageReport{}) {
		must(t, f.Figure)
	}
	one := inference.CoverageReport{Methods: []inference.Method{{Name: inference.Calibrated}}}
	for _, f := range Calibration(one) {
		must(t, f.Figure)
	}
	h := syntheticCoverage(t, 3, 1)
	for i, m := range h.Methods {
		for k := range m.Scores {
			odd := []float64{math.NaN(), math.Inf(1), 0, -1e300, 1e300}[k%5]
			m.Scores[k].OmegaM.Mean, m.Scores[k].OmegaM.Central68[k%2] = odd, -odd
			m.Scores[k].Sigma8 = calibration.ParameterScore{
				Truth: math.NaN(), Mean: math.NaN(),
				Central68: [2]float64{math.NaN(), math.NaN()},
			}
		}
		for k := range m.Report.TARP.Coverage {
			if k%3 == i%3 {
				m.Report.TARP.Coverage[k] = calibration.Interval{
					Value: math.NaN(), Low: math.Inf(-1),
					High: math.NaN(),
				}
			}
		}
		r := &h.Methods[i].Report
		r.OmegaM.Ranks.High, r.OmegaM.Ranks.P, r.Sigma8.Ranks.Expected = math.NaN(),
			math.NaN(), math.Inf(1)
	}
	for _, f := range Calibration(h) {
		must(t, f.Figure)
	}
}

// TestThinned: evenly, in order, the first one always.
func TestThinned(t *testing.T) {
	got := thinned([]int{0, 1, 2, 3, 4, 5, 6}, 3)
	if len(got) != 3 || got[0] != 0 || got[1] != 2 || got[2] != 4 {
		t.Errorf("%v, want 0, 2, 4", got)
	}
	if got := thinned([]int{1, 2}, 2); len(got) != 2 {
		t.Errorf("%v, want both", got)
	}
}

func TestChainsFigure(t *testing.T) {
	c, grid := syntheticChains(500)
	f := Chains(c, grid)
	if err := f.Save(filepath.Join(outDir(t), "chains")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"4 chains of 500 draws", "Divergences: 1", "R-hat 1.00"} {
		if !strings.Contains(f.Note(), want) {
			t.Errorf("note %q lacks %q", f.Note(), want)
		}
	}
	few, grid := syntheticChains(20)
	if note := Chains(few, grid).Note(); !strings.Contains(note, "too few to quote") {
		t.Error("the note of few draws must say that they cannot be quoted")
	}
}

// TestHistogramIsADensity: all of what lies within the limits, over the bins' width.
func TestHistogramIsADensity(t *testing.T) {
	edges, heights := histogram([]float64{0.1, 0.1, 0.9, 5}, [2]float64{0, 1}, 2)
	if len(edges) != 3 || heights[0] != 1 || heights[1] != 0.5 {
		t.Errorf("%v over %v, want two of four values in the first bin of width ½ and one in the second",
			heights, edges)
	}
}

// TestBinsEndAtThePrior: draws up to the edge of the prior fill their last bin as they fill the
// others.
func TestBinsEndAtThePrior(t *testing.T) {
	draws := make([]float64, 1001)
	for i := range draws {
		draws[i] = 0.2 + 0.3*float64(i)/1000
	}
	prior := likelihood.Marginal{X: []float64{0.1, 0.3, 0.5}}
	ends := binEnds(draws, [2]float64{0.19, 0.51}, prior)
	if ends != [2]float64{0.19, 0.5} {
		t.Errorf("bins between %v, want them from the axis's begin to the prior's end", ends)
	}
	_, heights := histogram(draws, ends, 31)
	if last := heights[30]; math.Abs(last*0.3-1) > 0.05 {
		t.Errorf("the last bin holds a density of %g, want 1/0.3", last)
	}
	for _, broken := range []likelihood.Marginal{
		{},
		{X: []float64{math.NaN(), 0.5}},
		{X: []float64{0.19, 0.19}},
	} {
		if got := binEnds([]float64{0.19}, [2]float64{0.19, 0.51}, broken); got !=
			[2]float64{0.19, 0.51} {
			t.Errorf("grid %v: bins between %v, want those of the axis", broken.X, got)
		}
	}
}

// TestBrokenChains: nothing, one draw, equal draws, numbers that are none, and no grid.
func TestBrokenChains(t *testing.T) {
	c, grid := syntheticChains(10)
	must(t, Chains(c, likelihood.Surface{}))
	flat := grid
	flat.NLL = make([]float64, len(grid.NLL))
	must(t, Chains(c, flat))
	broken := grid
	broken.NLL = append([]float64{math.NaN()}, grid.NLL[1:]...)
	must(t, Chains(c, broken))
	must(t, Chains(inference.Chains{}, grid))
	for _, draws := range [][][][]float64{
		{{}},
		{{{}}},
		{{{0.3, 0.8}}},
		{{{0.3, 0.8}, {0.3, 0.8}}, {}},
		{{{math.NaN(), 0.8}, {0.3, math.Inf(1)}, {1e300, -1e300}, {0.3, 0.8}}},
		{{{math.NaN(), math.NaN()}}},
	} {
		c := inference.Chains{}
		c.Result.Draws = draws
		must(t, Chains(c, grid))
	}
}
