package inference

import (
	"context"
	"math"
	"strings"
	"testing"

	"darkfield/pkg/heldout/whitenoise"
)

var ctx = context.Background()

// TestExactLikelihood runs the paper's figure 3 on a universe whose likelihood is known.
func TestExactLikelihood(t *testing.T) {
	s, cfg := universeOf(t, 24), Default()
	cfg.Contours, cfg.Maps = []int{0, 2, 5}, 10
	t.Run("contours", func(t *testing.T) { contoursOfTheExactLikelihood(t, s, cfg) })
	t.Run("inference", func(t *testing.T) { inferenceFromTheExactLikelihood(t, s, cfg) })
}

func contoursOfTheExactLikelihood(t *testing.T, s Likelihood, cfg Config) {
	r, err := s.Contours(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.PerTerm) != 3 || len(r.SeedsMaps) != 4 {
		t.Fatalf("%d terms, %d seeds and maps", len(r.PerTerm), len(r.SeedsMaps))
	}
	// Ω_m is known to s/√256: 1σ of two parameters reaches √2.3 times that.
	best := r.PerTerm[0].Best()
	if math.Abs(best.OmegaM-r.Truth.OmegaM) > 4*whitenoise.Deviation(r.Truth)/16 {
		t.Errorf("best %v, truth %v", best, r.Truth)
	}
	for i, lines := range [][]float64{widths(r, 0), widths(r, 2)} {
		// the third term is a sixth of the whole
		want := 2 * math.Sqrt(2.3*[]float64{1, 6}[i]) * whitenoise.Deviation(r.Truth) / 16
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
	whitenoise.CheckCSV(t, r.WriteCSV, 7*cfg.GridPoints*cfg.GridPoints)
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

func inferenceFromTheExactLikelihood(t *testing.T, s Likelihood, cfg Config) {
	r, err := s.Inference(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 10 || r.TruthCentred {
		t.Fatalf("%d rows, truth-centred %v", len(r.Rows), r.TruthCentred)
	}
	for _, row := range r.Rows {
		// Exact widths: s/√256 for Ω_m, σ_8/√512 for σ_8 (asymptotically, and less where the prior cuts).
		om, s8 := whitenoise.Deviation(row.Truth)/16, row.Truth.Sigma8/math.Sqrt(512)
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
	whitenoise.CheckCSV(t, r.WriteCSV, 10)
	paper, err := s.PaperInference(ctx, cfg)
	if err != nil || !paper.TruthCentred || !strings.Contains(paper.Caption, "centred on each truth") {
		t.Errorf("the paper's grid: %v, %q", err, paper.Caption)
	}
}
