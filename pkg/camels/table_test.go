package camels

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/reference"
)

// realTable reads one of CAMELS' own tables as it is.
func realTable(t *testing.T, name string) table {
	t.Helper()
	got, err := readTable(reference.Path(t, "data", "camels_params", name))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestRealTables: names and seeds are left out; what the README beside the tables says of their
// rows and columns is found.
func TestRealTables(t *testing.T) {
	for _, c := range []struct {
		name          string
		rows, columns int
		last          string
		low, high     float64 // of the last column
	}{
		{"CosmoAstroSeed_IllustrisTNG_L25n256_LH.txt", 1000, 6, "A_AGN2", 0.5, 2},
		{"CosmoAstroSeed_IllustrisTNG_L25n256_CV.txt", 27, 6, "A_AGN2", 1, 1},
		{"CosmoAstroSeed_IllustrisTNG_L25n256_1P.txt", 140, 28, "QuasarThresholdPower", 0, 4},
		{"CosmoAstroSeed_IllustrisTNG_1P_original66.txt", 66, 6, "A_AGN2", 0.5, 2},
	} {
		got := realTable(t, c.name)
		limits := got.limits(c.columns - 1)
		if got.len() != c.rows || len(got.columns) != c.columns || got.columns[c.columns-1] != c.last {
			t.Errorf("%s: %d rows of %v, want %d rows of %d columns, the last %s", c.name, got.len(),
				got.columns, c.rows, c.columns, c.last)
		}
		if limits[0] < c.low || limits[1] > c.high {
			t.Errorf("%s: %s lies in %v, want [%g, %g]", c.name, c.last, limits, c.low, c.high)
		}
		if err := got.check(cosmology.CAMELSPrior()); err != nil {
			t.Error(err)
		}
	}
}

// withoutComment, withoutNames and withoutSeeds turn CAMELS' own tables into those of other
// sources.
func withoutComment(text string) string { return text[strings.Index(text, "\n")+1:] }

func cut(text string, first, last int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); !strings.HasPrefix(line, "#") {
			b.WriteString(strings.Join(words[first:len(words)-last], " ") + "\n")
		}
	}
	return b.String()
}

// TestTablesOfAllSources: CAMELS' own table, without its comment, without seeds, and CMD's
// numbers alone hold the same parameters.
func TestTablesOfAllSources(t *testing.T) {
	for _, name := range []string{
		"CosmoAstroSeed_IllustrisTNG_L25n256_LH.txt",
		"CosmoAstroSeed_IllustrisTNG_L25n256_CV.txt", "CosmoAstroSeed_IllustrisTNG_L25n256_1P.txt",
		"CosmoAstroSeed_IllustrisTNG_1P_original66.txt",
	} {
		raw, err := os.ReadFile(reference.Path(t, "data", "camels_params", name))
		if err != nil {
			t.Fatal(err)
		}
		whole, want := string(raw), realTable(t, name)
		for kind, text := range map[string]string{
			"no comment": withoutComment(whole), "numbers alone": cut(whole, 1, 1),
			"a byte order mark": "\ufeff" + whole, "Windows' line ends": strings.ReplaceAll(whole, "\n",
				"\r\n"), "blanks and a remark": "\n# a remark of mine\n\n" + withoutComment(whole) + "\n \n",
		} {
			got, err := parseTable(name, strings.NewReader(text))
			if err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
				continue
			}
			if len(got.columns) != len(want.columns) || fmt.Sprint(got.values) != fmt.Sprint(want.values) {
				t.Errorf("%s, %s: %d columns, want %d; or other numbers", name, kind, len(got.columns),
					len(want.columns))
			}
		}
	}
}

// block is what the README beside CAMELS' tables says of one parameter: its rows in rising order
// and its values.
type block struct {
	rows   []int
	values []float64
}

// original is the older layout: 11 values in equal steps, or in equal log steps, with the
// fiducial one in the middle.
func original(parameter int, low, high float64, log bool) block {
	var b block
	for i := range 11 {
		x := float64(i) / 10
		v := low + (high-low)*x
		if log {
			v = low * math.Pow(high/low, x)
		}
		b.rows, b.values = append(b.rows, 11*parameter+i), append(b.values, v)
	}
	return b
}

