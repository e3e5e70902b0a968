package evaluate

import (
	"context"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/report"
	"darkfield/pkg/summary"
)

// Histograms holds the densities of log10 pixel values at a few validation parameters (the
// paper's figure 4).
type Histograms struct {
	Panels  []HistogramPanel
	Unit    string // of the linear values
	Caption string
}

// HistogramPanel holds the densities of log10 pixel values at one parameter.
type HistogramPanel struct {
	Params     cosmology.Params
	Simulation int
	Centres    []float64 // log10 value
	True       PixelDensity
	Generated  PixelDensity
}

// PixelDensity is the density of the log10 pixels of some maps.
type PixelDensity struct {
	summary.BinStats         // over maps, of the probability per dex
	Outside          float64 // share of pixels outside the bins
	LogMean          float64 // of all pixels
	LogDeviation     float64
}

// WriteCSV writes one row a bin.
func (h Histograms) WriteCSV(path string) error {
	t := report.NewTable("omega_m", "sigma_8", "simulation", "log10_value", "true_mean", "true_std",
		"generated_mean", "generated_std")
	for _, p := range h.Panels {
		for i, c := range p.Centres {
			t.Add(p.Params.OmegaM, p.Params.Sigma8, p.Simulation, c, p.True.Mean[i], p.True.Std[i],
				p.Generated.Mean[i], p.Generated.Std[i])
		}
	}
	return t.Write(path)
}

// Histograms compares the densities of log10 pixel values of true maps with those of MapsPerParam
// generated ones, at the parameters of Spectra. The bins span the true pixels of all panels, with
// a twentieth more on each side.
func (e Emulator) Histograms(ctx context.Context, cfg Config) (Histograms, error) {
	out := Histograms{
		Unit:    e.Suite.Description.Unit,
		Caption: e.spectraCaption(cfg, "Bands: mean ± one standard deviation over maps."),
	}
	var truths, generateds [][]field.LogMap
	err := e.each(ctx, cfg, cfg.SpectraPanels, "histograms",
		func(sim int, maps *camels.Maps, truth, generated []field.LogMap) error {
			truths, generateds = append(truths, truth), append(generateds, generated)
			out.Panels = append(out.Panels, HistogramPanel{Params: maps.Params(sim), Simulation: sim})
			return nil
		})
	if err != nil {
		return out, err
	}
	edges := histogramEdges(truths, cfg.HistogramBins)
	for i := range out.Panels {
		p := &out.Panels[i]
		for j := range cfg.HistogramBins {
			p.Centres = append(p.Centres, (edges[j]+edges[j+1])/2)
		}
		p.True, p.Generated = densityOf(truths[i], edges), densityOf(generateds[i], edges)
	}
	return out, nil
}

// histogramEdges spans the pixels of all maps.
func histogramEdges(groups [][]field.LogMap, bins int) []float64 {
	low, high := float64(groups[0][0].Values[0]), float64(groups[0][0].Values[0])
	for _, maps := range groups {
		for _, m := range maps {
			for _, v := range m.Values {
				low, high = min(low, float64(v)), max(high, float64(v))
			}
		}
	}
	room := max((high-low)/20, 1e-3) // something to draw even where all pixels are equal
	return floats.Span(make([]float64, bins+1), low-room, high+room)
}

func densityOf(maps []field.LogMap, edges []float64) PixelDensity {
	var out PixelDensity
	var all []summary.Histogram
	for _, m := range maps {
		h := summary.NewHistogram(m.Values, edges)
		all = append(all, h)
		out.Outside += (h.Under + h.Over) / float64(len(maps))
	}
	out.BinStats = summary.Envelope(all)
	out.LogMean, out.LogDeviation = pixelMoments(maps)
	return out
}

// pixelMoments returns mean and standard deviation of all pixels of all maps.
func pixelMoments(maps []field.LogMap) (mean, deviation float64) {
	return stat.MeanStdDev(pixelsOf(maps), nil)
}

func pixelsOf(maps []field.LogMap) []float64 {
	var out []float64
	for _, m := range maps {
		for _, v := range m.Values {
			out = append(out, float64(v))
		}
	}
	return out
}
