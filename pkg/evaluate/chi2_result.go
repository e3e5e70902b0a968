package evaluate

import (
	"darkfield/pkg/cosmology"
	"darkfield/pkg/report"
)

// Chi2 holds reduced chi² values of the spectra of log fields (the paper's figure 5): of true
// maps left out one at a time and of as many generated maps, both against the true maps but one,
// and of all generated maps against all true ones.
type Chi2 struct {
	LeaveOneOut []float64
	Generated14 []float64
	Generated15 []float64
	// mean for a perfect emulator with Gaussian spectra, from the number of reference maps and bins
	Expectation14 float64
	Expectation15 float64
	References14  int // maps in the reference of LeaveOneOut and Generated14: 14 in CAMELS
	References15  int
	Bins          int // wavenumbers
	Rows          []Chi2Row
	Caption       string
}

// Chi2Row is one validation parameter's part of a Chi2.
type Chi2Row struct {
	Params      cosmology.Params
	Simulation  int
	LeaveOneOut Summary
	Generated14 Summary
	Generated15 Summary
}

// Summary is the mean and the median of a sample: the mean of chi² is ruled by a few bad maps, so
// the median stands beside it.
type Summary struct {
	Mean   float64 `json:"mean"`
	Median float64 `json:"median"`
	N      int     `json:"n"`
}

// WriteCSV writes one row a value.
func (c Chi2) WriteCSV(path string) error {
	t := report.NewTable("omega_m", "sigma_8", "simulation", "kind", "index", "reduced_chi2")
	for _, k := range []struct {
		kind   string
		values []float64
	}{
		{"leave_one_out", c.LeaveOneOut},
		{"generated_leave_one_out", c.Generated14},
		{"generated_all", c.Generated15},
	} {
		for i, v := range k.values {
			// every parameter has the same number of values, in the order of Rows
			r := c.Rows[i*len(c.Rows)/len(k.values)]
			t.Add(r.Params.OmegaM, r.Params.Sigma8, r.Simulation, k.kind, i%(len(k.values)/len(c.Rows)), v)
		}
	}
	return t.Write(path)
}