// TestOriginal1P: each of the six parameters has its eleven rows, and the fiducial model its six.
func TestOriginal1P(t *testing.T) {
	whole := realTable(t, "CosmoAstroSeed_IllustrisTNG_1P_original66.txt")
	want := []block{
		original(0, 0.1, 0.5, false), original(1, 0.6, 1, false),
		original(2, 0.25, 4, true), original(3, 0.25, 4, true), original(4, 0.5, 2, true),
		original(5, 0.5, 2, true),
	}
	names := []string{"Omega_m", "sigma_8", "A_SN1", "A_AGN1", "A_SN2", "A_AGN2"}
	for kind, tab := range map[string]table{
		"66 rows": whole,
		"61 rows": whole.without(t, 16, 27, 38, 49, 60),
	} {
		fiducial, got := tab.variations()
		if kind == "66 rows" && fmt.Sprint(fiducial) != "[5 16 27 38 49 60]" || kind == "61 rows" &&
			fmt.Sprint(fiducial) != "[5]" {
			t.Errorf("%s: fiducial in rows %v", kind, fiducial)
		}
		if len(got) != 6 {
			t.Fatalf("%s: %d parameters vary, want 6", kind, len(got))
		}
		for p, v := range got {
			if v.Column != p || v.Name != names[p] || len(v.Rows) != 11 || v.Fiducial != 5 {
				t.Fatalf("%s, parameter %d: %+v, want column %d, %s, 11 rows, the fiducial one in the middle",
					kind, p, v, p, names[p])
			}
			for i, row := range v.Rows {
				if kind == "66 rows" && row != want[p].rows[i] {
					t.Errorf("%s varies in rows %v, want %v", v.Name, v.Rows, want[p].rows)
				}
				// Printed with five decimals.
				if math.Abs(v.Values[i]-want[p].values[i]) > 0.5e-5+1e-12 || tab.row(row)[p] != v.Values[i] {
					t.Errorf("%s, %s: value %d in row %d is %g (%g in the table), want %g", kind, v.Name, i, row,
						v.Values[i], tab.row(row)[p], want[p].values[i])
				}
			}
		}
	}
}

// without returns the table without some rows.
func (t table) without(test *testing.T, rows ...int) table {
	test.Helper()
	out := table{path: t.path, columns: t.columns}
	for i := range t.len() {
		keep := true
		for _, r := range rows {
			keep = keep && r != i
		}
		if keep {
			out.values = append(out.values, t.row(i)...)
		}
	}
	return out
}

// TestNewer1P: each of the 28 parameters varies in the five rows of its block, the fiducial one
// among them (at the edge for one of them); the names of the rows, which the reader does not look
// at, say the same.
func TestNewer1P(t *testing.T) {
	const name = "CosmoAstroSeed_IllustrisTNG_L25n256_1P.txt"
	raw, err := os.ReadFile(reference.Path(t, "data", "camels_params", name))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	header := strings.Fields(lines[0])
	table := realTable(t, name)
	fiducial, got := table.variations()
	if len(got) != 28 || len(fiducial) != 28 {
		t.Fatalf("%d parameters vary around %d fiducial rows, want 28 and 28", len(got), len(fiducial))
	}
	for p, v := range got {
		if p >= 2 && v.Name != header[1+p] || v.Column != p || len(v.Rows) != 5 {
			t.Errorf("parameter %d: %+v, want column %d, %s, 5 rows", p, v, p, header[1+p])
		}
		for i, row := range v.Rows {
			label := strings.Fields(lines[1+row])[0]
			prefix := fmt.Sprintf("1P_p%d_", p+1)
			if !strings.HasPrefix(label, prefix) || (label == prefix+"0") != (i == v.Fiducial) {
				t.Errorf("%s: row %d, called %s, is value %d, and value %d is fiducial", v.Name, row, label,
					i, v.Fiducial)
			}
		}
		if len(slices.Compact(slices.Sorted(slices.Values(v.Rows)))) != 5 {
			t.Errorf("%s: a row comes twice in %v", v.Name, v.Rows)
		}
	}
	for i, want := range [][]float64{{0.1, 0.2, 0.3, 0.4, 0.5}, {0.6, 0.7, 0.8, 0.9, 1}} {
		if fmt.Sprint(got[i].Values) != fmt.Sprint(want) {
			t.Errorf("%s varies as %v, want %v", got[i].Name, got[i].Values, want)
		}
	}
}

