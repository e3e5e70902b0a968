package hmc

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// StepSize is the state of the dual averaging of Hoffman and Gelman (2014), section 3.2: it moves
// the step so that moves are accepted as often as wanted.
type StepSize struct {
	Current float64 `json:"current"` // the step in use
	Mean    float64 `json:"mean"`    // the averaged step, which is kept after the warm-up
	Centre  float64 `json:"centre"`  // logarithm that steps are drawn to
	Excess  float64 `json:"excess"`  // averaged lack of acceptance
	Count   int     `json:"count"`   // updates since it was started
}

// startStep begins an adaptation at a step of the right order: it is drawn to ten times that,
// since long steps are cheap to try.
func startStep(step float64) StepSize {
	return StepSize{Current: step, Mean: step, Centre: math.Log(10 * step)}
}

// update follows one iteration's acceptance. The constants are those of the paper.
func (s *StepSize) update(acceptance, target float64) {
	const shrinkage, offset, decay = 0.05, 10, 0.75
	s.Count++
	n := float64(s.Count)
	s.Excess += (target - acceptance - s.Excess) / (n + offset)
	log := s.Centre - math.Sqrt(n)/shrinkage*s.Excess
	weight := math.Pow(n, -decay)
	s.Mean = math.Exp(weight*log + (1-weight)*math.Log(s.Mean))
	s.Current = math.Exp(log)
}

// windows returns the iterations of a warm-up after which the mass is estimated from the draws
// since the one before, the first entry being where draws begin to count. As in Stan there is
// room before for the way to the bulk, and room behind for the last step size; windows double.
func windows(warmup int) []int {
	first, last := warmup*15/100, warmup-max(warmup/10, 20)
	ends := []int{first}
	for size := max(warmup/20, 5); ; size *= 2 {
		end := ends[len(ends)-1] + size
		if end+2*size > last { // the next, twice as long, would not fit
			return append(ends, last)
		}
		ends = append(ends, end)
	}
}

// covariance returns that of draws [any][parameter], with correlations shrunk as if by five draws
// that show none.
func covariance(draws [][]float64) *mat.SymDense {
	n, d := len(draws), len(draws[0])
	rows := mat.NewDense(n, d, nil)
	for i, u := range draws {
		rows.SetRow(i, u)
	}
	out := mat.NewSymDense(d, nil)
	stat.CovarianceMatrix(out, rows, nil)
	for i := range d {
		for j := range i {
			out.SetSym(i, j, out.At(i, j)*float64(n)/float64(n+5))
		}
	}
	return out
}

// factorOf returns the lower Cholesky factor, and whether there is one: draws of chains that
// never moved have none.
func factorOf(c *mat.SymDense) ([][]float64, bool) {
	var chol mat.Cholesky
	if !chol.Factorize(c) {
		return nil, false
	}
	var l mat.TriDense
	chol.LTo(&l)
	out := make([][]float64, c.SymmetricDim())
	for i := range out {
		for j := range i + 1 {
			out[i] = append(out[i], l.At(i, j))
		}
		if !finite(out[i]...) {
			return nil, false
		}
	}
	return out, true
}

// identity is the factor of unit masses.
func identity(d int) [][]float64 {
	out := make([][]float64, d)
	for i := range out {
		out[i] = make([]float64, i+1)
		out[i][i] = 1
	}
	return out
}

// harmonicMean is near 0 where one chain is stuck, however well the others move.
func harmonicMean(acceptance []float64) float64 {
	const least = 1e-10 // keeps 1/acceptance finite
	sum := 0.0
	for _, a := range acceptance {
		sum += 1 / math.Max(a, least)
	}
	return float64(len(acceptance)) / sum
}

func mean(values []float64) float64 { return floats.Sum(values) / float64(len(values)) }
