package evaluate

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat/distuv"

	"darkfield/pkg/camels"
	"darkfield/pkg/field"
	"darkfield/pkg/summary"
)

// Statistics besides power, in their order.
const (
	Peaks               = "peaks"          // (h/Mpc)² a unit of ν: local maxima by area and height
	ExcursionArea       = "V0"             // share of the map above the threshold
	Boundary            = "V1"             // h/Mpc: length of its boundary by area
	EulerCharacteristic = "V2"             // (h/Mpc)²: parts less holes by area
	Equilateral         = "Q(k, k, k)"     // reduced bispectrum; 1/dex for log fields
	Squeezed            = "Q(k_min, k, k)" // the same with one side in the first ring of modes
	Skewness            = "skewness"       // of the map smoothed by a Gaussian
)

const (
	thresholdStep = 0.25
	peakStep      = 0.5
	// fewestCells is the side of the smallest maps with a ring of triangles.
	fewestCells = 7
	// fewestValues is how many values a statistic must take in the true maps of a simulation for
	// their scatter to be a unit: counts that are mostly 0 have none.
	fewestValues = 5
)

// NonGaussian compares what a power spectrum does not see: peaks, Minkowski functionals, reduced
// bispectra and the skewness by smoothing scale of generated and true maps at ValidationParams
// held-out parameters, of log fields and of densities.
//
// Thresholds are those of the true maps of each simulation: ν standard deviations above the mean
// of their log10 pixels; for densities the quantiles of 1 + δ that a normal distribution has at
// ν, so that the area above is that of a Gaussian field.
func (e Emulator) NonGaussian(ctx context.Context, cfg Config) (NonGaussian, error) {
	var out NonGaussian
	if e.Box.Cells < fewestCells {
		return out, fmt.Errorf("evaluate: maps of %d pixels a side have no bispectrum, want at least "+
			"%d; use a checkpoint of larger maps", e.Box.Cells, fewestCells)
	}
	views := []view{logView(), densityView()}
	err := e.each(ctx, cfg, cfg.ValidationParams, "beyond P(k)",
		func(sim int, maps *camels.Maps, truth, generated []field.LogMap) error {
			row := NonGaussianRow{Params: maps.Params(sim), Simulation: sim}
			for i, v := range views {
				found := v.compare(row, truth, generated)
				if len(out.Statistics) < (i+1)*len(found) {
					out.Statistics = append(out.Statistics, found...)
					continue
				}
				for j, f := range found {
					at := &out.Statistics[i*len(found)+j]
					at.Rows = append(at.Rows, f.Rows...)
				}
			}
			return nil
		})
	if err != nil {
		return out, err
	}
	out.Caption = e.caption(cfg, "", fmt.Sprintf("%d held-out parameters, %d generated maps at each.",
		len(out.Statistics[0].Rows), cfg.MapsPerParam))
	for i := range out.Statistics {
		out.Statistics[i].ratio(cfg.Seed)
	}
	return out, nil
}

// view is a field that statistics are taken of.
type view struct {
	field      string
	thresholds []float64 // ν
	peaks      []float64 // edges of bins of peak heights, ν
	values     func(field.LogMap) []float32
	levels     func(truth []field.LogMap, nu []float64) []float64 // the values at which ν lies
	bispectrum func(field.LogMap) summary.Bispectrum
}

func logView() view {
	return view{
		LogField, steps(-2, 3, thresholdStep), steps(-1, 4, peakStep),
		func(m field.LogMap) []float32 { return m.Values },
		func(truth []field.LogMap, nu []float64) []float64 {
			mean, deviation := pixelMoments(truth)
			out := make([]float64, len(nu))
			for i, v := range nu {
				out[i] = mean + v*deviation
			}
			return out
		},
		summary.Deviation.Bispectrum,
	}
}

func densityView() view {
	density := func(m field.LogMap) []float32 { return summary.OnePlusDelta(m.Linear()) }
	return view{
		DensityField, steps(-1.5, 3, thresholdStep), steps(-1, 3, peakStep), density,
		func(truth []field.LogMap, nu []float64) []float64 {
			var all []float32
			for _, m := range truth {
				all = append(all, density(m)...)
			}
			shares := make([]float64, len(nu))
			for i, v := range nu {
				shares[i] = distuv.UnitNormal.CDF(v)
			}
			return summary.Quantiles(all, shares...)
		},
		func(m field.LogMap) summary.Bispectrum { return summary.OverdensityBispectrum(m.Linear()) },
	}
}

// steps returns the numbers from low to high.
func steps(low, high, step float64) []float64 {
	return floats.Span(make([]float64, int((high-low)/step+1.5)), low, high)
}

