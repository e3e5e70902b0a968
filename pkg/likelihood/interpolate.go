package likelihood

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/cosmology"
)

// Interpolation says how closely terms are interpolated.
type Interpolation struct {
	Tolerance float64 // largest error of −2Δln L within three sigma; it is checked between the nodes
	// at most this many parameters; where they do not reach the tolerance, Interpolant.Within says
	// so. Fewer than 49: cubics through 16, unchecked
	Evaluations int
}

// DefaultInterpolation returns a twentieth in −2Δln L, for a tenth of the evaluations of the
// paper's 50×50 grid.
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

// Interpolant is a set of terms known everywhere in a rectangle from their values at few
// parameters.
type Interpolant struct {
	Evaluations int // parameters that the terms were evaluated at
	// largest difference of −2Δln L found at the checks, over all terms; elsewhere it may be twice
	// that
	Error  float64
	Checks int  // parameters at which it was looked for
	Within bool // whether it is within the tolerance there, too

	patches []patch // each inside the one before
}

// The smallest degree of a patch; each finer one doubles it, so that Chebyshev points are kept.
const coarsest = 3

// Terms matter where −2Δln L is below cut: exp(−12.5) is 4e-6 of the peak. Within checked the
// error counts; that is three sigma of two parameters.
const (
	cut     = 25
	checked = Level3Sigma
)

// allowance is how much larger than at the checks the error may be elsewhere.
const allowance = 2

// fewest is how many evaluations a number of patches takes at least, before they are checked.
func fewest(patches int) int { return patches * (2*coarsest + 1) * (2*coarsest + 1) }

// Interpolate evaluates terms at Chebyshev points, in the logarithms of the parameters, of the
// rectangle that grid spans and, where they show that all terms are improbable in most of it, at
// those of the smaller rectangle that matters, until polynomials through them hold −2Δln L to the
// tolerance. That is checked at points between the nodes, which then serve as nodes themselves.
// Terms whose noise is held fixed are smooth in the parameters, which is what makes this right.
// Nothing but the terms decides where the small rectangle lies, so that errors and coverage may
// be taken from it when grid spans the prior. Errors are those of Evaluate. progress may be nil;
// its total is what is expected.
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
		err := p.raise(ctx, &e, coarsest)
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

// nothingMissed returns whether all parameters outside the smallest patch at which the terms are
// known are improbable.
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

// On returns the terms on a grid inside the rectangle, each point from the smallest patch that
// holds it.
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
	return out
}

// Probable returns an n×n grid over the smallest patch: all parameters at which some term is not
// improbable. It panics unless n >= 2.
func (p Interpolant) Probable(n int) Grid {
	last := p.patches[len(p.patches)-1]
	return rectangle(last.low(), last.high(), n)
}

// Marginals returns the marginal densities of the sum of the terms where it is probable, from at
// least ten points a sigma: the smallest patch spans about fourteen sigma, or else the whole
// rectangle, in which the density is then wide.
func (p Interpolant) Marginals() (omegaM, sigma8 Marginal) {
	const n = 200
	return Sum(p.On(p.Probable(n))).Marginals()
}

// Summed returns the sum of terms as a single term, in their order.
func Summed(terms Terms) Terms {
	return func(ctx context.Context, thetas []cosmology.Params) ([][]float64, error) {
		values, err := terms(ctx, thetas)
		for i, row := range values {
			values[i] = []float64{floats.Sum(row)}
		}
		return values, err
	}
}

// Weighted returns terms multiplied by weights, one each.
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
