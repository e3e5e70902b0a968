package likelihood

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/cosmology"
)

// Interpolation says how accurately terms are interpolated.
type Interpolation struct {
	// Tolerance is the largest error of −2Δln L within three sigma; it is checked between the nodes.
	Tolerance float64
	// Evaluations is the largest number of parameters to evaluate the terms at. If they do not reach
	// the tolerance, Interpolant.Within is false. Fewer than 49 give one polynomial over the whole
	// rectangle, unchecked: through 4×4, 5×4, 7×4, 9×4 or 9×5 values of Ω_m and σ_8, whose prior is
	// narrower.
	Evaluations int
}

// DefaultInterpolation returns a tolerance of 0.05 in −2Δln L with at most 250 evaluations, a tenth
// of those of the paper's 50×50 grid.
func DefaultInterpolation() Interpolation {
	return Interpolation{Tolerance: 0.05, Evaluations: 250}
}

// Validate returns an error that names a field out of range.
func (c Interpolation) Validate() error {
	if !(c.Tolerance > 0) {
		return fmt.Errorf("likelihood.Interpolation.Tolerance = %g, want > 0", c.Tolerance)
	}
	if least := (coarsest + 1) * (coarsest + 1); c.Evaluations < least {
		return fmt.Errorf("likelihood.Interpolation.Evaluations = %d, want >= %d", c.Evaluations, least)
	}
	return nil
}

// Interpolant is a set of terms that is known everywhere in a rectangle from its values at few
// parameters.
type Interpolant struct {
	Evaluations int     // number of parameters that the terms were evaluated at
	Error       float64 // largest error of −2Δln L found by the checks, over all terms
	Checks      int     // number of parameters that were checked
	Within      bool    // twice Error is within the tolerance

	patches []patch // nested, the smallest last
}

// coarsest is the smallest degree of a patch. Doubling the degree keeps all Chebyshev points.
const coarsest = 3

const (
	// cut is the −2Δln L above which the density is negligible: exp(−12.5) is 4e-6 of the peak.
	cut = 25
	// checked is the −2Δln L up to which the tolerance holds: three sigma of two parameters.
	checked = Level3Sigma
	// allowance is the assumed ratio of the largest error to that at the checks.
	allowance = 2
)

// fewest returns the least number of evaluations for a number of patches, before checks.
func fewest(patches int) int { return patches * (2*coarsest + 1) * (2*coarsest + 1) }

// Interpolate evaluates terms at the Chebyshev points of the rectangle that grid spans, in the
// logarithms of the parameters. Where the terms turn out to be negligible in most of the rectangle
// it goes on in a smaller one, and it doubles the degree until polynomials through the points hold
// −2Δln L to the tolerance. Checks between the nodes decide that, and their values become nodes
// later.
//
// Terms with fixed noise are smooth in the parameters, which polynomials require. Only the terms
// decide where the smaller rectangle lies, so the result is as good for inference as a grid over
// the whole prior. Errors are those of Evaluate. progress may be nil; its total is an expectation.
func Interpolate(ctx context.Context, terms Terms, grid Grid, c Interpolation,
	progress func(done, total int),
) (Interpolant, error) {
	var out Interpolant
	if err := c.Validate(); err != nil {
		return out, err
	}
	if err := grid.Validate(); err != nil {
		return out, err
	}
	if low := grid.low(); low.OmegaM <= 0 || low.Sigma8 <= 0 {
		return out, fmt.Errorf("likelihood: a grid from Ω_m = %g, σ_8 = %g, want both > 0: terms are "+
			"interpolated in their logarithms", low.OmegaM, low.Sigma8)
	}
	e := evaluator{terms: terms, total: min(c.Evaluations, fewest(2)), progress: progress}
	p := newPatch(grid.low(), grid.high())
	if c.Evaluations < fewest(1) {
		om, s8 := single(c.Evaluations)
		e.total = (om + 1) * (s8 + 1)
		err := p.raise(ctx, &e, om, s8)
		if err == nil {
			out.finish(p, e)
		}
		return out, err
	}
	if err := p.double(ctx, &e); err != nil {
		return out, err
	}
	for {
		if err := p.check(ctx, &e, c.Evaluations-e.done); err != nil {
			return out, err
		}
		finer, smaller := p.probable()
		switch {
		case allowance*p.err <= c.Tolerance:
			out.finish(p, e)
			out.Within = out.nothingMissed()
			return out, nil
		case smaller && e.done+fewest(1) <= c.Evaluations:
			out.patches = append(out.patches, p)
			p = newPatch(finer.low(), finer.high())
		case e.done+p.costOfDoubling() > c.Evaluations:
			out.finish(p, e)
			return out, nil
		}
		if err := p.double(ctx, &e); err != nil {
			return out, err
		}
	}
}

