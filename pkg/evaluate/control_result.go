package evaluate

import (
	"fmt"
	"strings"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/report"
)

// Control holds scores of generated maps beside those of true maps of other universes.
type Control struct {
	Caption    string `json:"caption"`
	References int    `json:"references"` // true maps that all are scored against
	// mean reduced chi² of a perfect emulator with Gaussian spectra
	Expectation float64      `json:"expected"`
	LeaveOneOut []float64    `json:"leave_one_out"`
	Rows        []ControlRow `json:"rows"`
	// mean reduced chi² of generated maps, by that of the control
	Ratio       float64   `json:"chi2_ratio"`
	RatioError  float64   `json:"chi2_ratio_error"`
	K           []float64 `json:"k"`            // h/Mpc
	KNyquist    float64   `json:"k_nyquist"`    // h/Mpc, of the maps
	LogPower    Ratio     `json:"log_power"`    // generated/control spectra of log fields
	LinearPower Ratio     `json:"linear_power"` // of the density contrast
	// generated/control variance of a single map's power of log fields over its mean, pooled over
	// parameters; of the control between universes and within them
	Scatter Ratio `json:"power_variance"`
	// Peaks and Minkowski functionals, of log fields and of densities; none for maps below 7² pixels.
	Shapes []ShapeRatio `json:"shapes"`
}

// ShapeRatio is the mean z² of generated maps over that of the control, both against the true maps
// of the reference, for a statistic of NonGaussian, with its standard error over parameters.
type ShapeRatio struct {
	Field     string  `json:"field"`
	Statistic string  `json:"statistic"`
	Ratio     float64 `json:"z2_ratio"`
	Error     float64 `json:"z2_ratio_error"`
}

// ControlRow is one parameter's part of a Control.
type ControlRow struct {
	Params          cosmology.Params `json:"params"`
	Simulation      int              `json:"simulation"`
	Universes       int              `json:"universes"` // in the control
	Generated       Summary          `json:"generated"`
	Control         Summary          `json:"control"`
	GeneratedPixels Pixels           `json:"generated_pixels"`
	ControlPixels   Pixels           `json:"control_pixels"`
}

// Pixels describes the log10 values of all pixels of some maps.
type Pixels struct {
	LogMean      float64 `json:"log10_mean"`
	LogDeviation float64 `json:"log10_std"`
	Quantile     float64 `json:"log10_quantile_0.999"`
}

// Ratio is a ratio at each wavenumber: the mean over N parameters and the standard error of that
// mean.
type Ratio struct {
	Mean []float64 `json:"mean"`
	Std  []float64 `json:"standard_error"`
	N    int       `json:"n"`
}

// String returns the table as text for people.
func (c Control) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nreduced chi² of P(k)        mean      mean of medians\n", c.Caption)
	fmt.Fprintf(&b, "generated                   %-8.4g  %-8.4g\n", meanOf(c.Rows, GeneratedChi2),
		meanOf(c.Rows, func(r ControlRow) float64 { return r.Generated.Median }))
	fmt.Fprintf(&b, "control, other universes    %-8.4g  %-8.4g\n", meanOf(c.Rows, ControlChi2),
		meanOf(c.Rows, func(r ControlRow) float64 { return r.Control.Median }))
	left := Summarise(c.LeaveOneOut)
	fmt.Fprintf(&b, "true, left out one by one   %-8.4g  %-8.4g\n", left.Mean, left.Median)
	fmt.Fprintf(&b, "expected of perfect         %-8.4g\n", c.Expectation)
	fmt.Fprintf(&b, "generated / control         %.3f ± %.3f (bootstrap over parameters)\n", c.Ratio,
		c.RatioError)
	fmt.Fprintf(&b, "\nlog10 pixels, generated − control\n")
	for _, v := range []struct {
		name string
		of   func(Pixels) float64
	}{
		{"mean", func(p Pixels) float64 { return p.LogMean }},
		{"standard deviation", func(p Pixels) float64 { return p.LogDeviation }},
		{"99.9 % quantile", func(p Pixels) float64 { return p.Quantile }},
	} {
		mean, e := OverRows(c.Rows,
			func(r ControlRow) float64 { return v.of(r.GeneratedPixels) - v.of(r.ControlPixels) })
		fmt.Fprintf(&b, "%-26s  %+.4f ± %.4f dex\n", v.name, mean, e)
	}
	if len(c.Shapes) > 0 {
		fmt.Fprintf(&b, "\nmean z², generated / control\n")
	}
	for _, s := range c.Shapes {
		fmt.Fprintf(&b, "%-26s  %.3f ± %.3f\n", s.Field+", "+s.Statistic, s.Ratio, s.Error)
	}
	fmt.Fprintf(&b, "\ngenerated / control\n"+
		"k [h/Mpc]  P of log fields  its variance     P of densities\n")
	for i, k := range c.K {
		fmt.Fprintf(&b, "%-9.3f  %.3f ± %-8.3f %.3f ± %-8.3f %.3f ± %.3f\n", k, c.LogPower.Mean[i],
			c.LogPower.Std[i], c.Scatter.Mean[i], c.Scatter.Std[i], c.LinearPower.Mean[i],
			c.LinearPower.Std[i])
	}
	return b.String()
}

// WriteCSV writes one row a number: those of WriteScoresCSV and of WritePowerCSV.
func (c Control) WriteCSV(path string) error { return c.write(path, c.scores, c.power) }

// WriteScoresCSV writes chi² and the moments of pixels, by parameter.
func (c Control) WriteScoresCSV(path string) error { return c.write(path, c.scores) }

// WritePowerCSV writes the ratios of power, by wavenumber.
func (c Control) WritePowerCSV(path string) error { return c.write(path, c.power) }

func (c Control) write(path string, parts ...func(*report.Table)) error {
	t := report.NewTable("quantity", "omega_m", "sigma_8", "simulation", "k", "generated", "control")
	for _, part := range parts {
		part(t)
	}
	return t.Write(path)
}

func (c Control) scores(t *report.Table) {
	for _, r := range c.Rows {
		add := func(name string, generated, control float64) {
			t.Add(name, r.Params.OmegaM, r.Params.Sigma8, r.Simulation, "", generated, control)
		}
		add("reduced_chi2_mean", r.Generated.Mean, r.Control.Mean)
		add("reduced_chi2_median", r.Generated.Median, r.Control.Median)
		add("log10_mean", r.GeneratedPixels.LogMean, r.ControlPixels.LogMean)
		add("log10_std", r.GeneratedPixels.LogDeviation, r.ControlPixels.LogDeviation)
		add("log10_quantile_0.999", r.GeneratedPixels.Quantile, r.ControlPixels.Quantile)
	}
}

func (c Control) power(t *report.Table) {
	for i, k := range c.K {
		add := func(name string, r Ratio) {
			t.Add(name, "", "", "", k, r.Mean[i], 1)
			t.Add(name+"_standard_error", "", "", "", k, r.Std[i], "")
		}
		add("log_power_ratio", c.LogPower)
		add("log_power_variance_ratio", c.Scatter)
		add("linear_power_ratio", c.LinearPower)
	}
	for _, s := range c.Shapes {
		name := "z2_ratio " + s.Field + " " + s.Statistic
		t.Add(name, "", "", "", "", s.Ratio, 1)
		t.Add(name+"_standard_error", "", "", "", "", s.Error, "")
	}
}
