package calibration

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
)

// density is a posterior on a grid that resolves its own width: the rectangle that holds all but
// about 1e-7 of its probability, cut to the prior.
type density struct {
	x    [2][]float64 // nodes, in the parameters' own units
	nll  []float64    // −ln L at the nodes in nats; σ_8 runs fastest
	mass []float64    // probability of each node by the trapezoidal rule; the sum is 1
	lnZ  float64      // ln of the mean of L over the prior: the evidence
}

// Nodes per side of the grids that the posterior is searched on and integrated on. The latter has
// ten or more nodes per standard deviation.
const (
	coarse = 64
	fine   = 161
)

// improbable is the depth in nats below the highest known density at which nodes are left out.
const improbable = 20

func newDensity(l landscape) density {
	low, high := l.reach()
	d := l.sampled(low, high, coarse)
	for range 8 { // each turn shrinks the rectangle by a fifth at least
		nextLow, nextHigh := d.probable()
		done := true
		for k := range low {
			done = done && nextHigh[k]-nextLow[k] > 0.8*(high[k]-low[k])
		}
		low, high = nextLow, nextHigh
		if done {
			break
		}
		d = l.sampled(low, high, coarse)
	}
	d = l.sampled(low, high, fine)
	d.normalise(l.units.prior)
	return d
}

// reach returns a rectangle that holds the posterior: the probable nodes of the surface's own grid,
// whose peak may be narrow, together with the probable nodes of a scan of the whole prior.
func (l landscape) reach() (low, high [2]float64) {
	u := l.units
	scan := l.sampled([2]float64{u.prior.Min.OmegaM, u.prior.Min.Sigma8},
		[2]float64{u.prior.Max.OmegaM, u.prior.Max.Sigma8}, coarse)
	own := density{}
	for k := range own.x {
		for _, v := range l.x[k] {
			if v > -1e-9 && v < 1+1e-9 { // surfaces may reach beyond the prior
				own.x[k] = append(own.x[k], clamp(math.Exp(u.low[k]+u.width[k]*v), scan.x[k][0],
					scan.x[k][coarse-1]))
			}
		}
	}
	low, high = scan.probable()
	if len(own.x[0]) < 2 || len(own.x[1]) < 2 {
		return low, high
	}
	own.nll = l.values(own.x)
	ownLow, ownHigh := own.probable()
	if least, other := floats.Min(own.nll), floats.Min(scan.nll); other > least+improbable {
		return ownLow, ownHigh // the scan has missed the peak
	}
	for k := range low {
		low[k], high[k] = math.Min(low[k], ownLow[k]), math.Max(high[k], ownHigh[k])
	}
	return low, high
}

// sampled returns the landscape on n×n equally spaced nodes.
func (l landscape) sampled(low, high [2]float64, n int) density {
	var d density
	for k := range d.x {
		d.x[k] = floats.Span(make([]float64, n), low[k], high[k])
	}
	d.nll = l.values(d.x)
	return d
}

// values returns −ln L at the products of nodes in the parameters' own units.
func (l landscape) values(x [2][]float64) []float64 {
	columns, stencils := make([]float64, len(x[1])), make([]stencil, len(x[1]))
	for j, v := range x[1] {
		columns[j] = l.units.of(1, v)
		stencils[j] = stencilAt(l.x[1], columns[j])
	}
	out := make([]float64, 0, len(x[0])*len(x[1]))
	var line []float64
	for _, v := range x[0] {
		om := l.units.of(0, v)
		line = l.line(om, line)
		for j, s8 := range columns {
			out = append(out, l.q.at([2]float64{om, s8})+stencils[j].of(line))
		}
	}
	return out
}

// probable returns the rectangle of probable nodes with one node more on each side.
func (d density) probable() (low, high [2]float64) {
	least, n := floats.Min(d.nll), len(d.x[1])
	first, last := [2]int{len(d.x[0]), n}, [2]int{}
	for k, v := range d.nll {
		if v < least+improbable {
			for axis, i := range [2]int{k / n, k % n} {
				first[axis], last[axis] = min(first[axis], i), max(last[axis], i)
			}
		}
	}
	for axis, x := range d.x {
		low[axis], high[axis] = x[max(first[axis]-1, 0)], x[min(last[axis]+1, len(x)-1)]
	}
	return low, high
}

// normalise sets the masses and the evidence.
func (d *density) normalise(prior cosmology.Prior) {
	least, n := floats.Min(d.nll), len(d.x[1])
	w0, w1 := likelihood.TrapezoidWeights(d.x[0]), likelihood.TrapezoidWeights(d.x[1])
	d.mass = make([]float64, len(d.nll))
	for k, v := range d.nll {
		d.mass[k] = math.Exp(least-v) * w0[k/n] * w1[k%n]
	}
	total := floats.Sum(d.mass)
	floats.Scale(1/total, d.mass)
	area := (prior.Max.OmegaM - prior.Min.OmegaM) * (prior.Max.Sigma8 - prior.Min.Sigma8)
	d.lnZ = math.Log(total/area) - least
}

// marginal returns the density of one parameter at its nodes.
func (d density) marginal(axis int) likelihood.Marginal {
	n := len(d.x[1])
	p := make([]float64, len(d.x[axis]))
	for k, m := range d.mass {
		p[[2]int{k / n, k % n}[axis]] += m
	}
	floats.Div(p, likelihood.TrapezoidWeights(d.x[axis]))
	return likelihood.NewMarginal(d.x[axis], p)
}
