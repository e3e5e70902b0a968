package notebook

import (
	"fmt"
	"path/filepath"

	"darkfield/pkg/camels"
	"darkfield/pkg/evaluate"
	"darkfield/pkg/inference"
)

// Inventory shows what the data directory holds.
func (s *Session) Inventory() {
	suite := s.Suite()
	defer suite.Close()
	report := Must(suite.Inspect(s.ctx, nil))
	var rows [][]string
	for _, r := range report.Sets {
		rows = append(rows, []string{
			string(r.Set), fmt.Sprint(r.Simulations), fmt.Sprint(r.Maps), fmt.Sprintf("%d²", r.Side),
			fmt.Sprintf("%.3f–%.3f", r.OmegaM[0], r.OmegaM[1]),
			fmt.Sprintf("%.3f–%.3f", r.Sigma8[0], r.Sigma8[1]),
			fmt.Sprintf("%.3f", r.LogMean), fmt.Sprintf("%.3f", r.LogStd),
		})
	}
	s.Note(fmt.Sprintf("Suite %s, field %s, %g Mpc/h a side, values in %s", report.Suite, report.Field,
		report.BoxSide, report.Unit))
	s.Table([]string{
		"set", "simulations", "maps", "pixels", "Ω_m", "σ_8", "mean of log10",
		"std of log10",
	}, rows)
	if !suite.Has(camels.OneP) {
		s.Note("There is no 1P set: the response to one parameter at a time has no truth here.")
	}
}

// Response shows the response of the power to each parameter.
func (s *Session) Response(r evaluate.TrueResponse) {
	var rows [][]string
	for _, row := range r.Rows {
		rows = append(rows, []string{
			row.Parameter, fmt.Sprintf("%.2f", row.Value),
			fmt.Sprintf("%.3f", row.Ratio),
		})
	}
	s.Note(fmt.Sprintf("%.2f < k < %.2f h/Mpc. %s", r.KLow, r.KHigh, r.Caption))
	s.Table([]string{"parameter", "value", "P / P fiducial"}, rows)
	check(r.WriteCSV(filepath.Join(s.Run, "figures", "universe_response.csv")))
}

// Chi2 shows the reduced chi² of true and generated maps.
func (s *Session) Chi2(r evaluate.Chi2) {
	line := func(name string, values []float64, expected float64) []string {
		v := evaluate.Summarise(values)
		return []string{
			name, fmt.Sprintf("%.4g", v.Mean), fmt.Sprintf("%.4g", v.Median),
			fmt.Sprintf("%.4g", expected), fmt.Sprint(v.N),
		}
	}
	s.Table([]string{"maps", "mean", "median", "expected mean", "maps scored"}, [][]string{
		line("true, left out one at a time", r.LeaveOneOut, r.Expectation14),
		line("generated, the same references", r.Generated14, r.Expectation14),
		line("generated, all references", r.Generated15, r.Expectation15),
	})
	s.Note(r.Caption)
}

// Quality shows how good predictions are.
func (s *Session) Quality(r inference.Inference) {
	om, s8 := r.Quality()
	line := func(name string, q inference.Quality) []string {
		return []string{
			name, fmt.Sprintf("%.4f", q.RMS), fmt.Sprintf("%.4f", q.Error),
			fmt.Sprintf("%.2f", q.MeanAbsZ), fmt.Sprintf("%.0f %%", 100*q.Coverage), fmt.Sprint(q.N),
		}
	}
	s.Table([]string{
		"parameter", "rms error", "mean 68 % half width", "mean |z|", "inside 68 %",
		"maps",
	}, [][]string{line("Ω_m", om), line("σ_8", s8)})
	s.Note(r.Caption)
}

// NonGaussian shows the mean z² of statistics besides power.
func (s *Session) NonGaussian(r evaluate.NonGaussian) {
	s.Table(evaluate.NonGaussianHeader(), r.Cells())
	s.Note(r.Caption)
}
