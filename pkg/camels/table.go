package camels

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/plaintext"
)

// table is a file of parameters: one row of numbers a simulation.
type table struct {
	path    string
	columns []string // names of the parameters; those of Ω_m and σ_8 are Omega_m and sigma_8
	omegaM  int      // column of Ω_m
	sigma8  int
	further []int     // columns of the further parameters: see condition
	sources [2]string // columns of the file that Ω_m and σ_8 were taken from
	values  []float64
}

func (t table) len() int { return len(t.values) / max(1, len(t.columns)) }

func (t table) row(i int) []float64 {
	n := len(t.columns)
	return t.values[i*n : (i+1)*n : (i+1)*n]
}

const (
	// largestTable is in bytes; CMD's largest, 2048 rows of 35 numbers with all digits, has 1.8 MB.
	largestTable = 1 << 25

	// mostColumns is far more than a simulation has parameters.
	mostColumns = 1 << 16
)

// readTable reads a table of numbers between blanks, tabs, commas or semicolons, with a point
// before decimals and exponents as in C or Fortran; '#', '%' or '!' starts a comment.
//
// Ω_m and σ_8 are found by the names of the columns, which stand above the rows, in a comment or
// not. Where columns have no names, Ω_m and σ_8 are the first two. Names without Ω_m or σ_8 are an
// error. CAMELS' own tables (CosmoAstroSeed_…) have a first column of names of simulations and a
// last one of seeds, both of which are left out. Names are recognised by their letters, seeds by
// the name of their column or, where columns have no names, as whole numbers at the end of rows
// that start with a name.
func readTable(path string) (table, error) {
	f, info, err := openFile(path)
	if err != nil {
		return table{}, err
	}
	defer f.Close()
	if info.Size() > largestTable {
		return table{}, fmt.Errorf("camels: %s has %d bytes, want at most %d for a table of "+
			"parameters: is it another file under that name?", path, info.Size(), int64(largestTable))
	}
	return parseTable(path, f)
}

// parseTable is readTable from r; path is used in errors.
func parseTable(path string, r io.Reader) (table, error) {
	raw, err := io.ReadAll(io.LimitReader(r, largestTable))
	if err != nil {
		return table{}, fmt.Errorf("camels: read %s: %w; copy it again", path, err)
	}
	p := rowParser{seeds: true}
	for text := range strings.Lines(string(plaintext.Normalize(raw))) {
		p.at++
		text = strings.TrimRight(text, "\n")
		if err := p.line(text); err != nil {
			return table{}, fmt.Errorf("camels: %s line %d %w", path, p.at, err)
		}
	}
	if p.width == 0 {
		return table{}, fmt.Errorf("camels: %s has no rows, want one for each simulation: copy it again",
			path)
	}
	t, err := p.table()
	if err != nil {
		return table{}, fmt.Errorf("camels: %s %w", path, err)
	}
	t.path = path
	return t, nil
}

// rowParser parses the lines of a table one by one.
type rowParser struct {
	at      int      // line, from 1
	headers []header // lines above the rows that may name the columns
	named   bool     // rows start with a name
	seeds   bool     // all rows so far end with a whole number
	width   int      // numbers a row; 0: no row yet
	values  []float64
}

// header is a line that may name the columns.
type header struct {
	line  int  // from 1
	plain bool // no comment
	words []string
}

func (p *rowParser) line(text string) error {
	if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\ufffd") {
		return fmt.Errorf("is no plain text (%.20q): save the table as UTF-8 or ASCII, or copy it again",
			text)
	}
	text, comment := cutComment(text)
	words, err := split(text)
	if err != nil {
		return err
	}
	switch {
	case len(words) == 0 && p.width == 0:
		p.remark(comment)
	case len(words) == 0:
	case p.width == 0 && !p.plain() &&
		!slices.ContainsFunc(words, isNumber) && slices.ContainsFunc(words, hasLetter):
		p.headers = append(p.headers, header{line: p.at, plain: true, words: words})
	default:
		return p.row(words)
	}
	return nil
}

