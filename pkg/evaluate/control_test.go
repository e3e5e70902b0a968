package evaluate

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"darkfield/pkg/camels"
	"darkfield/pkg/heldout/whitenoise"
)

// withControl returns an emulator beside 24 simulations, and a control.
func withControl(t *testing.T, emulator *whitenoise.Counted) (Emulator, *camels.Maps) {
	t.Helper()
	data, control := whitenoise.WithControl(t)
	return of(t, data, emulator), control
}

// TestControl: a perfect emulator scores as the control does; one that stretches its maps by a
// tenth shows it in every number.
func TestControl(t *testing.T) {
	for _, stretch := range []float64{1, 1.1} {
		s, control := withControl(t, &whitenoise.Counted{Stretch: stretch})
		cfg := smallConfig()
		cfg.ValidationParams, cfg.MapsPerParam = 12, 30
		c, err := s.Control(ctx, cfg, control)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Rows) != 12 || c.Rows[0].Universes != 2 || c.References != 15 ||
			len(c.LeaveOneOut) != 12*15 {
			t.Fatalf("%d rows, %d universes, %d references, %d left out", len(c.Rows), c.Rows[0].Universes,
				c.References, len(c.LeaveOneOut))
		}
		if stretch == 1 && math.Abs(c.Ratio-1) > 4*c.RatioError || stretch > 1 &&
			c.Ratio-1 < 4*c.RatioError || c.RatioError > 0.1*c.Ratio {
			t.Errorf("stretch %g: chi² %.3f ± %.3f times the control's", stretch, c.Ratio, c.RatioError)
		}
		for i, k := range c.K {
			if d := c.LogPower.Mean[i]/(stretch*stretch) - 1; math.Abs(d) > 5*c.LogPower.Std[i] {
				t.Errorf("stretch %g: spectra of log fields at k = %.2f are %.3f ± %.3f of the control's",
					stretch, k, c.LogPower.Mean[i], c.LogPower.Std[i])
			}
		}
		if len(c.Shapes) != 8 {
			t.Fatalf("%d statistics of shape, want peaks and three functionals of two fields", len(c.Shapes))
		}
		for _, shape := range c.Shapes {
			if stretch == 1 && math.Abs(shape.Ratio-1) > 4*shape.Error {
				t.Errorf("%s of the %s: z² %.3f ± %.3f times the control's, want 1", shape.Statistic,
					shape.Field, shape.Ratio, shape.Error)
			}
			// Thresholds are those of the true maps, of which wider maps have more above; peaks are few.
			if stretch > 1 && shape.Field == LogField && shape.Statistic != Peaks &&
				shape.Ratio-1 < 4*shape.Error {
				t.Errorf("%s of the %s, maps too wide: z² %.3f ± %.3f times the control's, want more",
					shape.Statistic, shape.Field, shape.Ratio, shape.Error)
			}
		}
		for _, r := range c.Rows {
			sd := whitenoise.Deviation(r.Params)
			// 30·256 pixels each: 4 standard errors of the difference of two means and of two standard
			// deviations.
			if d := r.GeneratedPixels.LogMean - r.ControlPixels.LogMean; math.Abs(d) > 4*sd*math.Sqrt(
				2.0/7680)*stretch {
				t.Errorf("stretch %g, %v: means differ by %g", stretch, r.Params, d)
			}
			if d := r.GeneratedPixels.LogDeviation/r.ControlPixels.LogDeviation - stretch; math.Abs(d) >
				4*stretch/math.Sqrt(7680) {
				t.Errorf("stretch %g, %v: standard deviations differ by %g", stretch, r.Params, d)
			}
			// The 99.9 % quantile of a normal distribution lies 3.09 deviations up; 7680 values know it to
			// 0.12 of one.
			if z := (r.GeneratedPixels.Quantile - whitenoise.Mean(r.Params)) / sd; math.Abs(z-3.09*stretch) >
				5*0.12*stretch {
				t.Errorf("stretch %g, %v: 99.9 %% quantile at %g deviations", stretch, r.Params, z)
			}
		}
		if text := c.String(); !strings.Contains(text, "generated / control") {
			t.Errorf("table %q", text)
		}
		whitenoise.CheckCSV(t, c.WriteCSV, 12*5+6*len(c.K)+2*8)
	}
}

// TestControlOfStrangers: a control of other parameters is refused with the remedy.
func TestControlOfStrangers(t *testing.T) {
	s, _ := withControl(t, &whitenoise.Counted{Stretch: 1})
	other := t.TempDir()
	whitenoise.WriteSet(t, other, camels.LH, whitenoise.Cells, whitenoise.Spread(7), false)
	strangers, err := camels.Open(other)
	if err != nil {
		t.Fatal(err)
	}
	defer strangers.Close()
	if _, err := s.Control(ctx, smallConfig(), strangers.Sets[camels.LH]); err == nil ||
		!strings.Contains(err.Error(), "simulate control") {
		t.Errorf("error %v, want it to name the remedy", err)
	}
}

// TestRelativeVariance: curves that share a part with others of their group have the variance of
// curves that share none, on average; a factor on all curves changes nothing.
func TestRelativeVariance(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const draws, groups, each = 2000, 5, 15
	const between, within, mean = 0.2, 0.3, 4.0
	sum := 0.0
	for range draws {
		var curves, doubled [][]float64
		for range groups {
			shared := between * rng.NormFloat64()
			for range each {
				v := mean * (1 + shared + within*rng.NormFloat64())
				curves, doubled = append(curves, []float64{v}), append(doubled, []float64{2 * v})
			}
		}
		got := relativeVariance(curves, each)[0]
		if again := relativeVariance(doubled, each)[0]; math.Abs(again/got-1) > 1e-9 {
			t.Fatalf("%g, of doubled curves %g", got, again)
		}
		sum += got
	}
	// The mean that is divided by scatters by 0.1, whose square is a further 3 % of 1/mean².
	want := (between*between + within*within) *
		(1 + 3*(between*between/groups+within*within/groups/each))
	if got := sum / draws; math.Abs(got/want-1) > 0.04 {
		t.Errorf("variance %g, want %g", got, want)
	}
}
