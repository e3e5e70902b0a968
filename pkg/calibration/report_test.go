package calibration

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestCalibratedPosteriors: over the whole prior with its edges, coverages, ranks, z and TARP of
// calibrated posteriors are what they should be.
func TestCalibratedPosteriors(t *testing.T) {
	std := [2]float64{0.15, 0.4} // wide, so that half of the posteriors feel an edge
	w := toy{std: std, rho: -0.6, alike: 0.5, reported: calibrated(std)}
	r := reportOf(t, w.cases(t, 120, 2, 7))
	for name, bias := range map[string]Interval{"Ω_m": r.OmegaM.Bias, "σ_8": r.Sigma8.Bias} {
		if !near(bias, 0) {
			t.Errorf("z of %s: %+v, want 0", name, bias)
		}
	}
	coverageNear(t, r)
	if r.Sigma8.ExpectedAbsZ < 0.81 { // a posterior that the edges cut is flatter than a Gaussian
		t.Errorf("|z| of wide posteriors is expected to be %g", r.Sigma8.ExpectedAbsZ)
	}
	if r.Maps != 240 || r.Simulations != 120 {
		t.Errorf("%d maps of %d simulations", r.Maps, r.Simulations)
	}
}

// TestOverConfidence: with errors reported half as large, 68 % become Φ's share within half a
// sigma, and |z| doubles.
func TestOverConfidence(t *testing.T) {
	w := toy{std: [2]float64{0.04, 0.04}, reported: calibrated([2]float64{0.02, 0.02})}
	r := reportOf(t, w.cases(t, 150, 1, 8))
	inside := math.Erf(0.994458 / 2 / math.Sqrt2) // 0.38
	if !r.OmegaM.Coverage68.Contains(inside) || !r.Sigma8.Coverage68.Contains(inside) {
		t.Errorf("coverage %+v, %+v, want %g", r.OmegaM.Coverage68, r.Sigma8.Coverage68, inside)
	}
	// In two dimensions exp(−Δ) = 0.32 at the 68 % region's edge, and its fourth root is left outside.
	if want := 1 - math.Pow(0.32, 0.25); !r.HPD68.Contains(want) {
		t.Errorf("joint coverage %+v, want %g", r.HPD68, want)
	}
	if z := 2 * math.Sqrt(2/math.Pi); !r.OmegaM.AbsZ.Contains(z) {
		t.Errorf("|z| %+v, want %g", r.OmegaM.AbsZ, z)
	}
	for name, ranks := range map[string]Ranks{
		"Ω_m": r.OmegaM.Ranks, "σ_8": r.Sigma8.Ranks,
		"TARP": r.TARP.Ranks,
	} {
		if ranks.P > 0.01 {
			t.Errorf("%s: p = %g of ranks %v", name, ranks.P, ranks.Counts)
		}
	}
	// over-confidence is a ∪
	if c := r.OmegaM.Ranks; float64(c.Counts[0]) < c.High || float64(c.Counts[4]) > c.Expected {
		t.Errorf("ranks %v, expected within %g to %g", c.Counts, c.Low, c.High)
	}
	if low, high := r.TARP.Coverage[2], r.TARP.Coverage[18]; low.Value < 0.15 || high.Value > 0.85 {
		t.Errorf("TARP's curve is %g at 0.1 and %g at 0.9, want it flatter than the diagonal",
			low.Value, high.Value)
	}
}

// TestBootstrapKnowsSimulations: twins tell no more than one map. The interval is that of the
// binomial for the simulations, √2 wider than for the maps.
func TestBootstrapKnowsSimulations(t *testing.T) {
	const simulations = 400
	rng := rand.New(rand.NewPCG(1, 1))
	var numbers [][]float64
	var at []int
	for s := range simulations {
		hit := indicator(rng.Float64() < 0.68)
		numbers, at = append(numbers, []float64{hit}, []float64{hit}), append(at, s, s)
	}
	i := newBootstrap(numbers, at, 2000, rng).interval(0)
	want := 2 * 1.96 * math.Sqrt(i.Value*(1-i.Value)/simulations)
	// 2000 replicates know 2.5 % quantiles to 5 %, and values are multiples of 1/400
	if got := i.High - i.Low; math.Abs(got/want-1) > 0.08 {
		t.Errorf("interval %g wide, want %g", got, want)
	}
}

// TestRanksUnderTheNull: of uniform values, alike within simulations, one in twenty has p < 0.05;
// the histogram's band holds 95 % of the bins.
func TestRanksUnderTheNull(t *testing.T) {
	const trials, simulations, maps = 150, 80, 3
	c := Config{Replicates: 80, Bins: 10, Levels: 2}
	rng := rand.New(rand.NewPCG(4, 4))
	low, outside := 0, 0
	for range trials {
		var values []float64
		var at []int
		for s := range simulations {
			v := rng.Float64()
			for range maps {
				values, at = append(values, math.Mod(v+0.05*rng.Float64(), 1)), append(at, s)
			}
		}
		r := newRanks(values, at, c, rng)
		low += int(indicator(r.P < 0.05))
		for _, n := range r.Counts {
			outside += int(indicator(float64(n) < r.Low || float64(n) > r.High))
		}
	}
	// 7.5 ± 2.7 trials are expected, and 5 % ± 0.6 % of 1500 bins; the design effect is estimated,
	// which is worth a few more.
	if low > 16 || low < 1 {
		t.Errorf("p < 0.05 in %d of %d trials", low, trials)
	}
	if share := float64(outside) / (trials * 10); share > 0.08 || share < 0.02 {
		t.Errorf("%.3f of the bins are outside the band", share)
	}
}

// TestOrderDoesNotMatter: maps may come in any order, and simulations have any numbers.
func TestOrderDoesNotMatter(t *testing.T) {
	std := [2]float64{0.1, 0.1}
	scores, err := ScoreAll(toy{std: std, reported: calibrated(std)}.cases(t, 10, 2, 1), prior, 1)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Summarise(scores, DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	for i, j := 0, len(scores)-1; i < j; i, j = i+1, j-1 {
		scores[i], scores[j] = scores[j], scores[i]
	}
	got, err := Summarise(scores, DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	// Sums of two maps in either order are the same to rounding, which a quantile hands on.
	if math.Abs(got.OmegaM.AbsZ.High-want.OmegaM.AbsZ.High) > 1e-12 ||
		got.OmegaM.Coverage68 != want.OmegaM.Coverage68 {
		t.Errorf("%+v, in another order %+v", want.OmegaM, got.OmegaM)
	}
}

func TestSummariseRefuses(t *testing.T) {
	if _, err := Summarise(make([]MapScore, 5), DefaultConfig()); err == nil {
		t.Error("maps of one simulation were accepted")
	}
	if _, err := Summarise(nil, DefaultConfig()); err == nil {
		t.Error("no scores were accepted")
	}
	if err := (Config{}).Validate(); err == nil {
		t.Error("an empty Config was accepted")
	}
}
