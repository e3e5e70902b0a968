package evaluate

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/heldout/whitenoise"
)

// TestPerfectEmulator runs everything on a universe with closed forms and an emulator that is
// exact.
func TestPerfectEmulator(t *testing.T) {
	dir := t.TempDir()
	whitenoise.WriteSet(t, dir, camels.LH, whitenoise.Cells, whitenoise.Spread(24), false)
	whitenoise.WriteSet(t, dir, camels.OneP, whitenoise.Cells, whitenoise.OnePTable(), true)
	perfect := &whitenoise.Counted{Stretch: 1}
	s, cfg := open(t, dir, perfect), smallConfig()

	t.Run("spectra", func(t *testing.T) { perfectSpectra(t, s, cfg) })
	t.Run("histograms", func(t *testing.T) { perfectHistograms(t, s, cfg) })
	t.Run("chi2", func(t *testing.T) { perfectChi2(t, s, cfg) })
	t.Run("one parameter", func(t *testing.T) { perfectResponse(t, s, cfg) })
	t.Run("table", func(t *testing.T) { wholeTable(t, s, cfg) })
	// the fiducial parameters occur twice in 1P and are made once
	if want := 6*20 + 9*15; perfect.Made != want {
		t.Errorf("%d maps were made, want %d: figures 1, 4, 5 and the table must share them",
			perfect.Made, want)
	}
}

func perfectSpectra(t *testing.T, s Emulator, cfg Config) {
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
		want := 625 * math.Pow(whitenoise.Deviation(p.Params)/whitenoise.Mean(p.Params), 2) /
			math.Pow(whitenoise.Cells, 2)
		sum, weight := 0.0, 0.0
		for i, v := range p.TrueStats.Mean {
			sum, weight = sum+v*p.K[i], weight+p.K[i] // modes grow with k
		}
		if math.Abs(sum/weight/want-1) > 0.15 {
			t.Errorf("%v: white-noise power %g, want %g", p.Params, sum/weight, want)
		}
		for i := range p.ZStats.Mean {
			want := (p.GeneratedStats.Mean[i] - p.TrueStats.Mean[i]) / p.TrueStats.Std[i]
			if math.Abs(p.ZStats.Mean[i]-want) > 1e-6 {
				t.Errorf("mean z %g, want %g", p.ZStats.Mean[i], want)
			}
		}
	}
	whitenoise.CheckCSV(t, r.WriteCSV, 3*len(r.Panels[0].K)*(15+15+15+6))
	if !strings.Contains(r.Caption, "Whitenoise") ||
		!strings.Contains(r.Caption, "step 1200, 01234567") || !strings.Contains(r.Caption, "x = f/Σf") {
		t.Errorf("caption %q", r.Caption)
	}
}

func perfectHistograms(t *testing.T, s Emulator, cfg Config) {
	r, err := s.Histograms(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Panels {
		total := 0.0
		for _, v := range p.True.Mean {
			total += v * (p.Centres[1] - p.Centres[0])
		}
		if math.Abs(total-1) > 1e-9 || p.True.Outside != 0 {
			t.Errorf("the density integrates to %g with %g outside, want 1 and 0", total, p.True.Outside)
		}
		// 15·256 true pixels: the mean is known to s/√3840 < 0.002, the generated one likewise; 5 of
		// these.
		if math.Abs(p.True.LogMean-whitenoise.Mean(p.Params)) > 0.01 ||
			math.Abs(p.Generated.LogMean-p.True.LogMean) > 0.012 ||
			math.Abs(p.Generated.LogDeviation/whitenoise.Deviation(p.Params)-1) > 0.06 {
			t.Errorf("%v: true mean %g, generated %g ± %g", p.Params, p.True.LogMean, p.Generated.LogMean,
				p.Generated.LogDeviation)
		}
		if p.True.N != 15 || p.Generated.N != 20 {
			t.Errorf("%d true, %d generated maps", p.True.N, p.Generated.N)
		}
	}
	whitenoise.CheckCSV(t, r.WriteCSV, 3*40)
}

func perfectChi2(t *testing.T, s Emulator, cfg Config) {
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
	whitenoise.CheckCSV(t, r.WriteCSV, 90+90+120)
}

func perfectResponse(t *testing.T, s Emulator, cfg Config) {
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
			a, b := whitenoise.Deviation(p)/whitenoise.Mean(p),
				whitenoise.Deviation(fiducial)/whitenoise.Mean(fiducial)
			for i := range response.K {
				for _, mean := range [][]float64{response.TrueRatios[v].Mean, response.GenRatios[v].Mean} {
					if math.Abs(mean[i]/(a*a/b/b)-1) > 5e-3 {
						t.Fatalf("%s = %g: ratio %g, want %g", response.Name, value, mean[i], a*a/b/b)
					}
				}
				if response.GenRatios[v].Std[i] > 5e-3 {
					t.Fatalf("one seed for all values must cancel the scatter, got %g",
						response.GenRatios[v].Std[i])
				}
			}
		}
		if math.Abs(response.HighField.Mean()-response.LowField.Mean()) > 0.45 ||
			(row == 0 && response.HighField.Mean()-response.LowField.Mean() < 0.39) {
			t.Errorf("%s: fields of means %g and %g", response.Name, response.LowField.Mean(),
				response.HighField.Mean())
		}
	}
	whitenoise.CheckCSV(t, r.WriteCSV, 2*5*len(r.Rows[0].K)*6)
}

func wholeTable(t *testing.T, s Emulator, cfg Config) {
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
	whitenoise.CheckCSV(t, e.WriteCSV, 6+12+6+12)
}
