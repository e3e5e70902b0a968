package calibration

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"darkfield/pkg/likelihood"
)

// quadratic is value + (x − vertex)ᵀ·H·(x − vertex)/2 with a positive definite H, in log units.
type quadratic struct {
	vertex [2]float64
	h      [2][2]float64
	value  float64
}

func (q quadratic) at(x [2]float64) float64 {
	u, v := x[0]-q.vertex[0], x[1]-q.vertex[1]
	return q.value + (q.h[0][0]*u*u+2*q.h[0][1]*u*v+q.h[1][1]*v*v)/2
}

// widest is the standard deviation, in log units, that fitted Gaussians are capped at: twice the
// width of the prior.
const widest = 2.0

// fitQuadratic returns the quadratic that fits the values at the products of the nodes x best where
// exp(−values) is large. A quadratic is found exactly, even if its vertex lies outside the nodes.
func fitQuadratic(x [2][]float64, values []float64) quadratic {
	w := bulk(x, values)
	centre, size := momentsOf(x, w)
	least, n := floats.Min(values), len(x[1])
	left, right := mat.NewSymDense(6, nil), mat.NewVecDense(6, nil)
	const negligible = 1e-12
	for k, weight := range w {
		if weight < negligible {
			continue
		}
		a, b := (x[0][k/n]-centre[0])/size[0], (x[1][k%n]-centre[1])/size[1]
		row := mat.NewVecDense(6, []float64{1, a, b, a * a / 2, a * b, b * b / 2})
		left.SymRankOne(left, weight, row)
		right.AddScaledVec(right, weight*(values[k]-least), row)
	}
	const tiny = 1e-11 // keeps at 0 what the nodes do not determine, as the curvature of two nodes
	for i := range 6 {
		left.SetSym(i, i, left.At(i, i)+tiny)
	}
	var chol mat.Cholesky
	var c mat.VecDense
	if chol.Factorize(left) {
		_ = chol.SolveVecTo(&c, right) // its only error is a bad condition, which tiny takes care of
	} else {
		c = *mat.NewVecDense(6, nil)
	}
	return convex(centre, [6]float64{
		c.AtVec(0), c.AtVec(1) / size[0], c.AtVec(2) / size[1],
		c.AtVec(3) / (size[0] * size[0]), c.AtVec(4) / (size[0] * size[1]),
		c.AtVec(5) / (size[1] * size[1]),
	}, least)
}

// momentsOf returns mean and standard deviation of the nodes under weights of sum 1.
func momentsOf(x [2][]float64, w []float64) (mean, std [2]float64) {
	n := len(x[1])
	for k, weight := range w {
		mean[0] += weight * x[0][k/n]
		mean[1] += weight * x[1][k%n]
	}
	for k, weight := range w {
		std[0] += weight * (x[0][k/n] - mean[0]) * (x[0][k/n] - mean[0])
		std[1] += weight * (x[1][k%n] - mean[1]) * (x[1][k%n] - mean[1])
	}
	return mean, [2]float64{math.Sqrt(std[0]), math.Sqrt(std[1])}
}

// bulk returns weights of sum 1 proportional to the square root of the probability, so that an
// over-confident posterior is fitted over a wider region than its own.
func bulk(x [2][]float64, values []float64) []float64 {
	least, n := floats.Min(values), len(x[1])
	w0, w1 := likelihood.TrapezoidWeights(x[0]), likelihood.TrapezoidWeights(x[1])
	w := make([]float64, len(values))
	for k, v := range values {
		w[k] = math.Exp((least-v)/2) * w0[k/n] * w1[k%n]
	}
	floats.Scale(1/floats.Sum(w), w)
	return w
}

// convex returns the quadratic with value, gradient and curvature c at the centre. Curvatures along
// the principal axes are raised to that of the widest Gaussian.
func convex(centre [2]float64, c [6]float64, least float64) quadratic {
	// The angle of the principal axes, defined for a curvature of 0, too.
	sin, cos := math.Sincos(math.Atan2(2*c[4], c[3]-c[5]) / 2)
	q := quadratic{vertex: centre, value: least + c[0]}
	for _, e := range [2][2]float64{{cos, sin}, {-sin, cos}} {
		curvature := c[3]*e[0]*e[0] + 2*c[4]*e[0]*e[1] + c[5]*e[1]*e[1]
		curvature = math.Max(curvature, 1/(widest*widest))
		slope := c[1]*e[0] + c[2]*e[1]
		for i := range e {
			q.vertex[i] -= slope / curvature * e[i]
			for j := range e {
				q.h[i][j] += curvature * e[i] * e[j]
			}
		}
		q.value -= slope * slope / (2 * curvature)
	}
	return q
}
