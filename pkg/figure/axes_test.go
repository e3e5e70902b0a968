package figure

import (
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"pgregory.net/rapid"

	"darkfield/pkg/summary"
)

func labels(ticks []plot.Tick) string {
	var out []string
	for _, t := range ticks {
		if t.Label != "" {
			out = append(out, t.Label)
		}
	}
	return strings.Join(out, " ")
}

func TestTickLabels(t *testing.T) {
	for _, c := range []struct {
		got  []plot.Tick
		want string
	}{
		{linearTicks(0, 3), "0 1 2 3"},
		{linearTicks(-0.25, 0.25), "−0.2 −0.1 0.0 0.1 0.2"},
		{linearTicks(9.5, 13.1), "10 11 12 13"},
		{linearTicks(0.72, 0.92), "0.75 0.80 0.85 0.90"},
		{logTicks(math.Log10(0.25), math.Log10(12)), "0.5 1 2 5 10"},
		{logTicks(-5, 3), "10^{−4} 0.01 1 100"},
		{logTicks(math.Log10(0.8), math.Log10(1.3)), "0.8 0.9 1.0 1.1 1.2 1.3"},
		{wideTicks(math.Asinh(-5), math.Asinh(1e6)), "0 10 1000 10^{5}"},
	} {
		if got := labels(c.got); got != c.want {
			t.Errorf("ticks = %q, want %q", got, c.want)
		}
	}
}

// TestTicksAreFew: whatever the range, there are labels, not too many, all within the axis and
// rising.
func TestTicksAreFew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(-20, 20).Draw(t, "low")
		high := low + math.Pow(10, rapid.Float64Range(-2, 1.3).Draw(t, "log span"))
		for name, ticks := range map[string][]plot.Tick{
			"linear": linearTicks(low, high),
			"log":    logTicks(low, high),
		} {
			n := 0
			for _, k := range ticks {
				if k.Label != "" {
					n++
				}
				if k.Value < low-1e-6*(high-low) || k.Value > high+1e-6*(high-low) {
					t.Fatalf("%s tick %v outside [%g, %g]", name, k, low, high)
				}
			}
			if n < 1 || n > 12 {
				t.Fatalf("%s: %d labels over [%g, %g]", name, n, low, high)
			}
		}
	})
}

// TestColors: brightness rises along the map's colours, so that a grey print keeps the order of
// densities.
func TestColors(t *testing.T) {
	last := -1.0
	for i := range 101 {
		c := cubehelix(float64(i) / 100)
		grey := 0.30*float64(c.R) + 0.59*float64(c.G) + 0.11*float64(c.B)
		if grey < last-1 { // one level of rounding and clipping
			t.Fatalf("brightness falls from %.1f to %.1f at %d %%", last, grey, i)
		}
		last = grey
	}
	if c := cubehelix(0); c.R+c.G+c.B != 0 {
		t.Errorf("the scale starts at %v, want black", c)
	}
	if c := cubehelix(1); c.R != 255 || c.G != 255 || c.B != 255 {
		t.Errorf("the scale ends at %v, want white", c)
	}
}

// TestBins: the fractions of all bins and of what lies outside add up to one, in shared bins for
// all sets.
func TestBins(t *testing.T) {
	for _, scale := range []float64{1, 1000} {
		r := syntheticChi2(scale)
		edges, _ := chi2Bins(r)
		for _, values := range [][]float64{r.LeaveOneOut, r.Generated14, r.Generated15} {
			inside, sum := 0, 0.0
			for _, v := range values {
				if v >= edges[0] && v < edges[len(edges)-1] {
					inside++
				}
			}
			for _, f := range fractionsOf(values, edges) {
				sum += f
			}
			if want := float64(inside) / float64(len(values)); math.Abs(sum-want) > 1e-9 {
				t.Errorf("fractions add up to %g, want %g", sum, want)
			}
		}
	}
}

// TestGlyphs: what a font lacks is not drawn but leaves a gap further on, so captions may hold
// only what it has.
func TestGlyphs(t *testing.T) {
	face := handler.fonts.Lookup(textStyle(noteSize).Font, noteSize)
	texts := []string{"Ω_m σ_8 χ² Δ Σ − ± × ³"}
	for c := summary.SumNormalised; c <= summary.Contrast; c++ {
		texts = append(texts, c.String())
	}
	for _, text := range texts {
		for _, r := range text {
			if i, err := face.Face.GlyphIndex(nil, r); err != nil || i == 0 {
				t.Errorf("the font of the figures has no %q (in %q)", r, text)
			}
		}
	}
}

func TestRuns(t *testing.T) {
	got := runs("log_{10} k^{2}P_{fid} open_{x")
	want := []run{
		{"log", 1, 0},
		{"10", scriptScale, subDrop},
		{" k", 1, 0},
		{"2", scriptScale, superRaise},
		{"P", 1, 0},
		{"fid", scriptScale, subDrop},
		{" open_{x", 1, 0},
	}
	if len(got) != len(want) {
		t.Fatalf("runs = %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("run %d = %v, want %v", i, got[i], want[i])
		}
	}
}

func TestBrief(t *testing.T) {
	for v, want := range map[float64]string{
		1.234: "1.23", -0.5: "−0.50", 12.34: "12.3", 123.4: "123",
		32100: "3.2×10^{4}", 1e6: "1×10^{6}", 0: "0.00", 1e-5: "1×10^{−5}", math.Inf(1): "+∞",
	} {
		if got := brief(v); got != want {
			t.Errorf("brief(%g) = %q, want %q", v, got, want)
		}
	}
	if brief(math.NaN()) != "NaN" {
		t.Error("NaN must be called so")
	}
}
