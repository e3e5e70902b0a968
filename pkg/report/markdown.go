package report

import (
	"strconv"
	"strings"
)

// Digits prints n significant digits with a real minus sign.
func Digits(v float64, n int) string {
	return strings.ReplaceAll(strconv.FormatFloat(v, 'g', n, 64), "-", "−")
}

// Markdown returns a table of a page.
func Markdown(header []string, rows [][]string) string {
	out := line(header) + strings.Repeat("| --- ", len(header)) + "|\n"
	for _, cells := range rows {
		out += line(cells)
	}
	return out
}

func line(cells []string) string {
	escaped := make([]string, len(cells))
	for i, c := range cells {
		escaped[i] = strings.ReplaceAll(c, "|", `\|`) // of |z|
	}
	return "| " + strings.Join(escaped, " | ") + " |\n"
}
