package likelihood

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/cosmology"
)

// Interpolation says how closely terms are interpolated.
type Interpolation struct {
	Tolerance   float64 // largest error of −2Δln L within three sigma; it is checked between the nodes
	Evaluations int     // at most this many parameters; where they do not reach the tolerance, Surfaces say so
}

// DefaultInterpolation returns a twentieth in −2Δln L, for a tenth of the evaluations of the paper's 50×50 grid.
func DefaultInterpolation() Interpolation { return Interpolation{Tolerance: 0.05, Evaluations: 250} }

// Validate returns an error that names a field out of range.
func (c Interpolation) Validate() error {
	if !(c.Tolerance > 0) {
		return fmt.Errorf("likelihood.Interpolation.Tolerance = %g, want > 0", c.Tolerance)
	}
	if least := fewest(1); c.Evaluations < least {
		return fmt.Errorf("likelihood.Interpolation.Evaluations = %d, want >= %d", c.Evaluations, least)
	}
	return nil
}

// Interpolant is a set of terms known everywhere in a rectangle from their values at few parameters.
type Interpolant struct {
	Evaluations int     // parameters that the terms were evaluated at
	Error       float64 // largest difference of −2Δln L found at the checks, over all terms; elsewhere it may be twice that
	Checks      int     // parameters at which it was looked for
	Within      bool    // whether it is within the tolerance there, too

	patches []patch // each inside the one before
}

// The smallest degree of a patch; each finer one doubles it, so that Chebyshev points are kept.
const coarsest = 3

// Terms matter where −2Δln L is below cut: exp(−12.5) is 4e-6 of the peak. Within checked the error counts; that is three sigma of
// two parameters.
const (
	cut     = 25
	checked = Level3Sigma
)

// allowance is how much larger than at the checks the error may be elsewhere.
const allowance = 2

// fewest is how many evaluations a number of patches takes at least.
func fewest(patches int) int { return patches * (2*coarsest + 1) * (2*coarsest + 1) }

