package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Digits prints n significant digits with a real minus sign.
func Digits(v float64, n int) string {
	return strings.ReplaceAll(strconv.FormatFloat(v, 'g', n, 64), "-", "−")
}

// Markdown writes a table of a page.
func Markdown(w io.Writer, header []string, rows [][]string) {
	line(w, header)
	fmt.Fprintln(w, strings.Repeat("| --- ", len(header))+"|")
	for _, cells := range rows {
		line(w, cells)
	}
}

func line(w io.Writer, cells []string) {
	escaped := make([]string, len(cells))
	for i, c := range cells {
		escaped[i] = strings.ReplaceAll(c, "|", `\|`) // of |z|
	}
	fmt.Fprintf(w, "| %s |\n", strings.Join(escaped, " | "))
}
