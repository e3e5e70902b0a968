package figure

import (
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot"
)

// scale is how data values are placed along an axis: the axis itself is linear in place(value).
type scale struct {
	place func(float64) float64
	ticks func(low, high float64) []plot.Tick // between two places
}

var (
	linear      = scale{func(v float64) float64 { return v }, linearTicks}
	logarithmic = scale{safeLog10, logTicks}
	// wide is linear around 0 and logarithmic far from it: for scores that may be anything.
	wide = scale{math.Asinh, wideTicks}
)

// safeLog10 is NaN, which no plotter draws, where there is no logarithm.
func safeLog10(v float64) float64 {
	if !(v > 0) {
		return math.NaN()
	}
	return math.Log10(v)
}

// linearTicks returns labelled ticks at about five multiples of 1, 2, 2.5 or 5 times a power of
// ten.
func linearTicks(low, high float64) []plot.Tick {
	step := niceStep(high-low, 5)
	decimals := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	if s := step * math.Pow(10, float64(decimals)); math.Abs(s-math.Round(s)) > 1e-6 {
		decimals++ // 2.5
	}
	var out []plot.Tick
	for i := math.Ceil(low/step - 1e-9); i*step <= high+1e-9*step; i++ {
		v := i * step
		out = append(out, plot.Tick{Value: v, Label: number(v, decimals)})
		if half := v + step/2; half < high {
			out = append(out, plot.Tick{Value: half})
		}
	}
	return out
}

func niceStep(span float64, n int) float64 {
	raw := span / float64(n)
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if raw <= m*unit*1.0001 {
			return m * unit
		}
	}
	return 10 * unit
}

// number prints v with a real minus sign, and as a power of ten where digits would be many.
func number(v float64, decimals int) string {
	if a := math.Abs(v); a >= 1e5 || a > 0 && decimals > 5 {
		return scientific(v)
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Trim(s, "-0.") == "" {
		s = strings.TrimPrefix(s, "-") // no minus zero
	}
	return strings.ReplaceAll(s, "-", "−")
}

// scientific prints v as 3.2×10^{4}.
func scientific(v float64) string {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', 1, 64), "e")
	e, _ := strconv.Atoi(exponent)
	return strings.ReplaceAll(strings.TrimSuffix(mantissa, ".0")+"×10^{"+strconv.Itoa(e)+"}", "-", "−")
}

// brief prints v in running text: three digits, or a power of ten where it is large or small.
func brief(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 0):
		return strings.ReplaceAll(strconv.FormatFloat(v, 'f', 0, 64), "Inf", "∞")
	case a >= 1e4 || a > 0 && a < 1e-3:
		return scientific(v)
	case a >= 100:
		return number(v, 0)
	case a >= 10:
		return number(v, 1)
	}
	return number(v, 2)
}

// logTicks returns ticks for log10 values from low to high: decades where there are many, 1-2-5
// where there are few, and linear ones within less than half a decade.
func logTicks(low, high float64) []plot.Tick {
	if high-low < 0.5 {
		var out []plot.Tick
		for _, t := range linearTicks(math.Pow(10, low), math.Pow(10, high)) {
			out = append(out, plot.Tick{Value: math.Log10(t.Value), Label: t.Label})
		}
		return out
	}
	labelled := func(digit int) bool {
		return digit == 1 || high-low < 2.3 && (digit == 2 || digit == 5) || high-low < 1.1 &&
			(digit == 3 || digit == 7)
	}
	every := max(1, int(math.Ceil((high-low)/6)))
	var out []plot.Tick
	for e := int(math.Floor(low)); e <= int(math.Ceil(high)); e++ {
		for digit := 1; digit <= 9; digit++ {
			at := float64(e) + math.Log10(float64(digit))
			if at < low-1e-9 || at > high+1e-9 {
				continue
			}
			t := plot.Tick{Value: at}
			if labelled(digit) && e%every == 0 {
				t.Label = power(digit, e)
			}
			if digit == 1 || every == 1 {
				out = append(out, t)
			}
		}
	}
	return out
}

// power prints digit·10^e, plainly where that is short.
func power(digit, e int) string {
	if e >= -2 && e <= 3 {
		return number(float64(digit)*math.Pow(10, float64(e)), max(0, -e))
	}
	if digit == 1 {
		return strings.ReplaceAll("10^{"+strconv.Itoa(e)+"}", "-", "−")
	}
	return strings.ReplaceAll(strconv.Itoa(digit)+"×10^{"+strconv.Itoa(e)+"}", "-", "−")
}

// wideTicks labels 0 and powers of ten from 10 on, on both sides, for places asinh(v).
func wideTicks(low, high float64) []plot.Tick {
	out := []plot.Tick{{Value: 0, Label: "0"}}
	decades := int(math.Log10(math.Sinh(math.Max(math.Abs(low), math.Abs(high)))) + 1e-9)
	every := max(1, (decades+3)/4)
	for e := 0; e <= decades; e++ {
		for _, sign := range []float64{-1, 1} {
			v := sign * math.Pow(10, float64(e))
			t := plot.Tick{Value: math.Asinh(v)}
			if t.Value < low || t.Value > high {
				continue
			}
			if e > 0 && (e-1)%every == 0 {
				t.Label = power(1, e)
				if sign < 0 {
					t.Label = "−" + t.Label
				}
			}
			out = append(out, t)
		}
	}
	return out
}

// finite returns the finite ones of values, sorted.
func finite(values ...[]float64) []float64 {
	var out []float64
	for _, v := range slices.Concat(values...) {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

// quantile returns the p-quantile of sorted values, or NaN of none.
func quantile(p float64, sorted []float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return stat.Quantile(p, stat.Empirical, sorted, nil)
}

// positive returns the positive ones of sorted values.
func positive(sorted []float64) []float64 {
	return sorted[sort.Search(len(sorted), func(i int) bool { return sorted[i] > 0 }):]
}
