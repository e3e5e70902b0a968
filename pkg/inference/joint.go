package inference

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
	"darkfield/pkg/report"
)

// Joint is the posterior of two parameters with all others marginalised: the density of the draws
// of chains.
type Joint struct {
	X, Y string // names of the parameters
	// Surface is −ln of the density, in nats up to a constant. Its grid's first axis, OmegaM, holds
	// values of X, and its second one, Sigma8, those of Y.
	Surface likelihood.Surface
}

// jointPoints is the number of points a side of the grid of a Joint.
const jointPoints = 50

// Joint smooths the draws of two parameters, by their names, with a Gaussian kernel: of Silverman's
// width in each parameter, reflected at the ends of the prior. The grid spans the draws and three
// widths around them. Unknown and equal names are an error, and so are draws that are all equal.
func (c Chains) Joint(x, y string, prior cosmology.Prior) (Joint, error) {
	out := Joint{X: x, Y: y}
	var axes [2][]float64
	var kernels [2]*mat.Dense // [point, draw]
	if !slices.Contains(c.Names, x) || !slices.Contains(c.Names, y) || x == y {
		return out, fmt.Errorf("inference: the parameters %s and %s, want two of %s", x, y,
			strings.Join(c.Names, ", "))
	}
	for i, name := range []string{x, y} {
		k := slices.Index(c.Names, name)
		low, high := prior.Values(prior.Min)[k], prior.Values(prior.Max)[k]
		draws := c.of(k)
		width := stat.StdDev(draws, nil) * math.Pow(float64(len(draws)), -1.0/6)
		if !(width > 0) {
			return out, fmt.Errorf("inference: all %d draws of %s are equal: ask for more draws",
				len(draws), name)
		}
		axes[i] = floats.Span(make([]float64, jointPoints), max(low, floats.Min(draws)-3*width),
			min(high, floats.Max(draws)+3*width))
		kernels[i] = mat.NewDense(jointPoints, len(draws), nil)
		kernels[i].Apply(func(p, d int, _ float64) float64 {
			sum := 0.0
			for _, at := range []float64{draws[d], 2*low - draws[d], 2*high - draws[d]} {
				z := (axes[i][p] - at) / width
				sum += math.Exp(-z * z / 2)
			}
			return sum
		}, kernels[i])
	}
	var density mat.Dense
	density.Mul(kernels[0], kernels[1].T())
	out.Surface = likelihood.Surface{Grid: likelihood.Grid{OmegaM: axes[0], Sigma8: axes[1]}}
	for _, v := range density.RawMatrix().Data {
		out.Surface.NLL = append(out.Surface.NLL, -math.Log(max(v, math.SmallestNonzeroFloat64)))
	}
	return out, nil
}

// of returns all draws of parameter k.
func (c Chains) of(k int) []float64 {
	var out []float64
	for _, chain := range c.Result.Draws {
		for _, p := range chain {
			out = append(out, p[k])
		}
	}
	return out
}

// Interval returns the 0.16 and 0.84 quantiles of the draws of parameter k, by its number in Names.
func (c Chains) Interval(k int) [2]float64 {
	draws := c.of(k)
	slices.Sort(draws)
	return [2]float64{
		stat.Quantile(0.16, stat.LinInterp, draws, nil),
		stat.Quantile(0.84, stat.LinInterp, draws, nil),
	}
}

// WriteCSV writes one row for each point of the grid: the values of both parameters, and −2 ln of
// the density over its largest value.
func (j Joint) WriteCSV(path string) error {
	t := report.NewTable(j.X, j.Y, "minus_two_delta_ln_p")
	points := j.Surface.Grid.Points()
	for i, v := range j.Surface.MinusTwoDeltaLnL() {
		t.Add(points[i].OmegaM, points[i].Sigma8, v)
	}
	return t.Write(path)
}
