package modelcard

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/evaluate"
)

// Sections of a model card, in their order.
const (
	SectionChi2      = "Reduced chi² beside other universes"
	SectionPaper     = "The paper's table"
	SectionPower     = "Power beside other universes"
	SectionScatter   = "Scatter of power from map to map"
	SectionShapes    = "Peaks and Minkowski functionals beside other universes"
	SectionResponses = "Response to one parameter"
	SectionPixels    = "Densities of pixels"
	SectionNovelty   = "Are the maps new?"
)

// Aims that figures show.
const (
	PowerWithin    = 0.03 // of the control's power of log fields
	PowerUpTo      = 0.7  // of the Nyquist wavenumber
	ResponseWithin = 0.10 // of the true response, but for the first bins
)

// Further aims.
const (
	chi2Within     = 0.05 // of the control's mean reduced chi²
	densityWithin  = 0.15 // of the control's power of densities
	scatterWithin  = 0.10 // of the control's variance of single maps' power of log fields
	shapesWithin   = 0.10 // of the control's mean z² of peaks and Minkowski functionals
	jointChance    = 0.01 // of so large a chi² of the responses' first bins
	meanWithin     = 0.01 // dex
	quantileWithin = 0.02 // dex
	noveltyChance  = 0.01
)

// rows holds what was measured against the aims.
func (c Results) rows(cfg Config) []Row {
	var out []Row
	for _, section := range []struct {
		name string
		rows []Row
	}{
		{SectionChi2, chi2Rows(c.Control)},
		{SectionPaper, paperRows(c.Paper, cfg)},
		{SectionPower, powerRows(c.Control)},
		{SectionScatter, binRows(c.Control, "variance of log fields' power", c.Control.Scatter,
			scatterWithin)},
		{SectionShapes, shapeRows(c.Control)},
		{SectionResponses, responseRows(c.Responses)},
		{SectionPixels, pixelRows(c.Control)},
		{SectionNovelty, noveltyRows(c.Novelty)},
	} {
		for _, r := range section.rows {
			r.Section = section.name
			out = append(out, r)
		}
	}
	return out
}

// shown is a row without an aim.
func shown(quantity string, value, standardError float64, note string) Row {
	return Row{Quantity: quantity, Value: value, Error: standardError, Note: note}
}

// chi2Rows has an aim of two sides: a perfect emulator scores as the control does, and one whose
// maps scatter too little scores less.
func chi2Rows(c evaluate.Control) []Row {
	universes := math.Inf(1)
	for _, r := range c.Rows {
		universes = min(universes, float64(r.Universes))
	}
	generated, generatedError := evaluate.OverRows(c.Rows, evaluate.GeneratedChi2)
	control, controlError := evaluate.OverRows(c.Rows, evaluate.ControlChi2)
	median := func(of func(evaluate.ControlRow) evaluate.Summary) (float64, float64) {
		return evaluate.OverRows(c.Rows, func(r evaluate.ControlRow) float64 { return of(r).Median })
	}
	generatedMedian, e1 := median(func(r evaluate.ControlRow) evaluate.Summary { return r.Generated })
	controlMedian, e2 := median(func(r evaluate.ControlRow) evaluate.Summary { return r.Control })
	root := math.Sqrt(float64(len(c.Rows)))
	left := evaluate.Summarise(c.LeaveOneOut)
	return []Row{
		shown("generated / control, mean reduced chi²", c.Ratio, c.RatioError,
			"error: bootstrap over parameters").within(1-chi2Within, 1+chi2Within),
		shown("held-out parameters", float64(len(c.Rows)), 0, ""),
		shown("other universes at each", universes, 0, "least number"),
		shown("generated: mean", generated, generatedError,
			fmt.Sprintf("%d maps at each parameter", c.Rows[0].Generated.N)),
		shown("control: mean", control, controlError, ""),
		shown("generated: mean of medians", generatedMedian, e1, ""),
		shown("control: mean of medians", controlMedian, e2, ""),
		shown("generated: spread of the means over parameters", generatedError*root, 0,
			"standard deviation"),
		shown("control: spread of the means over parameters", controlError*root, 0, "standard deviation"),
		shown("true maps left out one by one: mean", left.Mean, 0, "too low: they share their universe "+
			"with the reference"),
		shown("expected of perfect maps with Gaussian spectra", c.Expectation, 0,
			fmt.Sprintf("%d references, %d bins", c.References, len(c.K))),
	}
}