// TestVariationsDoNotDependOnOrder: rows in any order, with parameters in any order, give the same.
func TestVariationsDoNotDependOnOrder(t *testing.T) {
	original := realTable(t, "CosmoAstroSeed_IllustrisTNG_L25n256_1P.txt")
	rapid.Check(t, func(rt *rapid.T) {
		rows := rapid.Permutation(all(original.len())).Draw(rt, "rows")
		columns := rapid.Permutation(all(len(original.columns))).Draw(rt, "columns")
		var shuffled table
		for _, c := range columns {
			shuffled.columns = append(shuffled.columns, original.columns[c])
		}
		for _, r := range rows {
			for _, c := range columns {
				shuffled.values = append(shuffled.values, original.row(r)[c])
			}
		}
		_, want := original.variations()
		fiducial, got := shuffled.variations()
		if len(got) != 28 || len(fiducial) != 28 {
			rt.Fatalf("%d parameters vary around %d fiducial rows", len(got), len(fiducial))
		}
		for _, v := range got {
			w := want[columns[v.Column]]
			if v.Name != w.Name || fmt.Sprint(v.Values) != fmt.Sprint(w.Values) || v.Fiducial != w.Fiducial {
				rt.Fatalf("%s varies as %v, want %v", v.Name, v.Values, w.Values)
			}
			for i, row := range v.Rows {
				if i != v.Fiducial && rows[row] != w.Rows[i] {
					rt.Fatalf("%s: row %d was row %d, want %d", v.Name, row, rows[row], w.Rows[i])
				}
			}
		}
	})
}

// TestRoundsOf1P: a table that repeats its values round by round gives the rows of one round, the
// fiducial one too.
func TestRoundsOf1P(t *testing.T) {
	round := []float64{0.1, 0.8, 0.5, 0.8, 0.3, 0.8, 0.3, 0.6, 0.3, 1.0}
	several := table{
		columns: []string{"Omega_m", "sigma_8"},
		values:  slices.Concat(round, round, round),
	}
	_, got := several.variations()
	if len(got) != 2 {
		t.Fatalf("%d parameters vary", len(got))
	}
	for i, want := range [][]int{{0, 2, 1}, {3, 2, 4}} {
		if !slices.Equal(got[i].Rows, want) || got[i].Fiducial != 1 {
			t.Errorf("%s varies in rows %v with fiducial %d, want %v and 1", got[i].Name, got[i].Rows,
				got[i].Fiducial, want)
		}
	}
}

func TestOtherSetsAreNot1P(t *testing.T) {
	for _, name := range []string{
		"CosmoAstroSeed_IllustrisTNG_L25n256_LH.txt",
		"CosmoAstroSeed_IllustrisTNG_L25n256_CV.txt",
	} {
		m := Maps{table: realTable(t, name)}
		if _, v := m.table.variations(); len(v) != 0 {
			t.Errorf("%s: %d parameters vary one at a time", name, len(v))
		}
		_, err := m.OneParameter()
		complains(t, err, name, "not a 1P table")
	}
}

// TestTableErrors: one line with the file, the line, the value and what is wanted.
func TestTableErrors(t *testing.T) {
	for text, want := range map[string][]string{
		"0.3 0.8\nLH_1 0.3 0.8\n":                        {"line 2", `"LH_1"`, "name"},
		"LH_0 0.3 0.8\n0.3 0.8 1\n":                      {"line 2", `"0.3"`, "name"},
		"0.3\xb70.8\n":                                   {"line 1", "UTF-8"},
		"0.3 0.8\n0.2 0.9 " + strings.Repeat("1", 1<<17): {"line 2", "3 columns"},
		"LH_0 0.3 0.8 7\nLH_1 0.3 inf 8\n":               {"line 2", "column 3", `"inf"`},
	} {
		_, err := parseTable("table.txt", strings.NewReader(text))
		complains(t, err, append(want, "table.txt")...)
	}
}

// TestPriorLooksAtCosmologyOnly: astrophysical parameters may be anything; another prior gets a
// way out.
func TestPriorLooksAtCosmologyOnly(t *testing.T) {
	read := func(text string) error {
		got, err := parseTable("table.txt", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return got.check(cosmology.CAMELSPrior())
	}
	if err := read("0.3 0.8 1e6 -5 0 3.6\n"); err != nil {
		t.Error(err)
	}
	complains(t, read("0.3 0.8\n0.3175 0.049\n0.2 0.05\n"), "table.txt row 1", "σ_8 = 0.049",
		"[0.6, 1]", "in 2 of 3 rows", "column 1, without a name", "column 2", "name every column")
}

// TestTableRoundTrip: what is written is read bit for bit.
func TestTableRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var want []cosmology.Params
		for _, v := range rapid.SliceOfN(rapid.Float64(), 2, 40).Draw(rt, "values") {
			want = append(want, cosmology.Params{OmegaM: v, Sigma8: 1 - v/3})
		}
		got, err := parseTable("table.txt", bytes.NewReader(formatTable(cosmology.CAMELSPrior(), want)))
		if err != nil {
			rt.Fatal(err)
		}
		for i := range want {
			if got.params(i) != want[i] {
				rt.Fatalf("row %d came back as %v, want %v", i, got.params(i), want[i])
			}
		}
	})
}
