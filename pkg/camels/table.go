package camels

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"darkfield/pkg/cosmology"
)

// table is a file of parameters: one row of numbers a simulation, Ω_m and σ_8 first.
type table struct {
	path string
	rows [][]float64
}

// readTable reads a table of whitespace-separated numbers; '#' starts a comment.
func readTable(path string) (table, error) {
	f, err := os.Open(path)
	if err != nil {
		return table{}, fmt.Errorf("camels: %w", err)
	}
	defer f.Close()
	t := table{path: path}
	scanner := bufio.NewScanner(f)
	for line := 1; scanner.Scan(); line++ {
		text, _, _ := strings.Cut(scanner.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		row, err := parseRow(words)
		if err == nil && len(t.rows) > 0 && len(row) != len(t.rows[0]) {
			err = fmt.Errorf("has %d columns, the lines above have %d: a number is missing or there is one too many", len(row), len(t.rows[0]))
		}
		if err != nil {
			return t, fmt.Errorf("camels: %s line %d %w", path, line, err)
		}
		t.rows = append(t.rows, row)
	}
	if err := scanner.Err(); err != nil {
		return t, fmt.Errorf("camels: %s: %w; want lines of a few numbers", path, err)
	}
	if len(t.rows) == 0 {
		return t, fmt.Errorf("camels: %s has no rows, want one for each simulation: copy it again", path)
	}
	return t, nil
}

func parseRow(words []string) ([]float64, error) {
	if len(words) < 2 {
		return nil, fmt.Errorf("has %d column, want at least Omega_m and sigma_8 on each line", len(words))
	}
	row := make([]float64, len(words))
	for i, w := range words {
		v, err := strconv.ParseFloat(w, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			if i == 0 {
				return nil, fmt.Errorf("starts with %.20q, want Omega_m: CMD's tables hold numbers only, so drop a column of names (and a seed at the end)", w)
			}
			return nil, fmt.Errorf("column %d is %.20q, want a finite number", i+1, w)
		}
		row[i] = v
	}
	return row, nil
}

func (t table) params(i int) cosmology.Params {
	return cosmology.Params{OmegaM: t.rows[i][0], Sigma8: t.rows[i][1]}
}

// check returns an error for the first row outside the prior.
func (t table) check(prior cosmology.Prior) error {
	for i := range t.rows {
		if err := prior.Check(t.params(i)); err != nil {
			return fmt.Errorf("camels: %s row %d: %s; correct or remove that simulation", t.path, i, strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	}
	return nil
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
