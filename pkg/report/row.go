package report

import "strings"

// Row is a number that is judged, under the heading of a section.
type Row interface {
	Heading() string
	Verdict() Verdict
	Cells() []string // as a table shows it
}

// Verdict says whether a number is as it should be.
type Verdict string

// The verdicts.
const (
	Pass  Verdict = "pass"
	Miss  Verdict = "MISS"
	Shown Verdict = "–" // not judged
)

// Count returns the number of rows of each verdict.
func Count[R Row](rows []R) (pass, miss, shown int) {
	for _, r := range rows {
		switch r.Verdict() {
		case Pass:
			pass++
		case Miss:
			miss++
		default:
			shown++
		}
	}
	return pass, miss, shown
}

// Section is the rows under one heading.
type Section struct {
	Heading string
	Rows    [][]string // cells
}

// Sections returns rows by their headings, in the order of the rows.
func Sections[R Row](rows []R) []Section {
	var out []Section
	for _, r := range rows {
		if n := len(out); n == 0 || out[n-1].Heading != r.Heading() {
			out = append(out, Section{Heading: r.Heading()})
		}
		last := &out[len(out)-1]
		last.Rows = append(last.Rows, r.Cells())
	}
	return out
}

// Page returns a table for each section as Markdown, below its heading and what intro, which may be
// empty, says of it.
func Page(header []string, sections []Section, intro func(heading string) string) string {
	var b strings.Builder
	for _, s := range sections {
		b.WriteString("\n## " + s.Heading + "\n\n" + intro(s.Heading) + Markdown(header, s.Rows))
	}
	return b.String()
}
