package responsefit

import (
	"errors"
	"fmt"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// ErrSingular means that there are fewer independent rows than coefficients.
var ErrSingular = errors.New("the regression is singular: more maps at more parameters, or " +
	"polynomials of lower degree, are needed")

// worst is the condition number of the normal equations above which a regression is singular.
const worst = 1e12

// LeastSquares returns the coefficients of the regression of y [row] on the columns of x [row,
// column]; nil weights are equal ones. The error is ErrSingular where x does not determine them.
func LeastSquares(x *mat.Dense, y, weights []float64) ([]float64, error) {
	n, p := x.Dims()
	if n <= p {
		return nil, fmt.Errorf("%d rows for %d coefficients: %w", n, p, ErrSingular)
	}
	w := x
	if weights != nil {
		w = mat.NewDense(n, p, nil)
		for i := range n {
			floats.ScaleTo(w.RawRowView(i), weights[i], x.RawRowView(i))
		}
	}
	var gram mat.Dense
	gram.Mul(w.T(), x)
	symmetric := mat.NewSymDense(p, nil)
	for i := range p {
		for j := i; j < p; j++ {
			symmetric.SetSym(i, j, gram.At(i, j))
		}
	}
	var cholesky mat.Cholesky
	if !cholesky.Factorize(symmetric) || cholesky.Cond() > worst {
		return nil, ErrSingular
	}
	var right, out mat.VecDense
	right.MulVec(w.T(), mat.NewVecDense(n, y))
	if err := cholesky.SolveVecTo(&out, &right); err != nil {
		return nil, err
	}
	return out.RawVector().Data, nil
}
