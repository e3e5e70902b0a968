package study

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
)

// TestStudyOfAPerfectEmulator runs everything on a universe with closed forms and an emulator
// that is exact.
func TestStudyOfAPerfectEmulator(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, camels.LH, testCells, latin(24), false)
	writeSet(t, dir, camels.OneP, testCells, onePTable(), true)
	perfect := &counted{stretch: 1}
	s, cfg := open(t, dir, perfect), smallConfig()

	t.Run("spectra", func(t *testing.T) { perfectSpectra(t, s, cfg) })
	t.Run("histograms", func(t *testing.T) { perfectHistograms(t, s, cfg) })
	t.Run("chi2", func(t *testing.T) { perfectChi2(t, s, cfg) })
	t.Run("one parameter", func(t *testing.T) { perfectResponse(t, s, cfg) })
	t.Run("contours", func(t *testing.T) { contoursOfTheExactLikelihood(t, s, cfg) })
	t.Run("inference", func(t *testing.T) { inferenceFromTheExactLikelihood(t, s, cfg) })
	t.Run("table", func(t *testing.T) { wholeTable(t, s, cfg) })
	// the fiducial parameters occur twice in 1P and are made once
	if want := 6*20 + 9*15; perfect.made != want {
		t.Errorf("%d maps were made, want %d: figures 1, 4, 5 and the table must share them",
			perfect.made, want)
	}
}

func perfectSpectra(t *testing.T, s Source, cfg Config) {
	r, err := s.Spectra(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Panels) != 3 {
		t.Fatalf("%d panels, want 3", len(r.Panels))
	}
	for _, p := range r.Panels {
		if len(p.True) != 15 || len(p.Generated) != 15 || len(p.Z) != 15 {
			t.Errorf("%d true, %d generated, %d scores, want 15 of each", len(p.True),
				len(p.Generated), len(p.Z))
		}
		// White noise of deviation s in f, divided by the sum of f: each of the N² modes has
		// N²·s²/(N²·mean)² before the convention's factor side²; the mean over bins of 15 maps scatters
		// by about 1/√(15·100) = 3 %.
		want := 625 * math.Pow(testDeviation(p.Params)/testMean(p.Params), 2) / math.Pow(testCells, 2)
		sum, weight := 0.0, 0.0
		for i, v := range p.TrueMean {
			sum, weight = sum+v*p.K[i], weight+p.K[i] // modes grow with k
		}
		if math.Abs(sum/weight/want-1) > 0.15 {
			t.Errorf("%v: white-noise power %g, want %g", p.Params, sum/weight, want)
		}
		for i := range p.ZMean {
			if want := (p.GenMean[i] - p.TrueMean[i]) / p.TrueStd[i]; math.Abs(p.ZMean[i]-want) > 1e-6 {
				t.Errorf("mean z %g, want %g", p.ZMean[i], want)
			}
		}
	}
	checkCSV(t, r.WriteCSV, 3*len(r.Panels[0].K)*(15+15+15+6))
	if !strings.Contains(r.Caption, "Whitenoise") ||
		!strings.Contains(r.Caption, "step 1200, 01234567") || !strings.Contains(r.Caption, "x = f/Σf") {
		t.Errorf("caption %q", r.Caption)
	}
}

