package validation

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/report"
)

// OnePoint is the distribution of the pixels of an LH set.
type OnePoint struct {
	Centres, Density      []float64 // of log10, per dex
	Low, High             []float64 // 16 % and 84 % over the boxes
	Mean, MeanError       float64   // of log10, all boxes together; errors from the scatter over boxes
	Std, StdError         float64
	CAMELSMean, CAMELSStd float64 // published: mean and standard deviation
	Caption               string
}

// camelsMean and camelsStd are the published mean and standard deviation of log10 of the pixels of
// CAMELS' maps (Mcdm, IllustrisTNG, LH).
const (
	camelsMean = 10.971
	camelsStd  = 0.509
)

func (b *boxStudy) onePoint(c Config) OnePoint {
	out := OnePoint{CAMELSMean: camelsMean, CAMELSStd: camelsStd}
	moments := func(skip int) (mean, std float64) {
		n := 0.0
		for i, m := range b.hypercube {
			if i != skip {
				mean, std, n = mean+m.LogMean, std+m.LogSquares, n+1
			}
		}
		mean /= n
		return mean, math.Sqrt(std/n - mean*mean)
	}
	out.Mean, out.MeanError = jackknifed(len(b.hypercube),
		func(skip int) float64 { m, _ := moments(skip); return m })
	out.Std, out.StdError = jackknifed(len(b.hypercube),
		func(skip int) float64 { _, s := moments(skip); return s })
	edges := logEdges()
	for i := range logBins {
		var values []float64
		sum := 0.0
		for _, m := range b.hypercube {
			values = append(values, m.Histogram[i])
			sum += m.Histogram[i] / float64(len(b.hypercube))
		}
		slices.Sort(values)
		low, high := stat.Quantile(0.16, stat.Empirical, values, nil),
			stat.Quantile(0.84, stat.Empirical, values, nil)
		out.Centres, out.Density = append(out.Centres, (edges[i]+edges[i+1])/2), append(out.Density, sum)
		out.Low, out.High = append(out.Low, low), append(out.High, high)
	}
	out.Caption = fmt.Sprintf("%d FastPM mocks of an LH set, %d³ particles, %d² pixels; "+
		"band: 16 %% to 84 %% of the boxes.", c.Boxes, c.Box.Particles, c.Box.Pixels)
	return out
}

func (o OnePoint) rows(c Config) []Row {
	return section(SectionPixels, []Row{
		row("mean of log10 of a pixel",
			"CAMELS, published: hydrodynamics in the same box; no aim", o.Mean).
			plusMinus(o.MeanError).want(o.CAMELSMean, 0),
		row("standard deviation of log10 of a pixel",
			"CAMELS, published", o.Std).plusMinus(o.StdError).want(o.CAMELSStd, c.tolerance(0.03)),
	})
}

// WriteCSV writes one row a number.
func (o OnePoint) WriteCSV(path string) error {
	t := report.NewTable("quantity", "log10", "value")
	t.Curve(o.Centres, o.Density, "density")
	t.Curve(o.Centres, o.Low, "density_16")
	t.Curve(o.Centres, o.High, "density_84")
	return t.Write(path)
}
