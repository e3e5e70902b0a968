package baseline

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/responsefit"
)

// gaussian is a normal density of vectors whose mean and covariance are smooth functions of the
// parameters, in the modified Cholesky form of Pourahmadi (1999): number j is a linear function
// of those before it plus independent noise. Mean and couplings are polynomials, and so is the
// logarithm of the noise's variance, so that the covariance is positive definite everywhere.
type gaussian struct {
	mean, shape responsefit.Basis
	centre      [][]float64 // [number][mean polynomial]: subtracted from the numbers …
	scale       []float64   // … which are then divided by this
	lines       []line      // [number]
}

// line is the regression of number j: coefficients of mean polynomials and of shape polynomials
// times each number before it, and those of the logarithm of the remaining variance.
type line struct {
	coefficients, logVariance []float64
}

const (
	reweightings = 4  // fits of a line with weights from its variance; each gains about two digits
	scorings     = 12 // Fisher-scoring steps of the variance
)

// fitGaussian maximises the likelihood of vectors [map][number] at parameters.
func fitGaussian(mean, shape responsefit.Basis, params []cosmology.Params,
	vectors [][]float64,
) (gaussian, error) {
	n, numbers := len(vectors), len(vectors[0])
	g := gaussian{mean: mean, shape: shape, scale: make([]float64, numbers)}
	polynomials, shapes := mean.Design(params), shape.Design(params)
	residual := mat.NewDense(n, numbers, nil)
	for j := range numbers {
		y := make([]float64, n)
		for i, v := range vectors {
			y[i] = v[j]
		}
		c, err := responsefit.LeastSquares(polynomials, y, nil)
		if err != nil {
			return g, err
		}
		floats.Sub(y, times(polynomials, c))
		g.centre = append(g.centre, c)
		g.scale[j] = math.Sqrt(floats.Dot(y, y) / float64(n))
		if !(g.scale[j] > 0) {
			return g, fmt.Errorf("number %d of all data vectors follows the parameters exactly: %w", j,
				responsefit.ErrSingular)
		}
		floats.Scale(1/g.scale[j], y)
		residual.SetCol(j, y)
	}
	for j := range numbers {
		l, err := fitLine(coupled(polynomials, shapes, residual, j), shapes, mat.Col(nil, j, residual))
		if err != nil {
			return g, err
		}
		g.lines = append(g.lines, l)
	}
	return g, nil
}

// coupled appends to polynomials the products of the shapes with each of the first j residuals.
func coupled(polynomials, shapes, residual *mat.Dense, j int) *mat.Dense {
	n, p := polynomials.Dims()
	_, q := shapes.Dims()
	out := mat.NewDense(n, p+j*q, nil)
	for i := range n {
		row := out.RawRowView(i)
		copy(row, polynomials.RawRowView(i))
		for k, e := range residual.RawRowView(i)[:j] {
			floats.ScaleTo(row[p+k*q:p+(k+1)*q], e, shapes.RawRowView(i))
		}
	}
	return out
}

// fitLine alternates between the coefficients, weighted by the variance, and the variance, by
// Fisher's scoring.
func fitLine(x, shapes *mat.Dense, y []float64) (line, error) {
	_, q := shapes.Dims()
	l := line{logVariance: make([]float64, q)}
	weights := make([]float64, len(y))
	for i := range weights {
		weights[i] = 1
	}
	for range reweightings {
		var err error
		if l.coefficients, err = responsefit.LeastSquares(x, y, weights); err != nil {
			return l, err
		}
		squares := floats.SubTo(make([]float64, len(y)), y, times(x, l.coefficients))
		floats.Mul(squares, squares)
		clear(l.logVariance)
		l.logVariance[0] = math.Log(stat.Mean(squares, nil)) // polynomial 0 is 1
		if err := l.score(shapes, squares, weights); err != nil {
			return l, err
		}
	}
	return l, nil
}

// times returns x·coefficients.
func times(x *mat.Dense, coefficients []float64) []float64 {
	var out mat.VecDense
	out.MulVec(x, mat.NewVecDense(len(coefficients), coefficients))
	return out.RawVector().Data
}

// score maximises −½ Σ (s + square·e^−s), which is concave in s, the polynomial; weights become
// e^−s.
func (l *line) score(shapes *mat.Dense, squares, weights []float64) error {
	excess := make([]float64, len(squares))
	for range scorings {
		l.weights(shapes, weights)
		for i, v := range squares {
			excess[i] = v*weights[i] - 1
		}
		step, err := responsefit.LeastSquares(shapes, excess, nil)
		if err != nil {
			return err
		}
		floats.Add(l.logVariance, step)
	}
	l.weights(shapes, weights)
	return nil
}

// weights writes the inverse of the variance for each map.
func (l *line) weights(shapes *mat.Dense, weights []float64) {
	for i := range weights {
		weights[i] = math.Exp(-floats.Dot(shapes.RawRowView(i), l.logVariance))
	}
}

// nll returns −ln of the density of d at p, with all constants, in nats.
func (g gaussian) nll(d []float64, p cosmology.Params) float64 {
	polynomials, shapes := g.mean.At(p), g.shape.At(p)
	e := make([]float64, len(d))
	sum := 0.0
	for j, l := range g.lines {
		e[j] = (d[j] - floats.Dot(polynomials, g.centre[j])) / g.scale[j]
		intercept, couplings := l.at(polynomials, shapes, j)
		r := e[j] - intercept - floats.Dot(couplings, e[:j])
		s := floats.Dot(shapes, l.logVariance)
		sum += r*r*math.Exp(-s)/2 + s/2 + math.Log(g.scale[j]) + math.Log(2*math.Pi)/2
	}
	return sum
}

// at returns the intercept of line j and the coefficients of the numbers before it.
func (l line) at(polynomials, shapes []float64, j int) (intercept float64, couplings []float64) {
	couplings = make([]float64, j)
	p, q := len(polynomials), len(shapes)
	for k := range couplings {
		couplings[k] = floats.Dot(shapes, l.coefficients[p+k*q:p+(k+1)*q])
	}
	return floats.Dot(polynomials, l.coefficients[:p]), couplings
}
