package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"darkfield/pkg/figure"
	"darkfield/pkg/preset"
	"darkfield/pkg/report"
	"darkfield/pkg/validation"
)

func (a *app) validate() *cobra.Command {
	var name, tables, dir string
	var p preset.Preset
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Compare the simulations with closed forms, CAMB and published numbers",
		Long: `Runs the simulations of a preset and writes a report: a page with every number beside its reference
(report.md), figures, and all numbers as CSV. Simulations that were measured before are not run
again, so that an interrupted or killed call goes on where it was. The exit status is 1 when a
number misses its tolerance. The presets are smoke (too small to mean anything), quick (a minute)
and standard (the whole report).`,
		Example: `  darkfield dev validate --tables data/validation/camb.csv --out runs/validation
  darkfield dev validate --preset quick --tables data/validation/camb.csv --out runs/quick`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			var err error
			p, err = preset.Get(name)
			return err
		},
		RunE: a.work(func(cmd *cobra.Command, _ []string) error {
			camb, err := validation.ReadCAMB(tables)
			if err != nil {
				return err
			}
			start := time.Now()
			bar := a.progress("simulations")
			r, err := validation.Run(cmd.Context(), p.Validation, camb, filepath.Join(dir, "simulations"),
				bar.fraction)
			bar.done()
			if err != nil {
				return err
			}
			if err := writeReport(r, dir,
				[]string{machine(), fmt.Sprintf("Preset %s, %s, this run %v.", name,
					time.Now().Format(time.DateOnly), time.Since(start).Round(time.Second))}); err != nil {
				return err
			}
			if err := a.print(judged(r), func(w io.Writer) {
				sectionTable(w, report.Sections(r.Rows), r.Summary())
			}); err != nil {
				return err
			}
			if _, misses, _ := report.Count(r.Rows); misses > 0 {
				return fmt.Errorf("validate: %d numbers miss their tolerance: see %s", misses,
					filepath.Join(dir, "report.md"))
			}
			return nil
		}),
	}
	f := cmd.Flags()
	presetFlag(f, &name, "standard")
	f.StringVar(&tables, "tables", "", "`FILE` of spectra of CAMB (.csv)")
	f.StringVar(&dir, "out", "", "`DIR` to write to")
	require(cmd, "tables", "out")
	return cmd
}

// writeReport writes figures, their numbers, the page and the table.
func writeReport(r *validation.Report, dir string, header []string) error {
	files, err := saveFigures(dir, figure.Validation(r))
	if err != nil {
		return err
	}
	for section := range files {
		files[section] += ".png"
	}
	if err := r.WriteCSV(filepath.Join(dir, "report.csv")); err != nil {
		return err
	}
	return r.WriteMarkdown(filepath.Join(dir, "report.md"), header, files)
}

// saveFigures writes figures and the numbers that they show as CSV. It returns the names of their
// files by section, without endings.
func saveFigures(dir string, figures []figure.Named) (map[string]string, error) {
	files := map[string]string{}
	for _, f := range figures {
		base := filepath.Join(dir, f.Name)
		if err := errors.Join(f.Figure.Save(base), f.Numbers.WriteCSV(base+".csv")); err != nil {
			return nil, err
		}
		files[f.Section] = f.Name
	}
	return files, nil
}

// verdict is a row as programs read it.
type verdict struct {
	validation.Row
	Verdict report.Verdict `json:"verdict"`
}

func judged(r *validation.Report) []verdict {
	var out []verdict
	for _, line := range r.Rows {
		out = append(out, verdict{line, line.Verdict()})
	}
	return out
}

// sectionTable prints the lines of a report, with a heading where a section begins, and a summary.
func sectionTable(w io.Writer, sections []report.Section, summary string) {
	for _, s := range sections {
		row(w)
		row(w, s.Heading)
		for _, c := range s.Rows {
			row(w, "  "+c[0], c[1], c[2], c[3], c[4], c[5])
		}
	}
	row(w)
	row(w, summary)
}

// machine says what this runs on.
func machine() string {
	model := runtime.GOARCH
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for _, l := range strings.Split(string(raw), "\n") {
			if key, value, found := strings.Cut(l, ":"); found && strings.TrimSpace(key) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s, %s.", model, runtime.NumCPU(), runtime.GOOS,
		runtime.Version())
}