func paperRows(c evaluate.Chi2, cfg Config) []Row {
	left, made14, made15 := evaluate.Summarise(c.LeaveOneOut), evaluate.Summarise(c.Generated14),
		evaluate.Summarise(c.Generated15)
	var lefts, all []float64
	for _, r := range c.Rows {
		lefts, all = append(lefts, r.LeaveOneOut.Mean), append(all, r.Generated15.Mean)
	}
	ratio, e := evaluate.RatioOfMeans(all, lefts, cfg.Evaluate.Seed)
	spread := func(values []float64) float64 { return stat.StdDev(values, nil) }
	return []Row{
		shown("generated / left out one by one, mean reduced chi²", ratio, e, "the paper, 256² pixels: "+
			"1.30/1.27 = 1.024; error: bootstrap over parameters"),
		shown("generated, against all references: mean", made15.Mean,
			spread(all)/math.Sqrt(float64(len(all))), fmt.Sprintf("%d parameters × %d maps", len(c.Rows),
				made15.N/len(c.Rows))),
		shown("generated, against all references: median", made15.Median, 0, ""),
		shown("expected against all references", c.Expectation15, 0, fmt.Sprintf("perfect maps with "+
			"Gaussian spectra, %d references, %d bins", c.References15, c.Bins)),
		shown("true, left out one by one: mean", left.Mean, spread(lefts)/math.Sqrt(float64(len(lefts))),
			""),
		shown("true, left out one by one: median", left.Median, 0, ""),
		shown("generated, against all but one: mean", made14.Mean, 0, ""),
		shown("expected against all but one", c.Expectation14, 0,
			fmt.Sprintf("%d references", c.References14)),
	}
}

func powerRows(c evaluate.Control) []Row {
	worst := 0
	for i, k := range c.K {
		if k < PowerUpTo*c.KNyquist && further(c.LinearPower.Mean[i], c.LinearPower.Mean[worst]) {
			worst = i
		}
	}
	densities := shown(fmt.Sprintf("densities, furthest from 1 below %g of Nyquist", PowerUpTo),
		c.LinearPower.Mean[worst], c.LinearPower.Std[worst], fmt.Sprintf("at k = %.3g h/Mpc", c.K[worst]))
	return append(binRows(c, "log fields", c.LogPower, PowerWithin),
		densities.within(1-densityWithin, 1+densityWithin))
}

// shapeNames are the statistics of shapeRows as text shows them.
var shapeNames = map[string]string{
	evaluate.Peaks: "peaks", evaluate.ExcursionArea: "area above a threshold, V_0",
	evaluate.Boundary:            "length of its boundary, V_1",
	evaluate.EulerCharacteristic: "Euler characteristic, V_2",
}

func shapeRows(c evaluate.Control) []Row {
	var out []Row
	for _, s := range c.Shapes {
		out = append(out, shown(fmt.Sprintf("%s, %s: generated / control, mean z²", s.Field,
			shapeNames[s.Statistic]), s.Ratio, s.Error, "error: bootstrap over parameters").
			within(1-shapesWithin, 1+shapesWithin))
	}
	return out
}

// binRows hold a ratio bin by bin, with an aim below PowerUpTo of Nyquist.
func binRows(c evaluate.Control, quantity string, ratio evaluate.Ratio, within float64) []Row {
	var out []Row
	for i, k := range c.K {
		r := shown(fmt.Sprintf("%s, k = %.3g h/Mpc", quantity, k), ratio.Mean[i], ratio.Std[i], "")
		if k < PowerUpTo*c.KNyquist {
			r = r.within(1-within, 1+within)
		} else {
			r.Note = fmt.Sprintf("beyond %g of Nyquist", PowerUpTo)
		}
		out = append(out, r)
	}
	return out
}

// further reports whether a ratio is further from 1 than another; NaN is furthest.
func further(a, b float64) bool { return math.Abs(a-1) > math.Abs(b-1) || math.IsNaN(a) }