func (p *Interpolant) finish(last patch, e evaluator) {
	p.patches = append(p.patches, last)
	p.Evaluations, p.Error, p.Checks = e.done, last.err, last.checks
	e.report(e.done)
}

// single returns the degrees of a polynomial with at most so many nodes, 16 or more.
func single(evaluations int) (om, s8 int) {
	om, s8 = coarsest, coarsest
	for _, d := range [][2]int{{4, 3}, {6, 3}, {8, 3}, {8, 4}} { // divisors of finest
		if (d[0]+1)*(d[1]+1) <= evaluations {
			om, s8 = d[0], d[1]
		}
	}
	return om, s8
}

// nothingMissed reports whether all terms are negligible at all known parameters outside the
// smallest patch.
func (p Interpolant) nothingMissed() bool {
	last := p.patches[len(p.patches)-1]
	for _, outer := range p.patches[:len(p.patches)-1] {
		for k, values := range outer.known {
			if last.holds(outer.omegaM.at(k.om), outer.sigma8.at(k.s8)) {
				continue
			}
			for t, v := range values {
				if 2*(v-floats.Min(last.values[t])) < checked {
					return false
				}
			}
		}
	}
	return true
}

// On returns the terms on a grid inside the rectangle. Each point is taken from the smallest patch
// that contains it. Outside the smallest of several all terms are negligible, and the polynomials
// of the larger ones may swing too low: there a term is cut/2 nats above its least value at least.
func (p Interpolant) On(grid Grid) []Surface {
	out := p.patches[0].on(grid)
	for _, q := range p.patches[1:] {
		for t, s := range q.on(grid) {
			for k, point := range grid.Points() {
				if q.holds(point.OmegaM, point.Sigma8) {
					out[t].NLL[k] = s.NLL[k]
				}
			}
		}
	}
	if last := p.patches[len(p.patches)-1]; len(p.patches) > 1 {
		for t, values := range last.values {
			floor := floats.Min(values) + cut/2
			for k, point := range grid.Points() {
				if !last.holds(point.OmegaM, point.Sigma8) {
					out[t].NLL[k] = max(out[t].NLL[k], floor)
				}
			}
		}
	}
	return out
}

// Probable returns an n×n grid over the smallest patch, outside which all terms are negligible. It
// panics unless n >= 2.
func (p Interpolant) Probable(n int) Grid {
	last := p.patches[len(p.patches)-1]
	return rectangle(last.low(), last.high(), n)
}

// Resolved returns the sum of the terms on a grid that resolves their posterior; see Resolve.
func (p Interpolant) Resolved() (Surface, error) {
	first := p.patches[0]
	return Resolve(func(g Grid) Surface { return Sum(p.On(g)) },
		cosmology.Prior{Min: first.low(), Max: first.high()})
}

// Summed returns the sum of the terms as a single term.
func Summed(terms Terms) Terms {
	return func(ctx context.Context, thetas []cosmology.Params) ([][]float64, error) {
		values, err := terms(ctx, thetas)
		for i, row := range values {
			values[i] = []float64{floats.Sum(row)}
		}
		return values, err
	}
}

// Weighted returns the terms, each multiplied by its weight.
func Weighted(terms Terms, weights []float64) Terms {
	return func(ctx context.Context, thetas []cosmology.Params) ([][]float64, error) {
		values, err := terms(ctx, thetas)
		for _, row := range values {
			floats.Mul(row, weights)
		}
		return values, err
	}
}

// low and high are the corners of the rectangle that a grid spans.
func (g Grid) low() cosmology.Params {
	return cosmology.Params{OmegaM: g.OmegaM[0], Sigma8: g.Sigma8[0]}
}

func (g Grid) high() cosmology.Params {
	return cosmology.Params{OmegaM: g.OmegaM[len(g.OmegaM)-1], Sigma8: g.Sigma8[len(g.Sigma8)-1]}
}
