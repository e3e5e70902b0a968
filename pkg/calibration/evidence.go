package calibration

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/integrate/quad"
)

// Gauss and Legendre's rule on [−1, 1], for each of the two integrals.
var ruleX, ruleW = func() (x, w []float64) {
	const n = 24
	x, w = make([]float64, n), make([]float64, n)
	quad.Legendre{}.FixedLocations(x, w, -1, 1)
	return x, w
}()

// reachOfRule is how many standard deviations are integrated on each side: 1e-10 of a Gaussian
// lies beyond, so that there is room for tails heavier than that.
const reachOfRule = 6.5

// lnEvidence returns ln of the mean of L' over the prior. The rule's nodes follow the quadratic:
// in Ω_m where its least over σ_8 is probable, in σ_8 where it is for that Ω_m; so that ridges,
// and what the prior's edges leave of a peak, are as well resolved as a round peak is.
func (l landscape) lnEvidence(m affine) float64 {
	q := m.quadratic(l.q)
	low, high := q.profileRange()
	logs, ws := make([]float64, 0, len(ruleX)*len(ruleX)), make([]float64, 0, len(ruleX)*len(ruleX))
	var line []float64
	for i, t := range ruleX {
		x0 := (low + high + t*(high-low)) / 2
		bottom, top := q.conditionalRange(x0)
		line = l.line(m.source([2]float64{x0, 0})[0], line)
		for j, s := range ruleX {
			x := [2]float64{x0, (bottom + top + s*(top-bottom)) / 2}
			source := m.source(x)
			logs = append(logs,
				l.units.logJacobian(x)-(l.q.at(source)+along(l.x[1], line, source[1]))/m.temperature)
			ws = append(ws, ruleW[i]*ruleW[j]*(high-low)*(top-bottom)/4)
		}
	}
	most := floats.Max(logs)
	total := 0.0
	for k, v := range logs {
		total += ws[k] * math.Exp(v-most)
	}
	return most + math.Log(total)
}

// conditional returns mean and standard deviation of σ_8 at a value of Ω_m, without the prior.
func (q quadratic) conditional(x0 float64) (mean, std float64) {
	return q.vertex[1] - q.h[0][1]/q.h[1][1]*(x0-q.vertex[0]), 1 / math.Sqrt(q.h[1][1])
}

// conditionalRange returns where, of [0, 1], σ_8 is probable at a value of Ω_m. A mean outside at
// distance d leaves a tail that has fallen as far as at k sigma when (d + x)² = d² + k².
func (q quadratic) conditionalRange(x0 float64) (low, high float64) {
	mean, std := q.conditional(x0)
	outside := mean - clamp(mean, 0, 1)
	r := math.Hypot(outside, reachOfRule*std)
	return math.Max(0, mean-r), math.Min(1, mean+r)
}

// profileRange returns where, of [0, 1], Ω_m is probable at the best σ_8 of [0, 1].
func (q quadratic) profileRange() (low, high float64) {
	profile := func(x0 float64) float64 {
		mean, _ := q.conditional(x0)
		return q.at([2]float64{x0, clamp(mean, 0, 1)})
	}
	best := goldenMin(profile)
	limit := profile(best) + reachOfRule*reachOfRule/2
	return edgeOf(profile, best, 0, limit), edgeOf(profile, best, 1, limit)
}

// goldenMin returns where a convex function is least in [0, 1].
func goldenMin(f func(float64) float64) float64 {
	const ratio = 0.6180339887498949
	low, high := 0.0, 1.0
	a, b := high-ratio, low+ratio
	fa, fb := f(a), f(b)
	for range 40 { // 1e-8 of the prior
		if fa <= fb {
			high, b, fb = b, a, fa
			a = high - ratio*(high-low)
			fa = f(a)
		} else {
			low, a, fa = a, b, fb
			b = low + ratio*(high-low)
			fb = f(b)
		}
	}
	return (low + high) / 2
}

// edgeOf returns where, between the least of a convex function and an end, it passes the limit,
// or the end where it does not.
func edgeOf(f func(float64) float64, best, end, limit float64) float64 {
	if f(end) <= limit {
		return end
	}
	inside, outside := best, end
	for range 40 {
		if middle := (inside + outside) / 2; f(middle) <= limit {
			inside = middle
		} else {
			outside = middle
		}
	}
	return outside
}