// Interpolate evaluates terms at Chebyshev points of the rectangle that grid spans and, where they show that all terms are improbable
// in most of it, at those of the smaller rectangle that matters, until polynomials through them hold −2Δln L to the
// tolerance. That is checked at points between the nodes, which then serve as nodes themselves. Terms whose noise is held fixed
// are smooth in the parameters, which is what makes this right. Nothing but the terms decides where the small rectangle lies, so that
// errors and coverage may be taken from it when grid spans the prior. Errors are those of Evaluate. progress may be nil; its total is
// what is expected.
func Interpolate(ctx context.Context, terms Terms, grid Grid, c Interpolation, progress func(done, total int)) (Interpolant, error) {
	var out Interpolant
	if err := c.Validate(); err != nil {
		return out, err
	}
	if err := grid.Validate(); err != nil {
		return out, err
	}
	e := evaluator{terms: terms, total: min(c.Evaluations, fewest(2)), progress: progress}
	p := newPatch(grid.low(), grid.high())
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

// nothingMissed returns whether all parameters outside the smallest patch at which the terms are known are improbable.
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

// On returns the terms on a grid inside the rectangle, each point from the smallest patch that holds it.
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

// Probable returns an n×n grid over the smallest patch: all parameters at which some term is not improbable. It panics unless
// n >= 2.
func (p Interpolant) Probable(n int) Grid {
	last := p.patches[len(p.patches)-1]
	return rectangle(last.low(), last.high(), n)
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

// low and high are the corners of the rectangle that a grid spans.
func (g Grid) low() cosmology.Params {
	return cosmology.Params{OmegaM: g.OmegaM[0], Sigma8: g.Sigma8[0]}
}

func (g Grid) high() cosmology.Params {
	return cosmology.Params{OmegaM: g.OmegaM[len(g.OmegaM)-1], Sigma8: g.Sigma8[len(g.Sigma8)-1]}
}

// evaluator asks for terms and counts.
type evaluator struct {
	terms       Terms
	done, total int
	columns     int // terms a parameter; 0 before the first
	progress    func(done, total int)
}

func (e *evaluator) values(ctx context.Context, points []cosmology.Params) ([][]float64, error) {
	var out [][]float64
	for first := 0; first < len(points); first += chunk {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part := points[first:min(first+chunk, len(points))]
		values, err := e.terms(ctx, part)
		if err != nil {
			return nil, err
		}
		if err := check(part, values); err != nil {
			return nil, err
		}
		for i, row := range values {
			if e.columns == 0 {
				e.columns = len(row)
			}
			if len(row) != e.columns {
				return nil, fmt.Errorf("likelihood: %d terms at %v, %d at the first point", len(row), part[i], e.columns)
			}
		}
		out = append(out, values...)
		e.done += len(part)
		e.report(max(e.total, e.done))
	}
	return out, nil
}

func (e *evaluator) report(total int) {
	if e.progress != nil {
		e.progress(e.done, total)
	}
}

// key is a point of a patch by its angles, in units of π over the finest degree.
type key struct{ om, s8 int }

const finest = coarsest << 6

// patch is a rectangle with the terms at the products of Chebyshev points of one degree, and at some of the next.
type patch struct {
	omegaM, sigma8 axis
	known          map[key][]float64 // terms at the nodes and at some points between
	values         [][]float64       // terms at the nodes, row-major: σ_8 runs fastest
	err            float64           // largest difference of −2Δln L at the last check
	checks         int
}

func newPatch(low, high cosmology.Params) patch {
	return patch{
		omegaM: axis{low.OmegaM, high.OmegaM, 0}, sigma8: axis{low.Sigma8, high.Sigma8, 0}, known: map[key][]float64{},
		err: math.Inf(1),
	}
}

func (p patch) low() cosmology.Params {
	return cosmology.Params{OmegaM: p.omegaM.low, Sigma8: p.sigma8.low}
}

func (p patch) high() cosmology.Params {
	return cosmology.Params{OmegaM: p.omegaM.high, Sigma8: p.sigma8.high}
}

func (p patch) holds(om, s8 float64) bool {
	return om >= p.omegaM.low && om <= p.omegaM.high && s8 >= p.sigma8.low && s8 <= p.sigma8.high
}

// double raises the degree: from none to twice the coarsest, and then by two.
func (p *patch) double(ctx context.Context, e *evaluator) error {
	if p.omegaM.degree == 0 {
		if err := p.raise(ctx, e, coarsest); err != nil {
			return err
		}
	}
	return p.raise(ctx, e, 2*p.omegaM.degree)
}

func (p *patch) costOfDoubling() int {
	if 4*p.omegaM.degree > finest { // there would be no points between
		return math.MaxInt / 2
	}
	n := 2*p.omegaM.degree + 1
	return n*n - len(p.known)
}

func (p *patch) raise(ctx context.Context, e *evaluator, degree int) error {
	step := finest / degree
	var nodes, missing []key
	for i := range degree + 1 {
		for j := range degree + 1 {
			k := key{i * step, j * step}
			nodes = append(nodes, k)
			if p.known[k] == nil {
				missing = append(missing, k)
			}
		}
	}
	if err := p.ask(ctx, e, missing); err != nil {
		return err
	}
	p.omegaM.degree, p.sigma8.degree = degree, degree
	p.values = make([][]float64, e.columns)
	for _, k := range nodes {
		for t, v := range p.known[k] {
			p.values[t] = append(p.values[t], v)
		}
	}
	return nil
}

// ask evaluates the terms at keys.
func (p *patch) ask(ctx context.Context, e *evaluator, keys []key) error {
	points := make([]cosmology.Params, len(keys))
	for i, k := range keys {
		points[i] = p.params(k)
	}
	values, err := e.values(ctx, points)
	if err != nil {
		return err
	}
	for i, k := range keys {
		p.known[k] = values[i]
	}
	return nil
}

func (p patch) params(k key) cosmology.Params {
	return cosmology.Params{OmegaM: p.omegaM.at(k.om), Sigma8: p.sigma8.at(k.s8)}
}

// on returns the polynomials on a grid.
func (p patch) on(g Grid) []Surface {
	rows, columns := p.omegaM.weights(g.OmegaM), p.sigma8.weights(g.Sigma8)
	out := empty(g, len(p.values))
	n := p.sigma8.degree + 1
	line := make([]float64, n)
	for t := range out {
		for i, w := range rows {
			clear(line)
			for k, weight := range w {
				floats.AddScaled(line, weight, p.values[t][k*n:(k+1)*n])
			}
			for j, w := range columns {
				out[t].NLL[i*len(columns)+j] = floats.Dot(w, line)
			}
		}
	}
	return out
}

// probable returns the smallest rectangle that holds all points at which some term's −2Δln L may be below cut, widened by a tenth on
// each side, and whether it is at most 0.6 of the patch along an axis. How far the polynomials may be trusted is what the check
// found, twice over.
func (p patch) probable() (Grid, bool) {
	const n = 60
	whole := rectangle(p.low(), p.high(), n)
	low, high := p.high(), p.low()
	points := whole.Points()
	for _, s := range p.on(whole) {
		for k, d := range s.MinusTwoDeltaLnL() {
			if d < 2*(cut+2*p.err) {
				low.OmegaM, high.OmegaM = min(low.OmegaM, points[k].OmegaM), max(high.OmegaM, points[k].OmegaM)
				low.Sigma8, high.Sigma8 = min(low.Sigma8, points[k].Sigma8), max(high.Sigma8, points[k].Sigma8)
			}
		}
	}
	wider := func(a axis, low, high *float64) bool {
		room := 0.1*(*high-*low) + (a.high-a.low)/n // the peak may lie between two points
		*low, *high = max(*low-room, a.low), min(*high+room, a.high)
		return *high-*low <= 0.6*(a.high-a.low)
	}
	smaller := wider(p.omegaM, &low.OmegaM, &high.OmegaM)
	smaller = wider(p.sigma8, &low.Sigma8, &high.Sigma8) || smaller
	return rectangle(low, high, 2), smaller
}

// check compares the polynomials with the terms at up to 12 points between nodes.
func (p *patch) check(ctx context.Context, e *evaluator, budget int) error {
	const most = 12
	candidates := p.between()
	n := min(most, budget, len(candidates))
	p.err, p.checks = math.Inf(1), n
	if n < 1 {
		return nil
	}
	chosen := make([]key, n)
	for i := range chosen {
		chosen[i] = candidates[i*len(candidates)/n] // evenly from the most to the least probable
	}
	if err := p.ask(ctx, e, chosen); err != nil {
		return err
	}
	p.err = 0
	for _, k := range chosen {
		q := p.params(k)
		for t, s := range p.on(Grid{OmegaM: []float64{q.OmegaM}, Sigma8: []float64{q.Sigma8}}) {
			p.err = max(p.err, 2*math.Abs(s.NLL[0]-p.known[k][t]))
		}
	}
	return nil
}

// between returns the points midway between nodes, in angle, and those midway along the edges, that lie within three sigma of some term
// by the polynomials, or the eight most probable ones where those are fewer; the most probable first. There the error of a
// polynomial is largest.
func (p *patch) between() []key {
	degree := p.omegaM.degree
	half := finest / (2 * degree)
	angles := []int{0}
	for i := range degree {
		angles = append(angles, (2*i+1)*half)
	}
	angles = append(angles, finest)
	g := Grid{}
	for _, a := range angles {
		g.OmegaM, g.Sigma8 = append(g.OmegaM, p.omegaM.at(a)), append(g.Sigma8, p.sigma8.at(a))
	}
	nearest := make([]float64, g.Len()) // the least −2Δln L of any term
	for i := range nearest {
		nearest[i] = math.Inf(1)
	}
	everywhere := p.on(rectangle(p.low(), p.high(), 60))
	for t, s := range p.on(g) {
		least := min(floats.Min(s.NLL), floats.Min(everywhere[t].NLL))
		for i, v := range s.NLL {
			nearest[i] = min(nearest[i], 2*(v-least))
		}
	}
	order := make([]int, len(nearest))
	floats.Argsort(nearest, order)
	var out []key
	for i, d := range nearest {
		k := key{angles[order[i]/len(angles)], angles[order[i]%len(angles)]}
		if p.known[k] == nil && (d < checked || len(out) < 8) { // corners are known
			out = append(out, k)
		}
	}
	return out
}

// axis is an interval with Chebyshev points of the second kind, low first.
type axis struct {
	low, high float64
	degree    int
}

// at returns the point at an angle in units of π over the finest degree.
func (a axis) at(angle int) float64 {
	switch angle { // the ends exactly, so that they do not leave the prior
	case 0:
		return a.low
	case finest:
		return a.high
	}
	return (a.low+a.high)/2 - (a.high-a.low)/2*math.Cos(math.Pi*float64(angle)/finest)
}

// weights returns for each x the weights of the values at the nodes: the barycentric formula of Berrut and Trefethen (2004).
func (a axis) weights(x []float64) [][]float64 {
	step := finest / a.degree
	out := make([][]float64, len(x))
	for i, v := range x {
		w := make([]float64, a.degree+1)
		sum, node := 0.0, -1
		for k := range w {
			d := v - a.at(k*step)
			if d == 0 {
				node = k
				break
			}
			w[k] = 1 / d
			if k%2 == 1 {
				w[k] = -w[k]
			}
			if k == 0 || k == a.degree {
				w[k] /= 2
			}
			sum += w[k]
		}
		if node >= 0 {
			clear(w)
			w[node], sum = 1, 1
		}
		floats.Scale(1/sum, w)
		out[i] = w
	}
	return out
}