// cutComment splits a line where a word starts with the sign of a comment.
func cutComment(line string) (text, comment string) {
	for i := range len(line) {
		sign := strings.IndexByte("#%!", line[i]) >= 0
		if sign && (i == 0 || line[i] == '#' || isBlank(line[i-1])) {
			return line[:i], strings.TrimLeft(line[i:], "#%!")
		}
	}
	return line, ""
}

func isBlank(c byte) bool { return strings.IndexByte(" \t,;", c) >= 0 }

// plain reports whether a line that is no comment names the columns.
func (p *rowParser) plain() bool {
	return len(p.headers) > 0 && p.headers[len(p.headers)-1].plain
}

// remark keeps a comment above the rows, without a title such as "Columns:", as a possible header,
// unless it is a sentence.
func (p *rowParser) remark(comment string) {
	if i := strings.LastIndexByte(comment, ':'); i >= 0 {
		comment = comment[i+1:]
	}
	words, err := split(comment)
	if err == nil && len(words) > 0 && !p.plain() && !slices.ContainsFunc(words, ofSentence) {
		p.headers = append(p.headers, header{line: p.at, words: words})
	}
}

// ofSentence reports whether a word is one of a sentence and not the name of a column.
func ofSentence(word string) bool {
	return isNumber(word) || strings.HasSuffix(word, ".") ||
		slices.Contains(ofSentences, strings.ToLower(word))
}

var ofSentences = strings.Fields("and are by for from in is of on the to with")

// complete reports whether the names of Ω_m and σ_8 are among the words.
func (h header) complete() bool {
	return slices.ContainsFunc(h.words, isOmegaM) && slices.ContainsFunc(h.words, isSigma8)
}

// split returns the words of a line, separated by blanks, tabs, commas or semicolons. Blanks
// between quotes, which are removed, or between dollar signs do not separate.
func split(line string) ([]string, error) {
	words := make([]string, 0, min(len(line)/2+1, mostColumns+1))
	start := -1     // of the word; -1: none has begun
	quote := '\x00' // with which the word began, until it is closed
	commas := false // between digits
	open := false   // after a comma or semicolon, which a word follows, even an empty one
	end := func(at int) {
		if start >= 0 {
			words = append(words, strings.Trim(line[start:at], `"'`))
			start, quote, open = -1, 0, false
		}
	}
	for i, c := range line {
		if len(words) > mostColumns {
			return nil, fmt.Errorf("has more than %d columns: is it another file under that name?",
				mostColumns)
		}
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == ',' || c == ';':
			commas = commas || c == ',' && decimal(line, i)
			end(i)
			if open || len(words) == 0 {
				words = append(words, "")
			}
			open = true
		case unicode.IsSpace(c):
			end(i)
		case start < 0:
			start = i
			if strings.ContainsRune(`"'$`, c) {
				quote = c
			}
		}
	}
	end(len(line))
	line = strings.TrimSpace(line)
	if commas && !strings.Contains(line, ".") && strings.ContainsAny(line, " \t;") {
		return nil, fmt.Errorf("has commas inside numbers (%.40q): write decimals with a "+
			"point, 0.3 instead of 0,3", line)
	}
	return words, nil
}

// decimal reports whether the comma at i stands between two digits.
func decimal(line string, i int) bool {
	digit := func(i int) bool { return i >= 0 && i < len(line) && '0' <= line[i] && line[i] <= '9' }
	return digit(i-1) && digit(i+1)
}

// number reads a number with an exponent as in C, 1.0e-01, or as in Fortran, 1.0D-01 or 1.0-101.
func number(word string) (float64, error) {
	v, err := strconv.ParseFloat(word, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return v, err
	}
	digits := strings.TrimLeft(word, "+-")
	i := strings.IndexAny(digits, "dDqQ+-")
	if i > 0 && strings.Trim(digits[:i], "0123456789.") == "" {
		mantissa, exponent := word[:len(word)-len(digits)+i], strings.TrimLeft(digits[i:], "dDqQ")
		if exponent != digits[i:] || len(exponent) == 4 && strings.Contains(mantissa, ".") {
			return strconv.ParseFloat(mantissa+"e"+exponent, 64)
		}
	}
	return v, err
}

func hasLetter(word string) bool { return strings.ContainsFunc(word, unicode.IsLetter) }

func isNumber(word string) bool {
	_, err := number(word)
	return err == nil || errors.Is(err, strconv.ErrRange)
}

