package likelihood

import (
	"context"
	"math"

	"gonum.org/v1/gonum/floats"

	"darkfield/pkg/cosmology"
)

// key is a point of a patch by its Chebyshev angles, in units of π over the finest degree.
type key struct{ om, s8 int }

const finest = coarsest << 6

// patch is a rectangle with the terms at the products of Chebyshev points.
type patch struct {
	omegaM, sigma8 axis
	known          map[key][]float64 // terms at the nodes and at checked points between them
	values         [][]float64       // [term][node]; σ_8 runs fastest
	err            float64           // largest error of −2Δln L in the last check
	checks         int               // number of points of the last check
}

func newPatch(low, high cosmology.Params) patch {
	return patch{
		omegaM: axis{low.OmegaM, high.OmegaM, 0}, sigma8: axis{low.Sigma8, high.Sigma8, 0},
		known: map[key][]float64{},
		err:   math.Inf(1),
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

// double doubles the degree; a new patch gets twice the coarsest.
func (p *patch) double(ctx context.Context, e *evaluator) error {
	if p.omegaM.degree == 0 {
		if err := p.raise(ctx, e, coarsest, coarsest); err != nil {
			return err
		}
	}
	return p.raise(ctx, e, 2*p.omegaM.degree, 2*p.sigma8.degree)
}

// costOfDoubling returns the number of evaluations that double needs.
func (p *patch) costOfDoubling() int {
	if 4*p.omegaM.degree > finest { // no angles would be left between the nodes
		return math.MaxInt / 2
	}
	n := 2*p.omegaM.degree + 1
	return n*n - len(p.known)
}

// raise sets the degrees and evaluates the terms at the nodes that are not known.
func (p *patch) raise(ctx context.Context, e *evaluator, om, s8 int) error {
	var nodes, missing []key
	for i := range om + 1 {
		for j := range s8 + 1 {
			k := key{i * finest / om, j * finest / s8}
			nodes = append(nodes, k)
			if p.known[k] == nil {
				missing = append(missing, k)
			}
		}
	}
	if err := p.ask(ctx, e, missing); err != nil {
		return err
	}
	p.omegaM.degree, p.sigma8.degree = om, s8
	p.values = make([][]float64, e.columns)
	for _, k := range nodes {
		for t, v := range p.known[k] {
			p.values[t] = append(p.values[t], v)
		}
	}
	return nil
}

// ask evaluates the terms at keys and stores them.
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

// on returns the values of the polynomials on a grid.
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

// probable returns the smallest rectangle that holds all points at which the −2Δln L of some term
// may be below cut, widened by a tenth on each side, and whether it is at most 0.6 of the patch
// along an axis. Twice the error of the check is allowed for.
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
		margin := 0.1*(*high-*low) + (a.high-a.low)/n // the peak may lie between two points
		*low, *high = max(*low-margin, a.low), min(*high+margin, a.high)
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

// between returns the points to check, the most probable first: those midway between nodes in
// angle, along the edges too, where the error of a polynomial is largest. They lie within three
// sigma of some term by the polynomials; at least the eight most probable ones are returned.
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

// axis is an interval of a positive parameter with Chebyshev points of the second kind in its
// logarithm, the lowest first. Summaries of maps are close to power laws of the parameters, so
// polynomials in the logarithms need fewer nodes.
type axis struct {
	low, high float64
	degree    int
}

// at returns the point at an angle in units of π over the finest degree.
func (a axis) at(angle int) float64 {
	switch angle { // the ends are exact, so that rounding does not leave the prior
	case 0:
		return a.low
	case finest:
		return a.high
	}
	return math.Sqrt(a.low*a.high) *
		math.Exp(-math.Log(a.high/a.low)/2*math.Cos(math.Pi*float64(angle)/finest))
}

// weights returns, for each x, the weights of the values at the nodes, by the barycentric formula
// of Berrut and Trefethen (2004).
func (a axis) weights(x []float64) [][]float64 {
	step := finest / a.degree
	out := make([][]float64, len(x))
	for i, v := range x {
		w := make([]float64, a.degree+1)
		sum, node := 0.0, -1
		for k := range w {
			d := math.Log(v / a.at(k*step))
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
