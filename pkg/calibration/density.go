package calibration

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/cosmology"
)

// density is a posterior on a grid fine enough for its own width: the rectangle that holds all
// but some 1e-7 of it, cut to the prior.
type density struct {
	x    [2][]float64 // nodes, in the parameters' own units
	nll  []float64    // −ln L at the nodes; σ_8 runs fastest
	mass []float64    // trapezoidal share of each node, of sum 1
	lnZ  float64      // ln of the mean of L over the prior
}

// Nodes a side: to look for the posterior, and to integrate it; the latter is ten or more a sigma.
const (
	coarse = 64
	fine   = 161
)

// improbable is how many nats below the top, as far as that is known, the posterior is left out.
const improbable = 20

func newDensity(l landscape) density {
	low, high := l.reach()
	d := l.sampled(low, high, coarse)
	for range 8 { // each turn shrinks by a fifth at least
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

// reach returns the rectangle in which the posterior may lie: around the surface's own probable
// nodes, however narrow the peak between them, and around what its continuation makes probable.
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

func (d *density) normalise(prior cosmology.Prior) {
	least, n := floats.Min(d.nll), len(d.x[1])
	d.mass = make([]float64, len(d.nll))
	for k, v := range d.nll {
		d.mass[k] = math.Exp(least-v) * spacing(d.x[0], k/n) * spacing(d.x[1], k%n)
	}
	total := floats.Sum(d.mass)
	floats.Scale(1/total, d.mass)
	area := (prior.Max.OmegaM - prior.Min.OmegaM) * (prior.Max.Sigma8 - prior.Min.Sigma8)
	d.lnZ = math.Log(total/area) - least
}

// marginal returns the density of a parameter at its nodes.
func (d density) marginal(axis int) []float64 {
	n := len(d.x[1])
	p := make([]float64, len(d.x[axis]))
	for k, m := range d.mass {
		p[[2]int{k / n, k % n}[axis]] += m
	}
	for i := range p {
		p[i] /= spacing(d.x[axis], i)
	}
	return p
}