func (p *rowParser) row(words []string) error {
	named := !isNumber(words[0]) && hasLetter(words[0])
	if p.width == 0 {
		p.named = named
	}
	if named != p.named {
		return fmt.Errorf("starts with %.20q, unlike the rows above: every row starts with a name, or "+
			"none does", words[0])
	}
	first := 1 // column of the first number
	if named {
		words, first = words[1:], 2
	}
	switch {
	case len(words) < 2:
		return fmt.Errorf("has %d columns of numbers, want at least 2, Omega_m and sigma_8, with "+
			"blanks between them", len(words))
	case p.width == 0:
		p.width = len(words)
	case len(words) != p.width:
		return fmt.Errorf("has %d columns, the rows above have %d: a number is missing or there is one "+
			"too many", len(words), p.width)
	}
	p.values = slices.Grow(p.values, len(words))
	for i, w := range words {
		v, err := number(w)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("column %d is %.20q, want a finite number", first+i, w)
		}
		p.values = append(p.values, v)
	}
	p.seeds = p.seeds && strings.Trim(words[len(words)-1], "0123456789") == ""
	return nil
}

// table returns the rows without seeds, and the columns' names.
func (p *rowParser) table() (table, error) {
	names, err := p.names()
	if err != nil {
		return table{}, err
	}
	first := 1 // column of the first number in the file, from 1
	if p.named {
		first = 2
	}
	t := table{sigma8: 1}
	if names == nil {
		t.sources = [2]string{
			fmt.Sprintf("column %d, without a name", first),
			fmt.Sprintf("column %d, without a name", first+1),
		}
	}
	kept := make([]int, 0, p.width)
	t.columns = make([]string, 0, p.width)
	for i := range p.width {
		var name string
		switch {
		case names == nil && p.named && p.seeds && i == p.width-1 && i >= 2:
			continue
		case names == nil && i < 2:
			name = []string{"Omega_m", "sigma_8"}[i]
		case names == nil:
			name = fmt.Sprintf("column %d", i+1)
		case notParameter(names[i]):
			continue
		case isOmegaM(names[i]):
			name, t.omegaM = "Omega_m", len(kept)
			t.sources[0] = fmt.Sprintf("column %d, %s", first+i, names[i])
		case isSigma8(names[i]):
			name, t.sigma8 = "sigma_8", len(kept)
			t.sources[1] = fmt.Sprintf("column %d, %s", first+i, names[i])
		default:
			name = names[i]
		}
		kept, t.columns = append(kept, i), append(t.columns, name)
	}
	if len(kept) == p.width {
		t.values = p.values
		return t, nil
	}
	t.values = p.values[:0]
	for at := 0; at < len(p.values); at += p.width {
		for _, i := range kept {
			t.values = append(t.values, p.values[at+i])
		}
	}
	return t, nil
}

// ofNumbers returns the words of a header without that of the column of names, if it has one.
func (p *rowParser) ofNumbers(h header) []string {
	if p.named && len(h.words) == p.width+1 {
		return h.words[1:]
	}
	return h.words
}

// header returns the line that names the columns: one that is no comment, or else the last comment
// with the names of Ω_m and σ_8, or else the last one of as many words as there are columns.
func (p *rowParser) header() (header, bool) {
	for _, fits := range []func(h header) bool{
		func(h header) bool { return h.plain },
		header.complete,
		func(h header) bool { return len(p.ofNumbers(h)) == p.width },
	} {
		for _, h := range slices.Backward(p.headers) {
			if fits(h) {
				return h, true
			}
		}
	}
	return header{}, false
}

