package likelihood

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// Marginal is the probability density of one parameter, the other integrated out under a flat
// prior over the grid.
type Marginal struct {
	X, P []float64 // grid values and density there; the trapezoidal integral of P over X is 1
	// where P is largest on the grid; the middle of the tied points where several are
	Best      float64
	Low, High float64 // where the cumulative distribution reaches 0.16 and 0.84
	Mean, Std float64
}

// The central interval of the paper's error bars.
const (
	lowQuantile  = 0.16
	highQuantile = 0.84
)

// Marginals returns the marginal densities of Ω_m and σ_8: exp(−ΔL) integrated over the other
// axis. All of the probability is taken to lie within the grid.
func (s Surface) Marginals() (omegaM, sigma8 Marginal) {
	wo, ws := trapezoid(s.Grid.OmegaM), trapezoid(s.Grid.Sigma8)
	po, ps := make([]float64, len(wo)), make([]float64, len(ws))
	for k, d := range s.MinusTwoDeltaLnL() {
		i, j := k/len(ws), k%len(ws)
		l := math.Exp(-d / 2)
		po[i] += l * ws[j]
		ps[j] += l * wo[i]
	}
	return newMarginal(s.Grid.OmegaM, po, wo), newMarginal(s.Grid.Sigma8, ps, ws)
}

// trapezoid returns the weights of the trapezoidal rule on the nodes x, equally spaced or not.
func trapezoid(x []float64) []float64 {
	w := make([]float64, len(x))
	for i := 1; i < len(x); i++ {
		h := (x[i] - x[i-1]) / 2
		w[i-1] += h
		w[i] += h
	}
	return w
}

func newMarginal(x, p, w []float64) Marginal {
	floats.Scale(1/floats.Dot(p, w), p)
	m := Marginal{X: x, P: p, Best: middleOfMaxima(x, p)}
	cdf := make([]float64, len(x))
	for i := 1; i < len(x); i++ {
		cdf[i] = cdf[i-1] + (p[i]+p[i-1])/2*(x[i]-x[i-1])
	}
	m.Low, m.High = invert(x, cdf, lowQuantile), invert(x, cdf, highQuantile)
	second := 0.0
	for i := range x {
		m.Mean += x[i] * p[i] * w[i]
	}
	for i := range x {
		second += (x[i] - m.Mean) * (x[i] - m.Mean) * p[i] * w[i]
	}
	m.Std = math.Sqrt(second)
	return m
}

// middleOfMaxima returns the middle of all x whose p ties with the largest to rounding, so that a
// flat density has its centre for an argmax instead of an edge.
func middleOfMaxima(x, p []float64) float64 {
	const rounding = 1e-12
	top := floats.Max(p)
	first, last := -1, -1
	for i, v := range p {
		if v >= top*(1-rounding) {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	return (x[first] + x[last]) / 2
}

// invert returns where the rising cdf reaches q, linearly between the nodes.
func invert(x, cdf []float64, q float64) float64 {
	for i := 1; i < len(x); i++ {
		if cdf[i] >= q {
			return x[i-1] + (x[i]-x[i-1])*(q-cdf[i-1])/(cdf[i]-cdf[i-1])
		}
	}
	return x[len(x)-1]
}
