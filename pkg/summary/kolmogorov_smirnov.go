package summary

import (
	"fmt"
	"math"
	"slices"
)

// KolmogorovSmirnov is the result of a one-sided two-sample Kolmogorov–Smirnov test.
type KolmogorovSmirnov struct {
	// D is the largest excess of the first distribution function over the second; 0 where it is
	// nowhere above.
	D float64 `json:"d"`
	P float64 `json:"p"` // p-value: chance of at least D where both samples have one distribution
}

// OneSidedKolmogorovSmirnov tests whether the values of a tend to be smaller than those of b: then
// P is low. Where they tend to be larger, P is near 1.
//
//   - D: max over x of F_a(x) − F_b(x), the empirical distribution functions.
//   - P: exp(−2 D² nm/(n + m)), the limit for large samples; for 200 and 200 values it is right
//     to 1 % down to p = 0.01.
//   - Errors: panics on an empty sample or a NaN.
//   - Source: Smirnov (1939); Hodges (1958), "The significance probability of the Smirnov
//     two-sample test", Ark. Mat. 3, 469.
func OneSidedKolmogorovSmirnov(a, b []float64) KolmogorovSmirnov {
	if len(a) == 0 || len(b) == 0 {
		panic(fmt.Sprintf("summary: OneSidedKolmogorovSmirnov of %d and %d values", len(a), len(b)))
	}
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	if math.IsNaN(a[0]) || math.IsNaN(b[0]) { // NaN is sorted to the front
		panic("summary: OneSidedKolmogorovSmirnov of NaN")
	}
	n, m := float64(len(a)), float64(len(b))
	var out KolmogorovSmirnov
	j := 0
	for i, x := range a {
		for j < len(b) && b[j] <= x {
			j++
		}
		if i+1 == len(a) || a[i+1] != x { // of equal values all count
			out.D = max(out.D, float64(i+1)/n-float64(j)/m)
		}
	}
	out.P = math.Exp(-2 * out.D * out.D * n * m / (n + m))
	return out
}
