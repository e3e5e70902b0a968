package evaluate

import (
	"math"

	"gonum.org/v1/gonum/stat"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/report"
	"darkfield/pkg/summary"
)

// Fields that statistics of NonGaussian are taken of.
const (
	LogField     = "log field" // log10 pixels
	DensityField = "density"   // 1 + δ
)

// NonGaussian holds statistics besides power of true and generated maps, at the parameters of the
// rows, which all statistics share.
type NonGaussian struct {
	Caption string `json:"caption"`
	// those of log fields, then those of densities
	Statistics []NonGaussianStatistic `json:"statistics"`
}

// NonGaussianStatistic is one statistic of one field.
type NonGaussianStatistic struct {
	Field     string `json:"field"`
	Statistic string `json:"statistic"`
	// ν; k in h/Mpc of bispectra, a scale in Mpc/h of the skewness
	X    []float64        `json:"x"`
	Rows []NonGaussianRow `json:"rows"`
	// of mean z² of generated maps to that of true maps left out one by one
	Ratio      float64 `json:"ratio"`
	RatioError float64 `json:"ratio_error"`
}

// NonGaussianRow compares maps at one parameter.
type NonGaussianRow struct {
	Params     cosmology.Params `json:"params"`
	Simulation int              `json:"simulation"`
	True       summary.BinStats `json:"true"` // over maps
	Generated  summary.BinStats `json:"generated"`
	// points where true maps scatter enough to score by
	Scored []bool `json:"scored"`
	// mean over maps and scored points of z² against the true maps
	GeneratedZ2 float64 `json:"generated_z2"`
	LeftOutZ2   float64 `json:"left_out_z2"` // of true maps against the others
}

// ratio compares mean z² with the error that drawing other parameters would make.
func (b *NonGaussianStatistic) ratio(seed uint64) {
	var generated, leftOut []float64
	for _, r := range b.Rows {
		generated, leftOut = append(generated, r.GeneratedZ2), append(leftOut, r.LeftOutZ2)
	}
	b.Ratio, b.RatioError = RatioOfMeans(generated, leftOut, seed)
}

// Side chooses maps of a row.
type Side func(NonGaussianRow) summary.BinStats

// TrueMaps are those of the simulation.
func TrueMaps(r NonGaussianRow) summary.BinStats { return r.True }

// GeneratedMaps are those of the emulator.
func GeneratedMaps(r NonGaussianRow) summary.BinStats { return r.Generated }

// Curve returns the mean over parameters of the mean over maps, and of the standard deviation of
// single maps.
func (b NonGaussianStatistic) Curve(of Side) (mean, std []float64) {
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
func (b NonGaussianStatistic) Offset(of Side) (mean, standardError []float64) {
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

// Z2 returns the mean over parameters of mean z²: of generated maps, and of true maps left out one
// by one.
func (b NonGaussianStatistic) Z2() (generated, leftOut float64) {
	for _, r := range b.Rows {
		generated += r.GeneratedZ2 / float64(len(b.Rows))
		leftOut += r.LeftOutZ2 / float64(len(b.Rows))
	}
	return generated, leftOut
}

// Of returns the statistics of one field.
func (b NonGaussian) Of(field string) []NonGaussianStatistic {
	var out []NonGaussianStatistic
	for _, s := range b.Statistics {
		if s.Field == field {
			out = append(out, s)
		}
	}
	return out
}

// NonGaussianHeader names the cells of NonGaussian.Cells.
func NonGaussianHeader() []string {
	return []string{"field", "statistic", "generated", "true, left out", "ratio", "±"}
}

// Cells returns the mean z² of each statistic as a table shows it. The ratio is that of generated
// maps to true maps left out.
func (b NonGaussian) Cells() [][]string {
	var rows [][]string
	for _, s := range b.Statistics {
		generated, leftOut := s.Z2()
		rows = append(rows, []string{
			s.Field, s.Statistic, report.Digits(generated, 3), report.Digits(leftOut, 3),
			report.Digits(s.Ratio, 3), report.Digits(s.RatioError, 2),
		})
	}
	return rows
}

// WriteCSV writes one row a number of a simulation.
func (b NonGaussian) WriteCSV(path string) error {
	t := report.NewTable("field", "statistic", "omega_m", "sigma_8", "simulation", "x", "quantity",
		"true", "generated")
	for _, s := range b.Statistics {
		for _, r := range s.Rows {
			add := func(x any, quantity string, truth, generated float64) {
				t.Add(s.Field, s.Statistic, r.Params.OmegaM, r.Params.Sigma8, r.Simulation, x, quantity, truth,
					generated)
			}
			for i, x := range s.X {
				add(x, "mean", r.True.Mean[i], r.Generated.Mean[i])
				add(x, "std", r.True.Std[i], r.Generated.Std[i])
			}
			add("", "mean_z2", r.LeftOutZ2, r.GeneratedZ2)
		}
	}
	return t.Write(path)
}
