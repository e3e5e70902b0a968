package evaluate

import (
	"darkfield/pkg/cosmology"
	"darkfield/pkg/report"
)

// Spectra holds the power spectra of true and generated log fields at a few validation parameters
// (the paper's figure 1).
type Spectra struct {
	Panels  []SpectraPanel
	Caption string
}

// SpectraPanel holds the spectra at one parameter. P is in (Mpc/h)².
type SpectraPanel struct {
	Params     cosmology.Params
	Simulation int
	K          []float64   // h/Mpc
	True       [][]float64 // [map][k]
	Generated  [][]float64 // [map][k]
	TrueMean   []float64   // over the true maps
	TrueStd    []float64   // with N−1
	GenMean    []float64
	GenStd     []float64
	Z          [][]float64 // [generated map][k]: (P − TrueMean)/TrueStd
	ZMean      []float64   // over the generated maps
	ZStd       []float64   // with N−1
}

// WriteCSV writes one row for each spectrum and wavenumber, and the means, deviations and
// z-scores as rows of their own.
func (s Spectra) WriteCSV(path string) error {
	t := report.NewTable("omega_m", "sigma_8", "simulation", "quantity", "map", "k_h_per_mpc", "value")
	for _, p := range s.Panels {
		curves := func(quantity string, values [][]float64) {
			for m, c := range values {
				for i, v := range c {
					t.Add(p.Params.OmegaM, p.Params.Sigma8, p.Simulation, quantity, m, p.K[i], v)
				}
			}
		}
		curves("power_true", p.True)
		curves("power_generated", p.Generated)
		curves("z_generated", p.Z)
		for _, c := range []struct {
			quantity string
			values   []float64
		}{
			{"power_true_mean", p.TrueMean},
			{"power_true_std", p.TrueStd},
			{"power_generated_mean", p.GenMean},
			{"power_generated_std", p.GenStd},
			{"z_generated_mean", p.ZMean},
			{"z_generated_std", p.ZStd},
		} {
			for i, v := range c.values {
				t.Add(p.Params.OmegaM, p.Params.Sigma8, p.Simulation, c.quantity, "", p.K[i], v)
			}
		}
	}
	return t.Write(path)
}
