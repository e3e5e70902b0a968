package notebook

import (
	"context"
	"errors"
	"path/filepath"

	"darkfield/pkg/validation"
)

// Validation returns the report on the simulator at the preset's size. It runs the simulations
// that the run directory lacks.
func (s *Session) Validation() *validation.Report {
	camb := Must(validation.ReadCAMB(filepath.Join(Must(root()), "data", "validation", "camb.csv")))
	bar, used := s.page.bar("simulations"), false
	r, err := validation.Run(s.ctx, s.Preset.Validation, camb, filepath.Join(s.Run, "validation"),
		func(f float64) {
			used = true
			bar.fraction(f)
		})
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted; what was measured is kept: run the cell again to go on")
	}
	check(err)
	if used {
		bar.done()
		s.page.sync()
	}
	return r
}

// Verdicts shows every number of the report beside its reference.
func (s *Session) Verdicts(r *validation.Report) {
	var rows [][]string
	section := ""
	for _, row := range r.Rows {
		if row.Section != section {
			section = row.Section
			rows = append(rows, []string{section})
		}
		rows = append(rows, row.Cells())
	}
	s.Table(validation.Header(), rows)
	s.Note(r.Summary())
	check(r.WriteCSV(filepath.Join(s.Run, "figures", "validation_report.csv")))
}
