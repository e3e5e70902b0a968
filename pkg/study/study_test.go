package study

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

var ctx = context.Background()

// TestStudyOfAPerfectEmulator runs everything on a universe with closed forms and an emulator that is exact.
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
	if want := 6*20 + 9*15; perfect.made != want { // the fiducial parameters occur twice in 1P and are made once
		t.Errorf("%d maps were made, want %d: figures 1, 4, 5 and the table must share them", perfect.made, want)
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
			t.Errorf("%d true, %d generated, %d scores, want 15 of each", len(p.True), len(p.Generated), len(p.Z))
		}
		// White noise of deviation s in f, divided by the sum of f: each of the N² modes has N²·s²/(N²·mean)² before the
		// convention's factor side²; the mean over bins of 15 maps scatters by about 1/√(15·100) = 3 %.
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
	if !strings.Contains(r.Caption, "Whitenoise") || !strings.Contains(r.Caption, "step 1200, 01234567") || !strings.Contains(r.Caption, "x = f/Σf") {
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
		// 15·256 true pixels: the mean is known to s/√3840 < 0.002, the generated one likewise; 5 of these.
		if math.Abs(p.TrueLogMean-testMean(p.Params)) > 0.01 || math.Abs(p.GenLogMean-p.TrueLogMean) > 0.012 || math.Abs(p.GenLogDeviation/testDeviation(p.Params)-1) > 0.06 {
			t.Errorf("%v: true mean %g, generated %g ± %g", p.Params, p.TrueLogMean, p.GenLogMean, p.GenLogDeviation)
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
	if len(r.LeaveOneOut) != 6*15 || len(r.Generated14) != 6*15 || len(r.Generated15) != 6*20 || r.References14 != 14 || r.References15 != 15 {
		t.Errorf("%d, %d, %d values against %d and %d references", len(r.LeaveOneOut), len(r.Generated14), len(r.Generated15), r.References14, r.References15)
	}
	left, made := Summarise(r.LeaveOneOut), Summarise(r.Generated14)
	// 90 values of scatter below 1, bins that few modes make skewed: a few times 1/√90 between equal distributions.
	if math.Abs(left.Mean-made.Mean) > 0.45 || math.Abs(left.Mean-r.Expectation14) > 0.6 {
		t.Errorf("a perfect emulator has chi² %+v beside %+v, expected %g", made, left, r.Expectation14)
	}
	if r.Expectation14 <= r.Expectation15 {
		t.Errorf("fewer references must raise the expectation: %g for 14, %g for 15", r.Expectation14, r.Expectation15)
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
			// All maps share their phases, so that the ratio is that of (deviation/sum)², bin by bin; the sum fluctuates
			// by 0.1/(11·16).
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
		if math.Abs(response.HighField.Mean()-response.LowField.Mean()) > 0.45 || (row == 0 && response.HighField.Mean()-response.LowField.Mean() < 0.39) {
			t.Errorf("%s: fields of means %g and %g", response.Name, response.LowField.Mean(), response.HighField.Mean())
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
		want := 2 * math.Sqrt(2.3*[]float64{1, 6}[i]) * testDeviation(r.Truth) / 16 // the third term is a sixth of the whole
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
		if math.Abs(row.OmegaM.Best-row.Truth.OmegaM) > 4*om || math.Abs(row.Sigma8.Best-row.Truth.Sigma8) > 4.5*s8 {
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
	if e.LeaveOneOut.N != 90 || e.Generated15.N != 120 || len(e.Parameters) != 6 || len(e.Responses) != 12 || len(e.PixelMoments) != 3 {
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

// TestAPoorEmulatorIsFound: 5 % too much amplitude, 10 % in power, must show in every statistic.
func TestAPoorEmulatorIsFound(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, camels.LH, testCells, latin(24), false)
	s, cfg := open(t, dir, &counted{stretch: 1.5}), smallConfig()
	e, err := s.Evaluate(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if e.Generated14.Median < 3*e.LeaveOneOut.Median || e.PixelMoments[0].GeneratedDeviation < 1.3*e.PixelMoments[0].TrueDeviation {
		t.Errorf("a stretch of 1.5 gives %+v beside %+v", e.Generated14, e.LeaveOneOut)
	}
	if !strings.Contains(e.String(), "1P") || e.NoResponse == "" {
		t.Errorf("the table must say that there is no 1P set:\n%s", e)
	}
	if _, err := s.OneParameter(ctx, cfg); !errors.Is(err, ErrNoOneParameter) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line wrapping ErrNoOneParameter", err)
	}
}

// TestBestOfThree: among checkpoints that stretch maps by more and less, the one that does not is best; one without numbers never is.
func TestBestOfThree(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, camels.LH, testCells, latin(24), false)
	var table Selection
	if table.Best() != -1 {
		t.Error("a table of no checkpoints has a best one")
	}
	for i, stretch := range []float64{1.4, 1, 1.2} {
		s, cfg := open(t, dir, &counted{stretch: stretch}), smallConfig()
		c, err := s.Chi2(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		table.Add("step.safetensors", i, c)
	}
	table.Add("diverged.safetensors", 3, Chi2{Generated15: []float64{math.NaN()}})
	if table.Best() != 1 || !strings.Contains(table.String(), "← best") {
		t.Errorf("the best is candidate %d, want 1:\n%s", table.Best(), table)
	}
	if got, want := table.Candidates[2].Generated15.Mean, table.Candidates[1].Generated15.Mean; !(got > want) {
		t.Errorf("a stretch of 1.2 scores %g, none %g", got, want)
	}
	if err := table.WriteCSV(filepath.Join(dir, "selection.csv")); err != nil {
		t.Error(err)
	}
}

// TestCache: nothing is made twice, nothing stale is used, and what is broken is made again.
func TestCache(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, camels.LH, testCells, latin(8), false)
	made := func(s Source, e *counted, cfg Config) int {
		t.Helper()
		before := e.made
		if _, err := s.Spectra(ctx, cfg); err != nil {
			t.Fatal(err)
		}
		return e.made - before
	}
	e := &counted{stretch: 1}
	s, cfg := open(t, dir, e), smallConfig()
	first, err := s.Spectra(ctx, cfg)
	if err != nil || e.made != 60 {
		t.Fatalf("%d maps made, want 60: %v", e.made, err)
	}
	again, err := s.Spectra(ctx, cfg)
	if err != nil || e.made != 60 || !reflect.DeepEqual(first, again) {
		t.Errorf("%d maps made in all, want 60, and the same numbers: %v", e.made, err)
	}
	fewer := cfg
	fewer.MapsPerParam = 16
	if n := made(s, e, fewer); n != 0 {
		t.Errorf("fewer maps of the same kind: %d made, want 0", n)
	}
	for name, change := range map[string]func(*Source, *Config){
		"seed":       func(_ *Source, c *Config) { c.Seed++ },
		"checkpoint": func(s *Source, _ *Config) { s.Hash = "fedcba9876543210" },
		"sampler":    func(s *Source, _ *Config) { s.Sampler = "other" },
		"more maps":  func(_ *Source, c *Config) { c.MapsPerParam++ },
	} {
		s2, c2 := s, cfg
		change(&s2, &c2)
		if n := made(s2, e, c2); n != 3*c2.MapsPerParam {
			t.Errorf("another %s: %d maps made, want all", name, n)
		}
	}
	files, _ := filepath.Glob(filepath.Join(s.Cache, "*"))
	if len(files) != 3*4 || slices.ContainsFunc(files, func(f string) bool { return filepath.Ext(f) != ".npy" }) {
		t.Errorf("cache holds %v", files)
	}
	for _, f := range files {
		if err := os.Truncate(f, 1000); err != nil {
			t.Fatal(err)
		}
	}
	if n := made(s, e, cfg); n != 60 {
		t.Errorf("broken files: %d maps made, want 60", n)
	}
}

// TestHeldOut: the same simulations for every checkpoint, only held-out ones, far apart first, and what there is when few.
func TestHeldOut(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, camels.LH, 32, latin(8), false) // 32 pixels: averaged to 16 on the way
	s, cfg := open(t, dir, &counted{stretch: 1}), smallConfig()
	sims, err := s.held(10, 3)
	if err != nil || len(sims) != 4 {
		t.Fatalf("held-out simulations %v, want the four odd ones: %v", sims, err)
	}
	for _, sim := range sims {
		if sim%2 == 0 {
			t.Errorf("simulation %d was trained on", sim)
		}
	}
	if again, _ := s.held(10, 3); !slices.Equal(sims, again) {
		t.Errorf("another choice the second time: %v, %v", sims, again)
	}
	r, err := s.Chi2(ctx, cfg)
	if err != nil || len(r.Rows) != 4 {
		t.Errorf("with few simulations chi² uses what there is, got %d: %v", len(r.Rows), err)
	}
	s.Validation = []int{999, 3, 500, 5} // as of weights that were trained on a larger set
	if sims, err := s.held(10, 3); err != nil || len(sims) != 2 || slices.Max(sims) != 5 || slices.Min(sims) != 3 {
		t.Errorf("of a larger set's split: %v (%v), want 3 and 5", sims, err)
	}
	s.Weights = "shipped weights w.safetensors"
	if text := s.caption(cfg, ""); !strings.Contains(text, "shipped weights w.safetensors, step ") {
		t.Errorf("caption %q", text)
	}
	s.Validation = []int{100, 101}
	if _, err := s.Spectra(ctx, cfg); err == nil || !strings.Contains(err.Error(), "none of the checkpoint's 2 validation simulations") {
		t.Errorf("error %v", err)
	}
}

func TestCancelled(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, camels.LH, testCells, latin(8), false)
	s := open(t, dir, &counted{stretch: 1})
	stopped, cancel := context.WithCancel(ctx)
	s.Progress = func(stage string, fraction float64) {
		if !(fraction >= 0 && fraction <= 1) {
			t.Errorf("%s: fraction %g", stage, fraction)
		}
		cancel()
	}
	if _, err := s.Chi2(stopped, smallConfig()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Inference(stopped, smallConfig()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestConfig(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
	bad := Default()
	bad.MapsPerParam, bad.GridPoints, bad.Terms = 1, 1, nil
	err := bad.Validate()
	var fault *FieldError
	if !errors.As(err, &fault) || strings.Count(err.Error(), "study.Config.") != 3 {
		t.Errorf("error %v, want all three faults", err)
	}
}

// TestReplayedTruths: an emulator that returns the true maps scores exactly as the true maps do when they are left out, and
// lower where they are part of their own reference. Every parameter has its own noise.
func TestReplayedTruths(t *testing.T) {
	dir := t.TempDir()
	params := latin(8)
	writeSet(t, dir, camels.LH, testCells, params, false)
	s, cfg := open(t, dir, &counted{stretch: 1}), smallConfig()
	cfg.MapsPerParam = 15
	seeds := map[uint64]cosmology.Params{}
	s.Sample = func(_ context.Context, thetas []cosmology.Params, seed uint64, _ func(done, total int)) ([]field.LogMap, error) {
		if other, used := seeds[seed]; used {
			t.Errorf("%v and %v share the seed %d", thetas[0], other, seed)
		}
		seeds[seed] = thetas[0]
		sim := slices.IndexFunc(params, func(p cosmology.Params) bool { return math.Abs(p.OmegaM-thetas[0].OmegaM) < 1e-6 })
		out := make([]field.LogMap, len(thetas))
		for i := range out {
			out[i] = testMap(params[sim], testBox(testCells), uint64(1000+sim), i)
		}
		return out, nil
	}
	r, err := s.Chi2(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range r.LeaveOneOut {
		// The files hold float32 linear values: log10 pixels differ by 1e-6 of a deviation of 0.1, chi² by a little more.
		if math.Abs(r.Generated14[i]/v-1) > 1e-3 || r.Generated15[i] >= v {
			t.Errorf("map %d: chi² %g left out, %g replayed, %g against all", i, v, r.Generated14[i], r.Generated15[i])
		}
	}
}

// TestSuiteOfAnotherKind: maps that cannot be compared with the emulator's are refused before anything is sampled.
func TestSuiteOfAnotherKind(t *testing.T) {
	dir := t.TempDir()
	writeSet(t, dir, camels.LH, testCells, latin(8), false)
	s := open(t, dir, &counted{stretch: 1})
	if err := s.checkSuite(); err != nil {
		t.Error(err)
	}
	for want, box := range map[string]field.Box{"25 Mpc/h a side": {Side: 100, Cells: 16}, "16 pixels a side": {Side: 25, Cells: 32}} {
		s.Box = box
		if err := s.checkSuite(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("box %+v: error %v, want one that says %q", box, err, want)
		}
	}
}

// TestOtherFieldsAreRefused: maps of another field, unit or offset cannot be compared with what the emulator makes; another log range can.
func TestOtherFieldsAreRefused(t *testing.T) {
	suite := &camels.Suite{Dir: "dir", Field: "Mstar", Description: camels.Description{Unit: "K", Offset: 1, LogRange: [2]float64{1, 2}}}
	if err := checkField(suite, "Mstar", "K", 1); err != nil {
		t.Error(err)
	}
	for want, err := range map[string]error{
		"trained on Mcdm": checkField(suite, "Mcdm", "K", 1),
		"maps in G":       checkField(suite, "Mstar", "G", 1),
		"K with 0":        checkField(suite, "Mstar", "K", 0),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want one that says %q", err, want)
		}
	}
}
