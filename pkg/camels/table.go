package camels

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"darkfield/pkg/cosmology"
)

// table is a file of parameters: one row of numbers a simulation, Ω_m and σ_8 first.
type table struct {
	path    string
	columns []string // names of the parameters
	values  []float64
}

func (t table) len() int { return len(t.values) / max(1, len(t.columns)) }

func (t table) row(i int) []float64 {
	n := len(t.columns)
	return t.values[i*n : (i+1)*n : (i+1)*n]
}

const (
	largestTable = 1 << 22 // bytes; CMD's largest, 2048 rows of 28 numbers with all digits, has 1.4 MB
	longestLine  = 1 << 16 // bytes
)

// readTable reads a table of numbers between blanks; '#' starts a comment. CAMELS' own tables (CosmoAstroSeed_…) have a first column of
// names and a last one of seeds. Names are known by their letters. Seeds are known by the comment above the rows, which names the
// columns, or, where that is missing, as whole numbers at the end of rows that have names.
func readTable(path string) (table, error) {
	f, info, err := openFile(path)
	if err != nil {
		return table{}, err
	}
	defer f.Close()
	if info.Size() > largestTable {
		return table{}, fmt.Errorf("camels: %s has %d bytes, want at most %d for a table of parameters: is it another file under that name?", path, info.Size(), int64(largestTable))
	}
	return parseTable(path, f)
}

// parseTable is readTable from r; path is for its errors.
func parseTable(path string, r io.Reader) (table, error) {
	p := rowParser{seeds: true}
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, longestLine)
	line := 1
	for ; scanner.Scan(); line++ {
		if err := p.line(scanner.Text()); err != nil {
			return table{}, fmt.Errorf("camels: %s line %d %w", path, line, err)
		}
	}
	if err := scanner.Err(); errors.Is(err, bufio.ErrTooLong) {
		return table{}, fmt.Errorf("camels: %s line %d is longer than %d bytes, want a few numbers on each line: copy it again", path, line, longestLine)
	} else if err != nil {
		return table{}, fmt.Errorf("camels: %s line %d: %w; copy it again", path, line, err)
	}
	if p.width == 0 {
		return table{}, fmt.Errorf("camels: %s has no rows, want one for each simulation: copy it again", path)
	}
	t := p.table()
	t.path = path
	return t, nil
}

// rowParser takes the lines of a table one by one.
type rowParser struct {
	comment []string // words of the comment above the first row
	named   bool     // rows start with a name
	seeds   bool     // all rows so far end with a whole number
	width   int      // numbers a row; 0: no row yet
	values  []float64
}

func (p *rowParser) line(text string) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return fmt.Errorf("is no plain text (%.20q): save the table as UTF-8 or ASCII, or copy it again", text)
	}
	text, comment, found := strings.Cut(strings.TrimPrefix(text, "\ufeff"), "#")
	words := strings.Fields(text)
	if len(words) == 0 {
		if found && p.width == 0 {
			p.comment = strings.Fields(comment)
		}
		return nil
	}
	_, err := strconv.ParseFloat(words[0], 64)
	named := err != nil
	if p.width == 0 {
		p.named = named
		if len(p.comment) != len(words) {
			p.comment = nil // a remark, not the names of the columns
		}
	}
	if named != p.named {
		return fmt.Errorf("starts with %.20q, unlike the rows above: every row starts with a name, or none does", words[0])
	}
	if named {
		words = words[1:]
	}
	return p.row(words)
}

func (p *rowParser) row(words []string) error {
	switch {
	case len(words) < 2:
		return fmt.Errorf("has %d columns of numbers, want at least 2, Omega_m and sigma_8, with blanks between them", len(words))
	case p.width == 0:
		p.width = len(words)
	case len(words) != p.width:
		return fmt.Errorf("has %d columns, the rows above have %d: a number is missing or there is one too many", len(words), p.width)
	}
	for i, w := range words {
		v, err := strconv.ParseFloat(w, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			if p.named {
				i++
			}
			return fmt.Errorf("column %d is %.20q, want a finite number", i+1, w)
		}
		p.values = append(p.values, v)
	}
	p.seeds = p.seeds && strings.Trim(words[len(words)-1], "0123456789") == ""
	return nil
}

// table returns the rows without seeds, and the columns' names.
func (p *rowParser) table() table {
	names := p.comment
	if p.named && names != nil {
		names = names[1:]
	}
	seeds := p.named && p.seeds
	if names != nil {
		seeds = strings.EqualFold(names[len(names)-1], "seed")
	}
	t := table{columns: []string{"Omega_m", "sigma_8"}, values: p.values}
	width := p.width
	if seeds && width > 2 {
		width--
		t.values = t.values[:0]
		for at := 0; at < len(p.values); at += p.width {
			t.values = append(t.values, p.values[at:at+width]...)
		}
	}
	for i := 2; i < width; i++ {
		if names != nil {
			t.columns = append(t.columns, names[i])
		} else {
			t.columns = append(t.columns, fmt.Sprintf("column %d", i+1))
		}
	}
	return t
}

func (t table) params(i int) cosmology.Params {
	return cosmology.Params{OmegaM: t.row(i)[0], Sigma8: t.row(i)[1]}
}

// check returns an error for the first row outside the prior. Astrophysical parameters are not looked at.
func (t table) check(prior cosmology.Prior) error {
	var first error
	outside := 0
	for i := range t.len() {
		if err := prior.Check(t.params(i)); err != nil {
			if outside++; first == nil {
				first = fmt.Errorf("camels: %s row %d: %w", t.path, i, err)
			}
		}
	}
	if first == nil {
		return nil
	}
	return fmt.Errorf("%w, as in %d of %d rows in all; darkfield knows CAMELS' prior only: correct them, remove those simulations' rows and maps, or put Omega_m and sigma_8 into columns 1 and 2 if they are elsewhere", first, outside, t.len())
}

// formatTable writes rows of Ω_m and σ_8 so that they read back bit for bit.
func formatTable(params []cosmology.Params) []byte {
	var b strings.Builder
	b.WriteString("# Omega_m sigma_8\n")
	for _, p := range params {
		b.WriteString(strconv.FormatFloat(p.OmegaM, 'g', -1, 64) + " " + strconv.FormatFloat(p.Sigma8, 'g', -1, 64) + "\n")
	}
	return []byte(b.String())
}
