package inference

import (
	"darkfield/pkg/cosmology"
	"darkfield/pkg/likelihood"
	"darkfield/pkg/report"
)

// Contours holds likelihood surfaces around one truth (the first row of the paper's figure 3).
type Contours struct {
	Truth      cosmology.Params
	Simulation int
	Terms      []int                // terms i of the bound, x_{i+1} each
	PerTerm    []likelihood.Surface // one for each of Terms
	Seed       uint64               // of the noise behind PerTerm
	Map        int                  // 0…14 within the simulation, the map behind PerTerm
	SeedsMaps  []SeedMap            // the first of Terms for some seeds and maps
	Caption    string
}

// SeedMap is the surface of one map with one noise seed.
type SeedMap struct {
	Seed    uint64 // of the noise in the bound's terms
	Map     int    // 0…14 within the simulation
	Surface likelihood.Surface
}

// WriteCSV writes one row for each surface and grid point; the figure's panel is "terms" or
// "seeds_maps".
func (c Contours) WriteCSV(path string) error {
	t := report.NewTable("panel", "truth_omega_m", "truth_sigma_8", "term", "seed", "map", "omega_m",
		"sigma_8", "minus_two_delta_lnl")
	add := func(panel string, s likelihood.Surface, term int, seed uint64, index int) {
		points := s.Grid.Points()
		for i, v := range s.MinusTwoDeltaLnL() {
			t.Add(panel, c.Truth.OmegaM, c.Truth.Sigma8, term, seed, index, points[i].OmegaM,
				points[i].Sigma8, v)
		}
	}
	for i, s := range c.PerTerm {
		add("terms", s, c.Terms[i], c.Seed, c.Map)
	}
	for _, s := range c.SeedsMaps {
		add("seeds_maps", s.Surface, c.Terms[0], s.Seed, s.Map)
	}
	return t.Write(path)
}
