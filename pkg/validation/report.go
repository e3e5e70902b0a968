package validation

import (
	"context"
	"fmt"
	"strings"

	"darkfield/pkg/report"
)

// Sections of the report, in their order.
const (
	SectionGrowth       = "Linear growth"
	SectionTransfer     = "Linear power"
	SectionDisplacement = "Second-order initial conditions"
	SectionSteps        = "Time steps"
	SectionChoices      = "Numerical choices"
	SectionPower        = "Power in boxes of 250 Mpc/h"
	SectionResolution   = "Resolution"
	SectionResponse     = "Response to one parameter"
	SectionSymmetry     = "Conservation and isotropy"
	SectionPixels       = "Pixels of an LH set"
)

// Report holds all results of a validation.
type Report struct {
	Config       Config
	CAMB         string // provenance of its tables
	Simulator    string // fingerprint
	Growth       Growth
	Transfer     Transfer
	Displacement Displacement
	MatterPower  MatterPower
	Choices      Choices
	Resolution   Resolution
	Responses    Responses
	Numerics     Numerics
	OnePoint     OnePoint
	Rows         []Row
}

// Run runs the simulations whose measurements are missing in a directory and returns the report.
// progress, if not nil, is told the completed fraction of these, from one goroutine at a time.
func Run(ctx context.Context, c Config, camb CAMB, dir string, progress func(fraction float64),
) (*Report, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("validation: %w", err)
	}
	simulator, err := fingerprint(ctx)
	if err != nil {
		return nil, err
	}
	s := store{dir, simulator}
	var growth growthStudy
	var convergence convergenceStudy
	var matter matterStudy
	var boxes boxStudy
	tasks, err := boxes.tasks(s, c)
	if err != nil {
		return nil, err
	}
	tasks = append(tasks, growth.tasks(s, c)...)
	tasks = append(tasks, convergence.tasks(s, c)...)
	tasks = append(tasks, matter.tasks(s, c, camb)...)
	transfer, err := newTransfer(camb)
	if err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(float64) {}
	}
	if err := runAll(ctx, tasks, progress); err != nil {
		return nil, err
	}
	r := &Report{
		Config: c, CAMB: camb.Provenance, Simulator: simulator,
		Growth: growth.result(c, matter.waves()), Transfer: transfer, Displacement: newDisplacement(),
		MatterPower: matter.result(c), Choices: boxes.choicesResult(c),
		Resolution: boxes.resolution(c), Responses: boxes.responses(c),
		Numerics: Numerics{convergence.result(c), boxes.symmetry(c)}, OnePoint: boxes.onePoint(c),
	}
	for _, rows := range [][]Row{
		r.Growth.rows(c), r.Transfer.rows(), r.Displacement.rows(), r.Numerics.Convergence.rows(c),
		r.Choices.rows(c), r.MatterPower.rows(c), r.Resolution.rows(c),
		r.Responses.rows(c), r.Numerics.Symmetry.rows(c), r.OnePoint.rows(c),
	} {
		r.Rows = append(r.Rows, rows...)
	}
	return r, nil
}

// Summary counts the verdicts in one line.
func (r *Report) Summary() string {
	pass, miss, shown := report.Count(r.Rows)
	line := fmt.Sprintf("%d numbers pass, %d miss, %d are shown without a verdict.", pass, miss, shown)
	if !r.Config.Judged {
		line += " The simulations are too small to mean anything: only what needs none is judged."
	}
	return line
}

// WriteMarkdown writes the report as a page: a table for each section, below its figure, if files
// has one for the section. header has lines on when and where it was made.
func (r *Report) WriteMarkdown(path string, header []string, files map[string]string) error {
	return report.WriteFile(path, []byte(r.markdown(header, files)))
}

func (r *Report) markdown(header []string, files map[string]string) string {
	var b strings.Builder
	b.WriteString("# Is the simulator right?\n\n")
	fmt.Fprintf(&b, "**%s**\n\nA tolerance is on the difference of value and reference; ± is a "+
		"standard error, from the scatter over boxes or waves.\n\n", r.Summary())
	for _, h := range append(header, "Simulator "+r.Simulator+".", "Tables: "+r.CAMB) {
		b.WriteString("- " + h + "\n")
	}
	b.WriteString(report.Page(Header(), report.Sections(r.Rows), func(section string) string {
		if files[section] == "" {
			return ""
		}
		return fmt.Sprintf("![%s](%s)\n\n", section, files[section])
	}))
	return b.String()
}

// WriteCSV writes one row for each number of the report.
func (r *Report) WriteCSV(path string) error {
	t := report.NewTable("section", "quantity", "verdict", "source", "value", "error",
		"reference", "tolerance")
	for _, row := range r.Rows {
		t.Add(row.Section, row.Quantity, row.Verdict(), row.Source, row.Value, row.Error,
			row.Reference, row.Tolerance)
	}
	return t.Write(path)
}
