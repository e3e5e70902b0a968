package evaluate

import (
	"context"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
	"darkfield/pkg/report"
	"darkfield/pkg/summary"
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
	Z          [][]float64 // [generated map][k]: (P − mean)/std of the true maps
	// mean and standard deviation of these over maps
	TrueStats, GeneratedStats, ZStats summary.BinStats
}

// WriteCSV writes one row for each spectrum and wavenumber, and the means, deviations and
// z-scores as rows of their own.
func (s Spectra) WriteCSV(path string) error {
	t := report.NewTable("omega_m", "sigma_8", "simulation", "quantity", "map", "k_h_per_mpc", "value")
	for _, p := range s.Panels {
		curve := func(quantity string, of any, values []float64) {
			t.Curve(p.K, values, p.Params.OmegaM, p.Params.Sigma8, p.Simulation, quantity, of)
		}
		curves := func(quantity string, values [][]float64) {
			for m, c := range values {
				curve(quantity, m, c)
			}
		}
		curves("power_true", p.True)
		curves("power_generated", p.Generated)
		curves("z_generated", p.Z)
		stats := func(quantity string, s summary.BinStats) {
			curve(quantity+"_mean", "", s.Mean)
			curve(quantity+"_std", "", s.Std)
		}
		stats("power_true", p.TrueStats)
		stats("power_generated", p.GeneratedStats)
		stats("z_generated", p.ZStats)
	}
	return t.Write(path)
}

// Spectra compares spectra of true and generated log fields at SpectraPanels validation parameters
// that lie far apart, with as many generated maps as there are true ones (15 in CAMELS).
func (e Emulator) Spectra(ctx context.Context, cfg Config) (Spectra, error) {
	out := Spectra{Caption: e.spectraCaption(cfg, "Bands: mean ± one standard deviation over maps, "+
		"not below the lowest map. z: deviation from the true mean in true standard deviations.")}
	err := e.each(ctx, cfg, cfg.SpectraPanels, "spectra",
		func(sim int, maps *camels.Maps, truth, generated []field.LogMap) error {
			p := SpectraPanel{Params: maps.Params(sim), Simulation: sim}
			p.K, p.True = e.powers(truth)
			_, p.Generated = e.powers(generated[:min(len(truth), len(generated))])
			p.TrueStats, p.GeneratedStats = summary.Stats(p.True), summary.Stats(p.Generated)
			for _, g := range p.Generated {
				p.Z = append(p.Z, p.TrueStats.ZScores(g))
			}
			p.ZStats = summary.Stats(p.Z)
			out.Panels = append(out.Panels, p)
			return nil
		})
	return out, err
}

// each calls work for n held-out simulations with the true maps and MapsPerParam generated ones.
func (e Emulator) each(ctx context.Context, cfg Config, n int, stage string,
	work func(sim int, maps *camels.Maps, truth, generated []field.LogMap) error,
) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	maps, err := e.Maps()
	if err != nil {
		return err
	}
	sims, err := e.Choose(n, cfg.SpectraPanels)
	if err != nil {
		return err
	}
	return e.over(ctx, cfg, maps, sims, stage, work)
}

// over calls work for some simulations with the true maps and MapsPerParam generated ones.
func (e Emulator) over(ctx context.Context, cfg Config, maps *camels.Maps, sims []int, stage string,
	work func(sim int, maps *camels.Maps, truth, generated []field.LogMap) error,
) error {
	for i, sim := range sims {
		truth, err := e.Simulation(maps, sim)
		if err != nil {
			return err
		}
		// A few maps more than true ones are needed only for figures 4 and 5, but one file then serves
		// all figures.
		generated, err := e.generate(ctx, maps.Params(sim), cfg.MapsPerParam, seedFor(cfg.Seed, sim),
			e.Report(stage, i, len(sims)))
		if err != nil {
			return err
		}
		if err := work(sim, maps, truth, generated); err != nil {
			return err
		}
	}
	return nil
}