func responseRows(r evaluate.Responses) []Row {
	out := []Row{
		shown("boxes at each value", float64(r.Realisations), 0, "with common phases"),
		shown("generated maps at each value", float64(r.Maps), 0, "with common noise"),
		shown(fmt.Sprintf("chance of so large a chi², first %d bins of all values", evaluate.NoisyBins),
			r.Joint.P, 0, fmt.Sprintf("chi² = %.4g of %d bins, errors and their correlations from boxes "+
				"and generated maps", r.Joint.Chi2, r.Joint.Bins)).atLeast(jointChance),
	}
	for _, m := range r.Moved {
		high := min(evaluate.NoisyBins, len(r.K)-1)
		deviation := func(i int) float64 { return (m.Quotient[i] - 1) / m.QuotientError[i] }
		low := furthestBin(min(evaluate.NoisyBins, len(r.K)), deviation)
		for i := range r.K {
			if i >= evaluate.NoisyBins && further(m.Quotient[i], m.Quotient[high]) {
				high = i
			}
		}
		name := fmt.Sprintf("%s = %g: generated/true P/P_fid", symbol(m.Parameter), m.Value)
		at := func(i int) string {
			return fmt.Sprintf("k = %.3g h/Mpc: generated %.3g ± %.2g, true %.3g ± %.2g", r.K[i],
				m.Generated[i], m.GeneratedError[i], m.True[i], m.TrueError[i])
		}
		out = append(out,
			shown(name+fmt.Sprintf(", furthest from 1 from bin %d up", evaluate.NoisyBins+1),
				m.Quotient[high], m.QuotientError[high], at(high)).within(1-ResponseWithin, 1+ResponseWithin),
			shown(name+fmt.Sprintf(" − 1, first %d bins, in standard errors", evaluate.NoisyBins),
				deviation(low), 0, at(low)),
			shown(name+fmt.Sprintf(", mean of the first %d bins", evaluate.NoisyBins), m.First, m.FirstError,
				"errors of bins are correlated"))
		if m.Fit != nil {
			fit := func(i int) float64 { return (m.Fit[i]/m.True[i] - 1) / m.QuotientError[i] }
			i := furthestBin(min(evaluate.NoisyBins, len(r.K)), fit)
			out = append(out, shown(symbol(m.Parameter)+fmt.Sprintf(" = %g: the same of power laws "+
				"through %d training simulations", m.Value, r.Trained), fit(i), 0,
				fmt.Sprintf("in the same errors; k = %.3g h/Mpc: fit %.3g ± %.2g, true %.3g ± %.2g", r.K[i],
					m.Fit[i], m.FitError[i], m.True[i], m.TrueError[i])))
		}
	}
	return out
}

// furthestBin returns which of the first n values is furthest from 0; NaN is furthest.
func furthestBin(n int, of func(i int) float64) int {
	best := 0
	for i := 1; i < n; i++ {
		if math.Abs(of(i)) > math.Abs(of(best)) || math.IsNaN(of(i)) {
			best = i
		}
	}
	return best
}

// symbol is a parameter as text shows it.
func symbol(name string) string {
	if s, ok := map[string]string{"Omega_m": "Ω_m", "sigma_8": "σ_8"}[name]; ok {
		return s
	}
	return name
}

func pixelRows(c evaluate.Control) []Row {
	var out []Row
	for _, q := range []struct {
		name string
		of   func(evaluate.Pixels) float64
		aim  float64
	}{
		{"mean log10", func(p evaluate.Pixels) float64 { return p.LogMean }, meanWithin},
		{
			"99.9 % quantile of log10", func(p evaluate.Pixels) float64 { return p.Quantile },
			quantileWithin,
		},
		{"standard deviation of log10", func(p evaluate.Pixels) float64 { return p.LogDeviation }, 0},
	} {
		difference := func(r evaluate.ControlRow) float64 {
			return q.of(r.GeneratedPixels) - q.of(r.ControlPixels)
		}
		mean, e := evaluate.OverRows(c.Rows, difference)
		row := shown(q.name+", generated − control", mean, e, "dex, mean over parameters")
		if q.aim > 0 {
			row = row.within(-q.aim, q.aim)
		}
		var worst float64
		var at cosmology.Params
		for _, r := range c.Rows {
			if d := difference(r); math.Abs(d) >= math.Abs(worst) || math.IsNaN(d) {
				worst, at = d, r.Params
			}
		}
		out = append(out, row, shown(q.name+", the worst parameter", worst, 0, "dex, at "+at.String()))
	}
	return out
}

func noveltyRows(n evaluate.Novelty) []Row {
	var made, held []float64
	for _, r := range n.Rows {
		made, held = append(made, r.Generated), append(held, r.HeldOut)
	}
	maps := evaluate.Summarise(made)
	return []Row{
		shown("chance of so small distances, if as those of true maps", n.Smaller.P, 0,
			fmt.Sprintf("one-sided Kolmogorov–Smirnov test, D = %.3g", n.Smaller.D)).atLeast(noveltyChance),
		shown("generated maps looked up", float64(maps.N), 0,
			fmt.Sprintf("among %d training maps", n.Training)),
		shown("generated: median distance", maps.Median, 0, "dex, rms over pixels"),
		shown("held out: median distance", evaluate.Summarise(held).Median, 0, "dex"),
		shown("generated: least distance", slices.Min(made), 0, "dex"),
		shown("held out: least distance", slices.Min(held), 0, "dex"),
	}
}