// smoothingScales returns the standard deviations of Gaussians, in Mpc/h: from a pixel, half an
// octave apart, to a tenth of the side, beyond which a map holds few independent pieces.
func smoothingScales(box field.Box) []float64 {
	scales := []float64{box.CellSide()}
	for scale := scales[0] * math.Sqrt2; scale <= box.Side/10; scale *= math.Sqrt2 {
		scales = append(scales, scale)
	}
	return scales
}

// compare measures the maps of one simulation; each statistic gets one row.
func (v view) compare(row NonGaussianRow, truth, generated []field.LogMap) []NonGaussianStatistic {
	levels, edges := v.levels(truth, v.thresholds), v.levels(truth, v.peaks)
	centres := make([]float64, len(v.peaks)-1)
	for i := range centres {
		centres[i] = (v.peaks[i] + v.peaks[i+1]) / 2
	}
	k := v.bispectrum(truth[0]).K
	out := []NonGaussianStatistic{
		{Statistic: Peaks, X: centres},
		{Statistic: ExcursionArea, X: v.thresholds},
		{Statistic: Boundary, X: v.thresholds},
		{Statistic: EulerCharacteristic, X: v.thresholds},
		{Statistic: Equilateral, X: k},
		{Statistic: Squeezed, X: k[min(1, len(k)-1):]}, // the first one is equilateral
		{Statistic: Skewness, X: smoothingScales(truth[0].Box)},
	}
	of := func(maps []field.LogMap) [][][]float64 { // [statistic][map]
		curves := make([][][]float64, len(out))
		for _, m := range maps {
			values := v.values(m)
			peaks := summary.PeakDensity(values, m.Box, edges)
			floats.Scale(1/peakStep, peaks)
			f := summary.MinkowskiOf(values, m.Box, levels)
			equilateral, squeezed := v.bispectrum(m).Reduced()
			for i, c := range [][]float64{
				peaks, f.Area, f.Length, f.Euler, equilateral,
				squeezed[len(k)-len(out[5].X):], summary.SmoothedSkewness(values, m.Box, out[6].X),
			} {
				curves[i] = append(curves[i], c)
			}
		}
		return curves
	}
	truths, made := of(truth), of(generated)
	for i := range out {
		row := row
		row.fill(truths[i], made[i])
		out[i].Field, out[i].Rows = v.field, []NonGaussianRow{row}
	}
	return out
}

// shapeScores gathers the mean z² of peaks and Minkowski functionals, by view and statistic, then
// by parameter.
type shapeScores struct {
	names              []ShapeRatio
	generated, control [][]float64
}

// add scores maps of one parameter against the true ones.
func (s *shapeScores) add(truth, generated, control []field.LogMap) {
	n := 0
	for _, v := range []view{logView(), densityView()} {
		made := v.compare(NonGaussianRow{}, truth, generated)
		others := v.compare(NonGaussianRow{}, truth, control)
		for i, m := range made {
			switch m.Statistic {
			case Peaks, ExcursionArea, Boundary, EulerCharacteristic:
			default:
				continue
			}
			if n == len(s.names) {
				s.names = append(s.names, ShapeRatio{Field: m.Field, Statistic: m.Statistic})
				s.generated, s.control = append(s.generated, nil), append(s.control, nil)
			}
			s.generated[n] = append(s.generated[n], m.Rows[0].GeneratedZ2)
			s.control[n] = append(s.control[n], others[i].Rows[0].GeneratedZ2)
			n++
		}
	}
}

func (s *shapeScores) ratios(seed uint64) []ShapeRatio {
	out := slices.Clone(s.names)
	for i := range out {
		out[i].Ratio, out[i].Error = RatioOfMeans(s.generated[i], s.control[i], seed)
	}
	return out
}

// fill scores curves of generated maps against those of true maps.
func (r *NonGaussianRow) fill(truth, generated [][]float64) {
	r.True, r.Generated = summary.Stats(truth), summary.Stats(generated)
	for i := range r.True.Mean {
		values := map[float64]bool{}
		for _, c := range truth {
			values[c[i]] = true
		}
		r.Scored = append(r.Scored, len(values) >= fewestValues)
	}
	r.GeneratedZ2 = r.meanZ2(generated, r.True)
	for i, c := range truth {
		r.LeftOutZ2 += r.meanZ2([][]float64{c}, summary.Stats(without(truth, i))) / float64(len(truth))
	}
}

// meanZ2 returns the mean of squared z-scores over curves and the points that are scored; 0 for
// no such points.
func (r *NonGaussianRow) meanZ2(curves [][]float64, reference summary.BinStats) float64 {
	sum, n := 0.0, 0.0
	for _, c := range curves {
		for i, z := range reference.ZScores(c) {
			if r.Scored[i] {
				sum, n = sum+z*z, n+1
			}
		}
	}
	return sum / max(n, 1)
}
