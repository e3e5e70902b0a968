package evaluate

import (
	"math"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/field"
	"darkfield/pkg/heldout/whitenoise"
	"darkfield/pkg/summary"
)

// TestNonGaussian: in a universe of white noise with a perfect emulator, the curves have closed
// forms and generated maps score as true ones left out; of one that stretches its log maps by a
// tenth, the area above thresholds tells, and the bispectrum, which is 0, does not.
func TestNonGaussian(t *testing.T) {
	for _, stretch := range []float64{1, 1.1} {
		s, _ := withControl(t, &whitenoise.Counted{Stretch: stretch})
		cfg := smallConfig()
		cfg.ValidationParams, cfg.MapsPerParam = 12, 30
		b, err := s.NonGaussian(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Statistics) != 14 || len(b.Of(LogField)) != 7 || len(b.Of(DensityField)) != 7 {
			t.Fatalf("%d statistics", len(b.Statistics))
		}
		points := 0
		for _, v := range b.Statistics {
			points += len(v.X)
			if len(v.Rows) != 12 || v.Rows[3].Generated.N != 30 || v.Rows[3].True.N != 15 {
				t.Errorf("%s of the %s: %d rows, the fourth %+v", v.Statistic, v.Field, len(v.Rows), v.Rows[3])
			}
			// The stretch of a white field does not change its power's shape, nor the bispectrum and
			// the skewness of a symmetric one.
			unseen := stretch == 1 || v.Field == LogField && slices.Contains(
				[]string{Equilateral, Squeezed, Skewness}, v.Statistic)
			if unseen && math.Abs(v.Ratio-1) > 4*v.RatioError {
				t.Errorf("stretch %g, %s of the %s: z² is %.3f ± %.3f times that of true maps", stretch,
					v.Statistic, v.Field, v.Ratio, v.RatioError)
			}
			if v.Statistic == ExcursionArea && stretch > 1 && v.Ratio < 1+4*v.RatioError {
				t.Errorf("a stretched area above thresholds scores %.3f ± %.3f times true maps", v.Ratio,
					v.RatioError)
			}
		}
		checkWhiteNoise(t, b.Of(LogField), stretch)
		if rows := b.Cells(); len(rows) != 14 || len(rows[0]) != len(NonGaussianHeader()) {
			t.Errorf("table %q", rows)
		}
		whitenoise.CheckCSV(t, b.WriteCSV, 12*(2*points+14))
	}
}

// checkWhiteNoise compares with closed forms: the area above ν is erfc(ν/√2)/2, a pixel in 9 is a
// peak, and there is no bispectrum.
func checkWhiteNoise(t *testing.T, of []NonGaussianStatistic, stretch float64) {
	t.Helper()
	at := func(name string) NonGaussianStatistic {
		return of[slices.IndexFunc(of, func(s NonGaussianStatistic) bool { return s.Statistic == name })]
	}
	area := at(ExcursionArea)
	mean, _ := area.Curve(GeneratedMaps)
	for i, nu := range area.X {
		want := math.Erfc(nu/stretch/math.Sqrt2) / 2
		// 12·30·256 pixels made, and thresholds from 12·15·256 true ones: binomial errors of both,
		// which are largest at ν = 0.
		if math.Abs(mean[i]-want) > 4*0.5*math.Sqrt(1.0/(12*30*256)+1.0/(12*15*256))*stretch {
			t.Errorf("V0(%g) = %g, want %g", nu, mean[i], want)
		}
	}
	peaks := at(Peaks)
	mean, _ = peaks.Curve(TrueMaps)
	sum := 0.0
	for _, v := range mean {
		sum += v * peakStep * 625
	}
	// The highest of 9 lies outside the bins, −1 to 4, with a chance of 3e-4; the number scatters by
	// √(0.0251·256) a map.
	if want := 256.0 / 9; math.Abs(sum-want) > 4*math.Sqrt(0.0251*256/(12*15))+3e-4*want {
		t.Errorf("%g peaks a map, want %g", sum, want)
	}
	for _, name := range []string{Equilateral, Skewness} {
		mean, std := at(name).Curve(TrueMaps)
		for i, v := range mean {
			if e := std[i] / math.Sqrt(12*15); !(math.Abs(v) <= 5*e) {
				t.Errorf("%s = %g ± %g of Gaussian noise", name, v, e)
			}
		}
	}
	if offset, e := area.Offset(GeneratedMaps); stretch == 1 {
		for i, o := range offset {
			if math.Abs(o) > 5*e[i] {
				t.Errorf("V0(%g) of a perfect emulator is %g ± %g deviations off", area.X[i], o, e[i])
			}
		}
	}
}