func perfectHistograms(t *testing.T, s Source, cfg Config) {
	r, err := s.Histograms(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Panels {
		total := 0.0
		for _, v := range p.TrueMean {
			total += v * (p.Centres[1] - p.Centres[0])
		}
		if math.Abs(total-1) > 1e-9 || p.TrueOutside != 0 {
			t.Errorf("the density integrates to %g with %g outside, want 1 and 0", total, p.TrueOutside)
		}
		// 15·256 true pixels: the mean is known to s/√3840 < 0.002, the generated one likewise; 5 of
		// these.
		if math.Abs(p.TrueLogMean-testMean(p.Params)) > 0.01 ||
			math.Abs(p.GenLogMean-p.TrueLogMean) > 0.012 ||
			math.Abs(p.GenLogDeviation/testDeviation(p.Params)-1) > 0.06 {
			t.Errorf("%v: true mean %g, generated %g ± %g", p.Params, p.TrueLogMean, p.GenLogMean,
				p.GenLogDeviation)
		}
		if p.TrueMaps != 15 || p.GenMaps != 20 {
			t.Errorf("%d true, %d generated maps", p.TrueMaps, p.GenMaps)
		}
	}
	checkCSV(t, r.WriteCSV, 3*40)
}

func perfectChi2(t *testing.T, s Source, cfg Config) {
	r, err := s.Chi2(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.LeaveOneOut) != 6*15 || len(r.Generated14) != 6*15 || len(r.Generated15) != 6*20 ||
		r.References14 != 14 || r.References15 != 15 {
		t.Errorf("%d, %d, %d values against %d and %d references", len(r.LeaveOneOut), len(r.Generated14),
			len(r.Generated15), r.References14, r.References15)
	}
	left, made := Summarise(r.LeaveOneOut), Summarise(r.Generated14)
	// 90 values of scatter below 1, bins that few modes make skewed: a few times 1/√90 between equal
	// distributions.
	if math.Abs(left.Mean-made.Mean) > 0.45 || math.Abs(left.Mean-r.Expectation14) > 0.6 {
		t.Errorf("a perfect emulator has chi² %+v beside %+v, expected %g", made, left, r.Expectation14)
	}
	if r.Expectation14 <= r.Expectation15 {
		t.Errorf("fewer references must raise the expectation: %g for 14, %g for 15", r.Expectation14,
			r.Expectation15)
	}
	for i, row := range r.Rows {
		if want := Summarise(r.Generated15[20*i : 20*i+20]); row.Generated15 != want {
			t.Errorf("row %d holds %+v, want %+v", i, row.Generated15, want)
		}
	}
	checkCSV(t, r.WriteCSV, 90+90+120)
}

func perfectResponse(t *testing.T, s Source, cfg Config) {
	r, err := s.OneParameter(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 2 || r.Rows[0].Name != "Omega_m" || r.Rows[1].Name != "sigma_8" {
		t.Fatalf("rows %v", r.Rows)
	}
	fiducial := cosmology.Fiducial
	for row, response := range r.Rows {
		if len(response.Values) != 5 || response.Fiducial != 2 {
			t.Errorf("values %v, fiducial %d", response.Values, response.Fiducial)
		}
		for v, value := range response.Values {
			p := fiducial
			if row == 0 {
				p.OmegaM = value
			} else {
				p.Sigma8 = value
			}
			// All maps share their phases, so that the ratio is that of (deviation/sum)², bin by bin; the
			// sum fluctuates by 0.1/(11·16).
			a, b := testDeviation(p)/testMean(p), testDeviation(fiducial)/testMean(fiducial)
			for i := range response.K {
				for _, mean := range [][]float64{response.TrueRatioMean[v], response.GenRatioMean[v]} {
					if math.Abs(mean[i]/(a*a/b/b)-1) > 5e-3 {
						t.Fatalf("%s = %g: ratio %g, want %g", response.Name, value, mean[i], a*a/b/b)
					}
				}
				if response.GenRatioStd[v][i] > 5e-3 {
					t.Fatalf("one seed for all values must cancel the scatter, got %g", response.GenRatioStd[v][i])
				}
			}
		}
		if math.Abs(response.HighField.Mean()-response.LowField.Mean()) > 0.45 ||
			(row == 0 && response.HighField.Mean()-response.LowField.Mean() < 0.39) {
			t.Errorf("%s: fields of means %g and %g", response.Name, response.LowField.Mean(),
				response.HighField.Mean())
		}
	}
	checkCSV(t, r.WriteCSV, 2*5*len(r.Rows[0].K)*6)
}

func contoursOfTheExactLikelihood(t *testing.T, s Source, cfg Config) {
	r, err := s.Contours(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.PerTerm) != 3 || len(r.SeedsMaps) != 4 {
		t.Fatalf("%d terms, %d seeds and maps", len(r.PerTerm), len(r.SeedsMaps))
	}
	// Ω_m is known to s/√256: 1σ of two parameters reaches √2.3 times that.
	best := r.PerTerm[0].Best()
	if math.Abs(best.OmegaM-r.Truth.OmegaM) > 4*testDeviation(r.Truth)/16 {
		t.Errorf("best %v, truth %v", best, r.Truth)
	}
	for i, lines := range [][]float64{widths(r, 0), widths(r, 2)} {
		// the third term is a sixth of the whole
		want := 2 * math.Sqrt(2.3*[]float64{1, 6}[i]) * testDeviation(r.Truth) / 16
		if math.Abs(lines[0]/want-1) > 0.1 {
			t.Errorf("contour %d is %g wide in Ω_m, want %g", i, lines[0], want)
		}
	}
	if r.SeedsMaps[0].Map == r.SeedsMaps[2].Map || r.SeedsMaps[0].Seed == r.SeedsMaps[1].Seed {
		t.Errorf("seeds and maps do not differ: %+v", r.SeedsMaps)
	}
	if !strings.Contains(r.Caption, "centred on the truth") {
		t.Errorf("caption %q must say that the grid is centred on the truth", r.Caption)
	}
	checkCSV(t, r.WriteCSV, 7*cfg.GridPoints*cfg.GridPoints)
}

func widths(r Contours, term int) []float64 {
	low, high := 1.0, 0.0
	for _, l := range r.PerTerm[term].Contour(2.30) {
		for _, p := range l.Points {
			low, high = min(low, p.OmegaM), max(high, p.OmegaM)
		}
	}
	return []float64{high - low}
}

func inferenceFromTheExactLikelihood(t *testing.T, s Source, cfg Config) {
	r, err := s.Inference(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 10 || r.TruthCentred {
		t.Fatalf("%d rows, truth-centred %v", len(r.Rows), r.TruthCentred)
	}
	for _, row := range r.Rows {
		// Exact widths: s/√256 for Ω_m, σ_8/√512 for σ_8 (asymptotically, and less where the prior cuts).
		om, s8 := testDeviation(row.Truth)/16, row.Truth.Sigma8/math.Sqrt(512)
		if got := (row.OmegaM.High - row.OmegaM.Low) / 2 / 0.9945; math.Abs(got/om-1) > 0.2 {
			t.Errorf("%v: error of Ω_m %g, want %g", row.Truth, got, om)
		}
		if got := (row.Sigma8.High - row.Sigma8.Low) / 2 / 0.9945; got > 1.25*s8 || got < 0.3*s8 {
			t.Errorf("%v: error of σ_8 %g, want about %g", row.Truth, got, s8)
		}
		if math.Abs(row.OmegaM.Best-row.Truth.OmegaM) > 4*om ||
			math.Abs(row.Sigma8.Best-row.Truth.Sigma8) > 4.5*s8 {
			t.Errorf("%v predicted as %g, %g", row.Truth, row.OmegaM.Best, row.Sigma8.Best)
		}
	}
	om, _ := r.Quality()
	if om.MeanAbsZ > 1.6 || om.Coverage < 0.3 || om.N != 10 {
		t.Errorf("exact likelihoods give %+v", om)
	}
	checkCSV(t, r.WriteCSV, 10)
	paper, err := s.PaperInference(ctx, cfg)
	if err != nil || !paper.TruthCentred || !strings.Contains(paper.Caption, "centred on each truth") {
		t.Errorf("the paper's grid: %v, %q", err, paper.Caption)
	}
}

func wholeTable(t *testing.T, s Source, cfg Config) {
	e, err := s.Evaluate(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if e.LeaveOneOut.N != 90 || e.Generated15.N != 120 || len(e.Parameters) != 6 ||
		len(e.Responses) != 12 || len(e.PixelMoments) != 3 {
		t.Errorf("table %+v", e)
	}
	for _, r := range e.Responses {
		if math.Abs(r.True-r.Generated) > 5e-3 {
			t.Errorf("response %+v", r)
		}
	}
	if text := e.String(); !strings.Contains(text, "left out") || strings.Contains(text, "%!") {
		t.Errorf("table:\n%s", text)
	}
	data, err := json.Marshal(e)
	var back Evaluation
	if err != nil || json.Unmarshal(data, &back) != nil || !reflect.DeepEqual(e, back) {
		t.Errorf("the table does not survive JSON: %v", err)
	}
	checkCSV(t, e.WriteCSV, 6+12+6+12)
}

// checkCSV writes and reads a table and counts its rows.
func checkCSV(t *testing.T, write func(string) error, rows int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "new", "table.csv")
	if err := write(path); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil || len(all) != rows+1 {
		t.Errorf("%d rows, want %d below the header: %v", len(all), rows, err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind beside the table: %v", left)
	}
}
