package evaluate

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/report"
	"darkfield/pkg/summary"
)

// Fields that statistics of Beyond are taken of.
const (
	LogField     = "log field" // log10 pixels
	DensityField = "density"   // 1 + δ
)

// Beyond holds statistics besides power of true and generated maps, at the parameters of the
// rows, which all statistics share.
type Beyond struct {
	Caption    string            `json:"caption"`
	HasControl bool              `json:"has_control"`
	Statistics []BeyondStatistic `json:"statistics"` // those of log fields, then those of densities
}

// BeyondStatistic is one statistic of one field.
type BeyondStatistic struct {
	Field     string      `json:"field"`
	Statistic string      `json:"statistic"`
	X         []float64   `json:"x"` // ν; k in h/Mpc of bispectra, a scale in Mpc/h of the skewness
	Rows      []BeyondRow `json:"rows"`
	// of mean z² of generated maps to that of the control, or without one of true maps left out one
	// by one
	Ratio      float64 `json:"ratio"`
	RatioError float64 `json:"ratio_error"`
}

// BeyondRow compares maps at one parameter.
type BeyondRow struct {
	Params     cosmology.Params `json:"params"`
	Simulation int              `json:"simulation"`
	Universes  int              `json:"universes"` // in the control
	True       summary.BinStats `json:"true"`      // over maps
	Generated  summary.BinStats `json:"generated"`
	Control    summary.BinStats `json:"control"` // empty without a control
	// points where true maps scatter enough to score by
	Scored []bool `json:"scored"`
	// mean over maps and scored points of z² against the true maps
	GeneratedZ2 float64 `json:"generated_z2"`
	ControlZ2   float64 `json:"control_z2"`  // 0 without a control
	LeftOutZ2   float64 `json:"left_out_z2"` // of true maps against the others
}

// ratio compares mean z² with the error that drawing other parameters would make.
func (b *BeyondStatistic) ratio(seed uint64) {
	var generated, control []float64
	for _, r := range b.Rows {
		generated = append(generated, r.GeneratedZ2)
		if r.Universes > 0 {
			control = append(control, r.ControlZ2)
		} else {
			control = append(control, r.LeftOutZ2)
		}
	}
	b.Ratio, b.RatioError = RatioOfMeans(generated, control, seed)
}

// BeyondSide chooses maps of a row.
type BeyondSide func(BeyondRow) summary.BinStats

// TrueMaps are those of the simulation.
func TrueMaps(r BeyondRow) summary.BinStats { return r.True }

// GeneratedMaps are those of the emulator.
func GeneratedMaps(r BeyondRow) summary.BinStats { return r.Generated }

// ControlMaps are true maps of other universes; none without a control.
func ControlMaps(r BeyondRow) summary.BinStats { return r.Control }

// Curve returns the mean over parameters of the mean over maps, and of the standard deviation of
// single maps.
func (b BeyondStatistic) Curve(of BeyondSide) (mean, std []float64) {
	mean, std = make([]float64, len(b.X)), make([]float64, len(b.X))
	for _, r := range b.Rows {
		for i := range b.X {
			mean[i] += of(r).Mean[i] / float64(len(b.Rows))
			std[i] += of(r).Std[i] / float64(len(b.Rows))
		}
	}
	return mean, std
}

// Offset returns by how many standard deviations of single true maps the mean map of a side
// differs from the mean true one: the mean over parameters, and its standard error (NaN for one
// parameter). The unit is the deviation pooled over parameters: that of a single one is small
// just where few maps happen to have much of what is counted, which would bend the mean. NaN
// where true maps do not differ.
func (b BeyondStatistic) Offset(of BeyondSide) (mean, standardError []float64) {
	n := float64(len(b.Rows))
	for i := range b.X {
		var offsets []float64
		variance := 0.0
		for _, r := range b.Rows {
			offsets = append(offsets, of(r).Mean[i]-r.True.Mean[i])
			variance += r.True.Std[i] * r.True.Std[i] / n
		}
		m, s := stat.MeanStdDev(offsets, nil)
		if variance == 0 {
			m = math.NaN()
		}
		unit := math.Sqrt(variance)
		mean, standardError = append(mean, m/unit), append(standardError, s/unit/math.Sqrt(n))
	}
	return mean, standardError
}

// Z2 returns the mean over parameters of mean z²: of generated maps, of the control, and of true
// maps left out one by one.
func (b BeyondStatistic) Z2() (generated, control, leftOut float64) {
	for _, r := range b.Rows {
		generated += r.GeneratedZ2 / float64(len(b.Rows))
		control += r.ControlZ2 / float64(len(b.Rows))
		leftOut += r.LeftOutZ2 / float64(len(b.Rows))
	}
	return generated, control, leftOut
}

// Of returns the statistics of one field.
func (b Beyond) Of(field string) []BeyondStatistic {
	var out []BeyondStatistic
	for _, s := range b.Statistics {
		if s.Field == field {
			out = append(out, s)
		}
	}
	return out
}

// BeyondHeader names the cells of Beyond.Cells.
func BeyondHeader() []string {
	return []string{"field", "statistic", "generated", "control", "true, left out", "ratio", "±"}
}

// Cells returns the mean z² of each statistic as a table shows it. The ratio is that of generated
// maps to the control or, without one, to true maps left out.
func (b Beyond) Cells() [][]string {
	var rows [][]string
	for _, s := range b.Statistics {
		generated, control, leftOut := s.Z2()
		beside := "–"
		if b.HasControl {
			beside = report.Digits(control, 3)
		}
		rows = append(rows, []string{
			s.Field, s.Statistic, report.Digits(generated, 3), beside,
			report.Digits(leftOut, 3), report.Digits(s.Ratio, 3), report.Digits(s.RatioError, 2),
		})
	}
	return rows
}

// String returns the table as text for people.
func (b Beyond) String() string {
	var t strings.Builder
	fmt.Fprintf(&t, "%s\n\nmean z² over points and maps\n", b.Caption)
	for _, row := range append([][]string{BeyondHeader()}, b.Cells()...) {
		fmt.Fprintf(&t, "%-10s  %-15s  %-10s  %-8s  %-15s  %-6s  %s\n", row[0], row[1], row[2], row[3],
			row[4], row[5], row[6])
	}
	return t.String()
}

// WriteCSV writes one row a number of a simulation.
func (b Beyond) WriteCSV(path string) error {
	t := report.NewTable("field", "statistic", "omega_m", "sigma_8", "simulation", "x",
		"quantity", "true",
		"generated", "control")
	for _, s := range b.Statistics {
		for _, r := range s.Rows {
			add := func(x any, quantity string, truth, generated float64, control any) {
				t.Add(s.Field, s.Statistic, r.Params.OmegaM, r.Params.Sigma8, r.Simulation, x, quantity, truth,
					generated, control)
			}
			var mean, std, z2 any = "", "", ""
			for i, x := range s.X {
				if r.Universes > 0 {
					mean, std = r.Control.Mean[i], r.Control.Std[i]
				}
				add(x, "mean", r.True.Mean[i], r.Generated.Mean[i], mean)
				add(x, "std", r.True.Std[i], r.Generated.Std[i], std)
			}
			if r.Universes > 0 {
				z2 = r.ControlZ2
			}
			add("", "mean_z2", r.LeftOutZ2, r.GeneratedZ2, z2)
		}
	}
	return t.Write(path)
}