// TestMeanZ2: the ratio is that of the means over parameters; too small maps are refused.
func TestMeanZ2(t *testing.T) {
	s, _ := withControl(t, &whitenoise.Counted{Stretch: 1})
	cfg := smallConfig()
	b, err := s.NonGaussian(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	v := b.Statistics[1]
	generated, leftOut := v.Z2()
	if len(v.Rows) != cfg.ValidationParams || math.Abs(v.Ratio-generated/leftOut) > 1e-12 {
		t.Errorf("%d rows, z² %g and %g, ratio %g", len(v.Rows), generated, leftOut, v.Ratio)
	}
	s.Box.Cells = 4
	if _, err := s.NonGaussian(ctx, cfg); err == nil || !strings.Contains(err.Error(), "at least 7") {
		t.Errorf("error %v, want one that names the least side", err)
	}
}

// TestScoredPoints: z² is that of the scored points alone, by hand; a point where true maps take
// four values is not scored.
func TestScoredPoints(t *testing.T) {
	truth := [][]float64{{1, 0}, {2, 0}, {3, 1}, {4, 2}, {5, 3}} // mean 3, variance 2.5
	var r NonGaussianRow
	r.fill(truth, [][]float64{{3, 100}, {8, 100}})
	if !slices.Equal(r.Scored, []bool{true, false}) {
		t.Errorf("scored %v", r.Scored)
	}
	if got, want := r.GeneratedZ2, (0+25/2.5)/2; math.Abs(got-want) > 1e-12 {
		t.Errorf("z² %g of generated maps, want %g", got, want)
	}
	b := NonGaussianStatistic{X: []float64{0, 1}, Rows: []NonGaussianRow{r}}
	if offset, e := b.Offset(GeneratedMaps); math.Abs(offset[0]-2.5/math.Sqrt(2.5)) > 1e-12 ||
		math.Abs(offset[1]-98.8/math.Sqrt(1.7)) > 1e-12 || !math.IsNaN(e[0]) {
		t.Errorf("offset %v ± %v", offset, e)
	}
	other := r
	other.True.Std, other.Generated.Mean = []float64{math.Sqrt(7.5), 0}, []float64{3.5, 1.2}
	// offsets 2.5 and 0.5, variances 2.5 and 7.5: 1.5 ± 1 in units of √5
	b.Rows = append(b.Rows, other)
	if offset, e := b.Offset(GeneratedMaps); math.Abs(offset[0]-1.5/math.Sqrt(5)) > 1e-12 ||
		math.Abs(e[0]-1/math.Sqrt(5)) > 1e-12 {
		t.Errorf("offset %v ± %v", offset, e)
	}
}

// TestDensityLevels: quantiles of 1 + δ leave the area of a Gaussian field above them.
func TestDensityLevels(t *testing.T) {
	v := densityView()
	truth := []field.LogMap{whitenoise.Map(whitenoise.Spread(1)[0], whitenoise.Box(64), 1, 0)}
	area := summary.MinkowskiOf(v.values(truth[0]), truth[0].Box, v.levels(truth, v.thresholds)).Area
	for i, nu := range v.thresholds {
		// a step of the quantile, and two equal pixels
		if want := math.Erfc(nu/math.Sqrt2) / 2; math.Abs(area[i]-want) > 2.0/4096 {
			t.Errorf("ν = %g: %g of the map lies above, want %g", nu, area[i], want)
		}
	}
}
