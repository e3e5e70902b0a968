package evaluate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/heldout/whitenoise"
)

// exactResponse is P/P_fid of the test universe.
func exactResponse(p cosmology.Params) float64 {
	relative := func(p cosmology.Params) float64 {
		return whitenoise.Deviation(p) /
			whitenoise.Mean(p)
	}
	return math.Pow(relative(p)/relative(cosmology.Fiducial), 2)
}

// TestResponses: with common phases both responses are exact, and rows belong together by their
// parameters.
func TestResponses(t *testing.T) {
	set := whitenoise.ResponseSet(t, 4)
	s, _ := withControl(t, &whitenoise.Counted{Stretch: 1})
	cfg := smallConfig()
	r, err := s.Responses(ctx, cfg, set)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Moved) != 4 || r.Realisations != 4 || r.Maps != cfg.OnePSeeds ||
		r.Fiducial != cosmology.Fiducial {
		t.Fatalf("%d values, %d realisations, %d maps around %v", len(r.Moved), r.Realisations,
			r.Maps, r.Fiducial)
	}
	for _, m := range r.Moved {
		want := exactResponse(m.Params)
		for i := range r.K {
			// The sum of a map, by which its spectrum is divided, fluctuates by 0.1/(11·16).
			if math.Abs(m.True[i]/want-1) > 3e-3 || math.Abs(m.Generated[i]/want-1) > 3e-3 ||
				m.TrueError[i] > 1e-2*want || m.QuotientError[i] > 1e-2 {
				t.Errorf("%v, bin %d: true %g ± %g, generated %g, want %g", m.Params, i, m.True[i],
					m.TrueError[i], m.Generated[i], want)
			}
			if q := m.Generated[i] / m.True[i]; q != m.Quotient[i] {
				t.Errorf("quotient %g, want %g", m.Quotient[i], q)
			}
		}
	}
	whitenoise.CheckCSV(t, r.WriteCSV, 4*len(r.K))
}

// TestFitOfTrainingSimulations: a fit to enough training simulations finds the response, with
// an error that covers how far it is off.
func TestFitOfTrainingSimulations(t *testing.T) {
	dir := t.TempDir()
	params := whitenoise.Spread(fewestFitted)
	whitenoise.WriteSet(t, dir, camels.LH, whitenoise.Cells, params, false)
	s := open(t, dir, &whitenoise.Counted{Stretch: 1})
	s.Train = nil
	for sim := range params {
		s.Train = append(s.Train, sim)
	}
	r, err := s.Responses(ctx, smallConfig(), whitenoise.ResponseSet(t, 4))
	if err != nil {
		t.Fatal(err)
	}
	if r.Trained != len(params) {
		t.Errorf("%d training simulations, want %d", r.Trained, len(params))
	}
	sum, n := 0.0, 0
	for _, m := range r.Moved {
		for i := range r.K {
			z := (m.Fit[i] - exactResponse(m.Params)) / m.FitError[i]
			sum, n = sum+z*z, n+1
			if relative := m.FitError[i] / m.Fit[i]; !(relative > 0 && relative < 0.3) {
				t.Errorf("%v, bin %d: error of %g", m.Params, i, relative)
			}
		}
	}
	if rms := math.Sqrt(sum / float64(n)); !(rms > 0.5 && rms < 1.6) {
		t.Errorf("deviations of %.2f standard errors, want about 1", rms)
	}
}

// TestOneRoundHasNoError: a single realisation is compared, but says nothing of its scatter.
func TestOneRoundHasNoError(t *testing.T) {
	s, _ := withControl(t, &whitenoise.Counted{Stretch: 1})
	r, err := s.Responses(ctx, smallConfig(), whitenoise.ResponseSet(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	if m := r.Moved[0]; !math.IsNaN(m.TrueError[2]) || !math.IsNaN(m.QuotientError[2]) ||
		math.IsNaN(m.GeneratedError[2]) {
		t.Errorf("errors %g, %g, %g of one realisation", m.TrueError[2], m.QuotientError[2],
			m.GeneratedError[2])
	}
}

// TestPowerRatioError: the bootstrap finds the scatter of a ratio of means of independent curves.
func TestPowerRatioError(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const n, scatter = 400, 0.1
	moved, fiducial := make([][]float64, n), make([][]float64, n)
	for i := range n {
		moved[i], fiducial[i] = []float64{2 + 2*scatter*rng.NormFloat64()},
			[]float64{1 + scatter*rng.NormFloat64()}
	}
	ratio, again := powerRatio(moved, fiducial, rng)
	mean, variance := 0.0, 0.0
	for _, a := range again {
		mean += a[0] / float64(len(again))
	}
	for _, a := range again {
		variance += (a[0] - mean) * (a[0] - mean) / float64(len(again))
	}
	want := 2 * scatter * math.Sqrt(2.0/n)
	if math.Abs(ratio[0]-2) > 5*want || math.Abs(math.Sqrt(variance)/want-1) > 0.15 {
		t.Errorf("ratio %g ± %g, want 2 ± %g", ratio[0], math.Sqrt(variance), want)
	}
}

// TestJointTestOfResponses: boxes and maps with the same response give chances that are uniform
// from draw to draw, whatever the correlations of bins; a response that is 3 % off is found.
func TestJointTestOfResponses(t *testing.T) {
	const realisations, maps, draws = 60, 200, 150
	rng := rand.New(rand.NewPCG(5, 6))
	// spectra of four bins at three values that share phases, and have some of their own
	draw := func(n int, response float64) [][][]float64 {
		out := make([][][]float64, 3)
		for range n {
			phases := [4]float64{}
			shared := rng.NormFloat64()
			for k := range phases {
				phases[k] = 0.3*rng.NormFloat64() + 0.1*shared
			}
			for i := range out {
				spectrum := make([]float64, 4)
				for k := range spectrum {
					spectrum[k] = (1 + phases[k]) * (1 + 0.03*rng.NormFloat64())
					if i == 1 {
						spectrum[k] *= response
					}
				}
				out[i] = append(out[i], spectrum)
			}
		}
		return out
	}
	chance := func(off float64) float64 {
		truth, generated := draw(realisations, 2), draw(maps, 2*off)
		r := Responses{K: make([]float64, 4), Moved: make([]MovedResponse, 2)}
		for i := range r.Moved {
			r.Moved[i].fill(truth[0], truth[1+i], generated[0], generated[1+i], rng)
		}
		return r.joint(truth, generated).P
	}
	var chances []float64
	for range draws {
		chances = append(chances, chance(1))
	}
	uniform := make([]float64, draws)
	for i := range uniform {
		uniform[i] = (float64(i) + 0.5) / draws
	}
	slices.Sort(chances)
	// the 99.9 % quantile of Kolmogorov's statistic of so many draws is 1.95/√n
	if d := stat.KolmogorovSmirnov(chances, nil, uniform, nil); d > 1.95/math.Sqrt(draws) {
		t.Errorf("chances of equal responses are not uniform: D = %.3f", d)
	}
	if p := chance(1.03); !(p < 1e-4) {
		t.Errorf("a response that is 3 %% off has the chance %g", p)
	}
}
