package notebook

import (
	"fmt"
	"html"
	"path/filepath"
	"strings"

	"github.com/janpfeifer/gonb/gonbui"

	"darkfield/pkg/figure"
)

// Result is what a figure is drawn from.
type Result interface{ WriteCSV(path string) error }

// Show writes the figure as PNG and SVG and its numbers as CSV to the run's figures, and shows it.
func (s *Session) Show(name string, f *figure.Figure, numbers Result) {
	base := filepath.Join(s.Run, "figures", name)
	check(f.Save(base))
	check(numbers.WriteCSV(base + ".csv"))
	s.page.image(Must(f.InlinePNG()), base+".png")
}

// Nothing says plainly that the data have nothing for a figure.
func (s *Session) Nothing(why error) {
	s.Note("nothing to show: " + why.Error())
}

// Note shows a line of text.
func (s *Session) Note(text string) { s.page.note(text) }

// Table shows rows of text under a header.
func (s *Session) Table(header []string, rows [][]string) { s.page.table(header, rows) }

// page shows things in a notebook or, outside, on standard output.
type page struct{ live bool }

func newPage() page { return page{live: gonbui.IsNotebook} }

func (p page) image(png []byte, path string) {
	if !p.live {
		fmt.Println("figure:", path)
		return
	}
	gonbui.DisplayPNG(png)
	p.sync()
}

func (p page) note(text string) {
	if !p.live {
		fmt.Println(text)
		return
	}
	gonbui.DisplayHTML("<p>" + html.EscapeString(text) + "</p>")
	p.sync()
}

func (p page) table(header []string, rows [][]string) {
	if !p.live {
		for _, r := range append([][]string{header}, rows...) {
			fmt.Println(strings.Join(r, "\t"))
		}
		return
	}
	var b strings.Builder
	b.WriteString(`<table style="text-align:left">`)
	line := func(tag string, cells []string) {
		b.WriteString("<tr>")
		for _, c := range cells {
			fmt.Fprintf(&b, `<%s style="text-align:left">%s</%s>`, tag, html.EscapeString(c), tag)
		}
		b.WriteString("</tr>")
	}
	if strings.Join(header, "") != "" {
		line("th", header)
	}
	for _, r := range rows {
		line("td", r)
	}
	b.WriteString("</table>")
	gonbui.DisplayHTML(b.String())
	p.sync()
}

// sync waits until the kernel has taken everything: the end of a cell's process would lose the
// rest.
func (p page) sync() {
	if p.live {
		gonbui.Sync()
	}
}

// Draw shows a figure that is not kept.
func (s *Session) Draw(f *figure.Figure) { s.page.image(Must(f.InlinePNG()), "(drawn)") }
