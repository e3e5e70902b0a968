package figure

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"darkfield/pkg/inference"
	"darkfield/pkg/likelihood"
)

const (
	chainBins  = 30   // of the histograms of draws
	mostPoints = 2000 // that are drawn of all chains, and that a trace shows of each
)

// Chains draws the draws of a posterior of Ω_m and σ_8 in their order (left) and as a corner plot
// (right), with the contours at one and two sigma and the marginals of the grid of the same terms
// on top: two ways to the same posterior.
func Chains(c inference.Chains, grid likelihood.Surface) *Figure {
	return chains(c, 0, 1, grid, "grid")
}

// Joint draws the draws of the two parameters of a joint posterior, the others marginalised, as
// Chains does, with the contours and marginals of their smoothed density on top.
func Joint(c inference.Chains, j inference.Joint) *Figure {
	return chains(c, slices.Index(c.Names, j.X), slices.Index(c.Names, j.Y), j.Surface,
		"smoothed draws")
}

// chains draws the parameters i and k.
func chains(c inference.Chains, i, k int, grid likelihood.Surface, of string) *Figure {
	nameX, nameY := symbol(c, i), symbol(c, k)
	omegaM, sigma8 := columns(c, i, k)
	if len(finite(omegaM...)) == 0 || len(finite(sigma8...)) == 0 {
		return Empty("No chains: nothing was drawn.")
	}
	has := grid.Grid.Validate() == nil && len(grid.NLL) == grid.Grid.Len() &&
		len(finite(grid.NLL)) == len(grid.NLL)
	var om, s8 likelihood.Marginal
	if has {
		om, s8 = grid.Marginals()
	}
	traceX, limitsX := tracePanel(nameX, omegaM, om)
	traceY, limitsY := tracePanel(nameY, sigma8, s8)
	unlabelled(&traceX.X, linear)
	joint := newPanel(linear, linear, "", nameX, nameY)
	joint.rangeX(limitsX[0], limitsX[1])
	joint.rangeY(limitsY[0], limitsY[1])
	draws := dot(faint(blue, 0.35), 1.1)
	joint.Add(spots{
		joint.points(thinned(flat(omegaM), mostPoints), thinned(flat(sigma8), mostPoints)), draws,
	})
	one, two := line(vermillion, 1.6), line(vermillion, 1.2, genDash...)
	legend := []entry{{label: "draws", glyph: draws, fill: faint(blue, 0.2)}}
	if has {
		joint.contour(grid, likelihood.Level1Sigma, one)
		joint.contour(grid, likelihood.Level2Sigma, two)
		legend = append(legend, entry{label: of + ", 1σ and marginals", line: one},
			entry{label: of + ", 2σ", line: two})
	}
	top := marginalPanel("", flat(omegaM), limitsX, om, one)
	unlabelled(&top.X, linear)
	right := marginalPanel(nameY, flat(sigma8), limitsY, s8, one)
	return page(pageWidth, 4.6*vg.Inch, legend, chainNote(c), []*panel{traceX, top, nil},
		[]*panel{traceY, joint, right})
}

// symbol returns what figures call parameter i.
func symbol(c inference.Chains, i int) string {
	if i < 2 {
		return []string{"Ω_m", "σ_8"}[i]
	}
	return c.Names[i]
}

// columns returns the draws of the parameters i and k, chain by chain; a draw without them is left
// out.
func columns(c inference.Chains, i, k int) (first, second [][]float64) {
	for _, chain := range c.Result.Draws {
		var x, y []float64
		for _, p := range chain {
			if len(p) > max(i, k) {
				x, y = append(x, p[i]), append(y, p[k])
			}
		}
		first, second = append(first, x), append(second, y)
	}
	return first, second
}

func flat(chains [][]float64) []float64 { return slices.Concat(chains...) }

// tracePanel draws a parameter against the number of the draw, and returns the limits of the
// parameter: all draws and three sigma of the grid.
func tracePanel(name string, chains [][]float64, grid likelihood.Marginal) (*panel, [2]float64) {
	p := newPanel(linear, linear, "", "draw", name)
	all, longest := finite(chains...), 1
	low, high := all[0], all[len(all)-1]
	if w := 3 * grid.Std; w > 0 && !math.IsInf(w, 0) {
		low = min(low, max(grid.Mean-w, grid.X[0]))
		high = max(high, min(grid.Mean+w, grid.X[len(grid.X)-1]))
	}
	room := 0.03*(high-low) + 1e-6
	limits := [2]float64{low - room, high + room}
	for _, chain := range chains {
		longest = max(longest, len(chain))
	}
	p.rangeX(0, float64(longest))
	p.rangeY(limits[0], limits[1])
	for i, chain := range chains {
		at := make([]float64, len(chain))
		for j := range at {
			at[j] = float64(j)
		}
		p.line(thinned(at, mostPoints), thinned(chain, mostPoints),
			thin(categories[i%len(categories)], 0.6))
	}
	return p, limits
}

// marginalPanel draws the histogram of draws, as a density, and the grid's marginal on it.
func marginalPanel(name string, draws []float64, limits [2]float64, grid likelihood.Marginal,
	sty draw.LineStyle,
) *panel {
	p := newPanel(linear, linear, "", name, "density")
	p.rangeX(limits[0], limits[1])
	edges, heights := histogram(draws, binEnds(draws, limits, grid), chainBins)
	all := finite(heights, grid.P)
	p.rangeY(0, 1.08*max(all[len(all)-1], 1e-300))
	p.bars(edges, heights, faint(blue, 0.2), faint(blue, 0.5))
	p.line(grid.X, grid.P, sty)
	unlabelled(&p.Y, linear)
	p.Y.Label.Text = "density"
	return p
}

// binEnds cuts limits to the grid and the draws: bins end where the prior does, for one across
// its edge would look low.
func binEnds(draws []float64, limits [2]float64, grid likelihood.Marginal) [2]float64 {
	all := finite(draws)
	if len(grid.X) == 0 || len(all) == 0 {
		return limits
	}
	ends := [2]float64{
		max(limits[0], min(grid.X[0], all[0])),
		min(limits[1], max(grid.X[len(grid.X)-1], all[len(all)-1])),
	}
	if !(ends[0] < ends[1]) {
		return limits
	}
	return ends
}

// histogram returns densities in equal bins between the ends, which count as inside.
func histogram(values []float64, ends [2]float64, bins int) (edges, heights []float64) {
	heights = make([]float64, bins)
	width := (ends[1] - ends[0]) / float64(bins)
	for i := range bins + 1 {
		edges = append(edges, ends[0]+width*float64(i))
	}
	for _, v := range values {
		if v >= ends[0] && v <= ends[1] {
			heights[min(int((v-ends[0])/width), bins-1)] += 1 / (width * float64(len(values)))
		}
	}
	return edges, heights
}

// chainNote says how the draws were made and whether to believe them.
func chainNote(c inference.Chains) string {
	note := fmt.Sprintf("Hamiltonian Monte Carlo, %d chains of %d draws after %d iterations of "+
		"warm-up, seed %d.", c.Config.Chains, c.Config.Draws, c.Config.Warmup, c.Config.Seed)
	divergences := 0
	for _, n := range c.Result.Divergences {
		divergences += n
	}
	for k, d := range c.Diagnosis {
		note += fmt.Sprintf(" %s: R-hat %s, effective draws %s (tails %s).", symbol(c, k),
			number(d.RHat, 3), brief(math.Round(d.BulkESS)), brief(math.Round(d.TailESS)))
	}
	note += fmt.Sprintf(" Divergences: %d.", divergences)
	return note + " " + c.Verdict()
}
