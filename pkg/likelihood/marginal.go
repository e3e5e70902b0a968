package likelihood

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/interp"
)

// Marginal is the probability density of one parameter, the other one integrated out under a flat
// prior over the grid.
type Marginal struct {
	X, P []float64 // nodes and density there; the trapezoidal integral of P over X is 1
	// Best is the node where P is largest; the middle of the tied nodes where several are.
	Best      float64
	Low, High float64 // 0.16 and 0.84 quantiles: the central interval of the paper's error bars
	Mean, Std float64
}

// Marginals returns the marginal densities of Ω_m and σ_8: exp(−ΔL) integrated over the other
// axis. All of the probability is taken to lie within the grid.
func (s Surface) Marginals() (omegaM, sigma8 Marginal) {
	wo, ws := TrapezoidWeights(s.Grid.OmegaM), TrapezoidWeights(s.Grid.Sigma8)
	po, ps := make([]float64, len(wo)), make([]float64, len(ws))
	for k, d := range s.MinusTwoDeltaLnL() {
		i, j := k/len(ws), k%len(ws)
		l := math.Exp(-d / 2)
		po[i] += l * ws[j]
		ps[j] += l * wo[i]
	}
	return NewMarginal(s.Grid.OmegaM, po), NewMarginal(s.Grid.Sigma8, ps)
}

// TrapezoidWeights returns the weights of the trapezoidal rule on the nodes x, equally spaced or
// not.
func TrapezoidWeights(x []float64) []float64 {
	w := make([]float64, len(x))
	for i := 1; i < len(x); i++ {
		h := (x[i] - x[i-1]) / 2
		w[i-1] += h
		w[i] += h
	}
	return w
}

// NewMarginal normalises the density p at the strictly rising nodes x, in place, and summarises it.
func NewMarginal(x, p []float64) Marginal {
	w := TrapezoidWeights(x)
	floats.Scale(1/floats.Dot(p, w), p)
	m := Marginal{X: x, P: p, Best: middleOfMaxima(x, p)}
	m.Low, m.High = m.Quantile(0.16), m.Quantile(0.84)
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

// cumulative returns the probability below each node.
func (m Marginal) cumulative() []float64 {
	out := make([]float64, len(m.X))
	for i := 1; i < len(out); i++ {
		out[i] = out[i-1] + (m.P[i]+m.P[i-1])/2*(m.X[i]-m.X[i-1])
	}
	return out
}

// CDF returns the probability below v, linear between the nodes and constant outside them.
func (m Marginal) CDF(v float64) float64 {
	var f interp.PiecewiseLinear
	_ = f.Fit(m.X, m.cumulative()) // always nil
	return f.Predict(v)
}

// Quantile returns where the cumulative distribution reaches q, linearly between the nodes.
func (m Marginal) Quantile(q float64) float64 {
	x, cdf := m.X, m.cumulative()
	for i := 1; i < len(x); i++ {
		if cdf[i] >= q {
			return x[i-1] + (x[i]-x[i-1])*(q-cdf[i-1])/(cdf[i]-cdf[i-1])
		}
	}
	return x[len(x)-1]
}

// middleOfMaxima returns the middle of all x whose p equals the largest to rounding, so that a flat
// density peaks at its centre instead of an edge.
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