// names returns the names of the columns of numbers, or nil where they have none.
func (p *rowParser) names() ([]string, error) {
	h, ok := p.header()
	if !ok {
		return nil, nil
	}
	names := p.ofNumbers(h)
	those := func(are func(name string) bool) []string {
		return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !are(name) })
	}
	omegas, sigmas := those(isOmegaM), those(isSigma8)
	fault := func(format string, args ...any) ([]string, error) {
		return nil, fmt.Errorf("line %d names %s, %s", h.line, list(names), fmt.Sprintf(format, args...))
	}
	switch {
	case len(names) != p.width && !h.plain && isOmegaM(names[0]) && isSigma8(names[1]):
		return nil, nil // the first two are meant
	case len(names) != p.width:
		return fault("which are %d columns, but the rows have %d numbers: give every column "+
			"one name", len(names), p.width)
	case len(omegas) == 0 || len(sigmas) == 0:
		missing := "Omega_m"
		if len(omegas) > 0 {
			missing = "sigma_8"
		} else if len(sigmas) == 0 {
			missing = "Omega_m and sigma_8"
		}
		return fault("but not %s: name every column in a comment above the rows, such as # "+
			"Omega_m sigma_8, or remove that line if it names none", missing)
	case len(omegas) > 1:
		return fault("of which %s are all Omega_m: keep one of them", list(omegas))
	case len(sigmas) > 1:
		return fault("of which %s are all sigma_8: keep one of them", list(sigmas))
	}
	return names, nil
}

// list writes up to a dozen names.
func list(names []string) string {
	const most = 12
	if len(names) > most {
		return fmt.Sprintf("%.300s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return fmt.Sprintf("%.300s", strings.Join(names, ", "))
}

// bare returns a name in a common spelling: Ω_m, $\Omega_{\rm m}$, Omega_M and OmegaM are all
// omegam.
func bare(name string) string {
	name = strings.NewReplacer(
		"Ω", "omega", "\u2126", "omega", "σ", "sigma", "₀", "0", "₈", "8", "ₘ", "m",
		`\rm`, "", `\mathrm`, "", `\text`, "", `\`, "", "$", "", "{", "", "}", "", "_", "", " ", "",
		",", "", "*", "",
	).Replace(name)
	return strings.ToLower(name)
}

// isOmegaM reports whether a name is one of those that tables use for Ω_m; CAMELS' newer ones use
// Omega0.
func isOmegaM(name string) bool {
	const names = "omegam om omega0 omegam0 omega0m om0 omegamatter"
	return slices.Contains(strings.Fields(names), bare(name))
}

// isSigma8 reports whether a name is one of those that tables use for σ_8. S_8 is not: it is
// σ_8 (Ω_m/0.3)^½.
func isSigma8(name string) bool {
	b := bare(name)
	return b == "sigma8" || b == "sig8" ||
		b == "s8" && strings.HasPrefix(strings.TrimLeft(name, `$\{`), "s")
}

// notParameter reports whether a column holds seeds, or names of simulations, which may be numbers.
func notParameter(name string) bool {
	names := []string{"", "seed", "name", "sim", "simulation", "id", "index"}
	return slices.Contains(names, bare(name))
}

func (t table) params(i int) cosmology.Params {
	further := make([]float64, len(t.further))
	for k, column := range t.further {
		further[k] = t.row(i)[column]
	}
	return cosmology.Params{
		OmegaM: t.row(i)[t.omegaM], Sigma8: t.row(i)[t.sigma8],
		Further: cosmology.FurtherOf(further...),
	}
}

// check returns an error for the first row outside the prior.
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
	return fmt.Errorf("%w, as in %d of %d rows in all: correct them, remove those simulations' rows "+
		"and maps, or write the ranges to %s, for example %s; Omega_m was taken from %s, and sigma_8 "+
		"from %s: if they are elsewhere, name every column in a comment above the rows", first,
		outside, t.len(), DescriptionFile, ParametersOf(prior), t.sources[0], t.sources[1])
}

// formatTable returns a table of the parameters of a prior.
func formatTable(prior cosmology.Prior, params []cosmology.Params) []byte {
	columns := append([]string{"Omega_m", "sigma_8"}, prior.Further...)
	return formatRows(columns, len(params), func(i int) []float64 { return prior.Values(params[i]) })
}

// formatRows returns a table of n rows whose numbers read back bit for bit.
func formatRows(columns []string, n int, row func(i int) []float64) []byte {
	out := []byte("#")
	for _, name := range columns {
		out = append(out, " "+strings.ReplaceAll(name, " ", "_")...)
	}
	for i := range n {
		end := byte('\n')
		for _, v := range row(i) {
			out = strconv.AppendFloat(append(out, end), v, 'g', -1, 64)
			end = ' '
		}
	}
	return append(out, '\n')
}
