package evaluate

import (
	"darkfield/pkg/cosmology"
	"darkfield/pkg/report"
)

// Histograms holds the densities of log10 pixel values at a few validation parameters (the
// paper's figure 4).
type Histograms struct {
	Panels  []HistogramPanel
	Unit    string // of the linear values
	Caption string
}

// HistogramPanel holds the mean and standard deviation over maps of the density of log10 pixel
// values, per dex.
type HistogramPanel struct {
	Params           cosmology.Params
	Simulation       int
	Centres          []float64 // log10 value
	TrueMean         []float64 // probability per dex
	TrueStd          []float64 // with N−1
	GenMean          []float64
	GenStd           []float64
	TrueMaps         int
	GenMaps          int
	TrueOutside      float64 // fraction of true pixels outside the bins
	GenOutside       float64
	TrueLogMean      float64 // mean log10 of all true pixels
	GenLogMean       float64
	TrueLogDeviation float64 // standard deviation of all true log10 pixels
	GenLogDeviation  float64
}

// WriteCSV writes one row a bin.
func (h Histograms) WriteCSV(path string) error {
	t := report.NewTable("omega_m", "sigma_8", "simulation", "log10_value", "true_mean", "true_std",
		"generated_mean", "generated_std")
	for _, p := range h.Panels {
		for i, c := range p.Centres {
			t.Add(p.Params.OmegaM, p.Params.Sigma8, p.Simulation, c, p.TrueMean[i], p.TrueStd[i],
				p.GenMean[i], p.GenStd[i])
		}
	}
	return t.Write(path)
}
