package hmc

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// StepSize is the state of the dual averaging of Hoffman and Gelman (2014), section 3.2, which
// adapts the step to a target acceptance.
type StepSize struct {
	Current float64 `json:"current"` // the step in use
	Mean    float64 `json:"mean"`    // the averaged step, which is used after the warm-up
	Centre  float64 `json:"centre"`  // μ: the logarithm of the step that steps are shrunk towards
	Excess  float64 `json:"excess"`  // H̄: the averaged difference of target and acceptance
	Count   int     `json:"count"`   // updates since the start
}

// startStep begins an adaptation at a step of the right order. Steps are shrunk towards ten times
// that, since long steps are cheap to try.
func startStep(step float64) StepSize {
	return StepSize{Current: step, Mean: step, Centre: math.Log(10 * step)}
}

// update adapts the step to the acceptance of one iteration. The constants are those of the paper.
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
// since the entry before; the first entry only begins the first window. As in Stan, windows double,
// chains move to the bulk before the first one, and the step is adapted after the last one.
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

// covariance returns the covariance of draws [any][parameter], with correlations regularised by a
// prior worth five uncorrelated draws.
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

// factorOf returns the lower Cholesky factor, and false if there is none, as for chains that never
// moved.
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

// identity returns the factor of unit masses.
func identity(d int) [][]float64 {
	out := make([][]float64, d)
	for i := range out {
		out[i] = make([]float64, i+1)
		out[i][i] = 1
	}
	return out
}

// harmonicMean is near 0 if any chain is stuck.
func harmonicMean(acceptance []float64) float64 {
	const least = 1e-10 // keeps 1/acceptance finite
	sum := 0.0
	for _, a := range acceptance {
		sum += 1 / math.Max(a, least)
	}
	return float64(len(acceptance)) / sum
}
