package camels

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"darkfield/pkg/cosmology"
)

// utf16Text returns text as Windows' editors save "Unicode".
func utf16Text(text string) string {
	var raw []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
		raw = binary.LittleEndian.AppendUint16(raw, u)
	}
	return string(raw)
}

// TestTablesOfOthers: Ω_m = 0.3, 0.2 and σ_8 = 0.8, 0.9 are found in tables as other programs
// write them, by name where columns have one, and the report says in which columns.
func TestTablesOfOthers(t *testing.T) {
	const first, second = "column 1, without a name", "column 2, without a name"
	wide := strings.Repeat(" 1.2345678901234567", 5000)
	for _, c := range []struct {
		text           string
		omegaM, sigma8 string // sources
	}{
		{"0.3 0.8\n0.2 0.9\n", first, second},
		{"# Omega_m h sigma_8\n0.3 0.67 0.8\n0.2 0.72 0.9\n", "column 1, Omega_m", "column 3, sigma_8"},
		{"# sigma_8 Omega_m\n0.8 0.3\n0.9 0.2\n", "column 2, Omega_m", "column 1, sigma_8"},
		{"#h,s8,Om\n0.7,0.8,0.3\n0.7,0.9,0.2\n", "column 3, Om", "column 2, s8"},
		{"Omega_m,sigma_8\n0.3,0.8\n0.2,0.9\n", "column 1, Omega_m", "column 2, sigma_8"},
		{"\"Omega_m\",\"sigma_8\",\n0.3,0.8,\n0.2,0.9,\n", "column 1, Omega_m", "column 2, sigma_8"},
		// pandas.DataFrame.to_csv
		{",sigma8,OmegaM\n0,0.8,0.3\n1,0.9,0.2\n", "column 3, OmegaM", "column 2, sigma8"},
		{"seed; sigma8; omega_m\n7; 0.8; 0.3\n9; 0.9; 0.2\n", "column 3, omega_m", "column 2, sigma8"},
		{"# Ω_m σ_8\n0.3 0.8\n0.2 0.9\n", "column 1, Ω_m", "column 2, σ_8"},
		{"# \u2126ₘ σ₈\n0.3 0.8\n0.2 0.9\n", "column 1, \u2126ₘ", "column 2, σ₈"},
		{
			"# $h$ $\\Omega_{\\rm m}$ $\\sigma_8$\n1 0.3 0.8\n1 0.2 0.9\n", "column 2, $\\Omega_{\\rm m}$",
			"column 3, $\\sigma_8$",
		},
		{"% Omega_M\tSigma_8\n0.3\t0.8\n0.2\t0.9\n", "column 1, Omega_M", "column 2, Sigma_8"},
		{"! Om s_8\n3.0D-01 8.0d-1\n0.2D0 0.900+000 ! fiducial\n", "column 1, Om", "column 2, s_8"},
		{
			"#Name Omega0 sigma8 WindEnergyIn1e51erg seed\nSB_0 0.3 0.8 3.6 25000\nSB_1 0.2 0.9 1.2 25001\n",
			"column 2, Omega0", "column 3, sigma8",
		},
		{
			"# Name Omega_m, sigma_8 ASN1 seed\nSB7_0 0.3 0.8 1 12000\nSB7_1 0.2 0.9 2 12001\n",
			"column 2, Omega_m", "column 3, sigma_8",
		},
		// the names' column without one
		{"# sigma_8 Omega_m\nLH_0 0.8 0.3\nLH_1 0.9 0.2\n", "column 3, Omega_m", "column 2, sigma_8"},
		{
			"CV_0 0.3 0.8 3.6 1\nCV_1 0.2 0.9 3.6 2\n", "column 2, without a name",
			"column 3, without a name",
		},
		{"# sigma_8 Omega_m\n# made by me\n0.8 0.3\n0.9 0.2\n", "column 2, Omega_m", "column 1, sigma_8"},
		{
			"# Columns (as in the paper): sigma_8, Omega_m\n0.8 0.3\n0.9 0.2\n", "column 2, Omega_m",
			"column 1, sigma_8",
		},
		{"# The two parameters: see the paper.\n# in 2 sets\n0.3 0.8\n0.2 0.9\n", first, second},
		{"# Omega_m sigma_8\n0.3 0.8 1 1\n0.2 0.9 1 1\n", first, second}, // the first two have names
		{
			"\ufeff# sigma_8 Omega_m\r\n0.8 0.3\r\n\r\n0.9 0.2\r\n", "column 2, Omega_m",
			"column 1, sigma_8",
		},
		// of an old Macintosh
		{"# sigma_8 Omega_m\r0.8 0.3\r0.9 0.2\r", "column 2, Omega_m", "column 1, sigma_8"},
		{
			utf16Text("# sigma_8 Omega_m\r\n0.8 0.3\r\n0.9 0.2\r\n"), "column 2, Omega_m",
			"column 1, sigma_8",
		},
		{"\t0.3\t 0.8 # fiducial, as in 2 others\n\n \t\n0.2\u00a00.9", first, second},
		{"0.3 0.8" + wide + "\n0.2 0.9" + wide + "\n", first, second},
		{"+3e-1 .8\n0.2E+00 0.9e0\n", first, second},
	} {
		got, err := parseTable("table.txt", strings.NewReader(c.text))
		if err != nil {
			t.Errorf("%.80q: %v", c.text, err)
			continue
		}
		if got.sources != [2]string{c.omegaM, c.sigma8} {
			t.Errorf("%.80q: taken from %q, want %q and %q", c.text, got.sources, c.omegaM, c.sigma8)
		}
		if got.len() != 2 || got.params(0) != (cosmology.Params{OmegaM: 0.3, Sigma8: 0.8}) ||
			got.params(1) != (cosmology.Params{OmegaM: 0.2, Sigma8: 0.9}) {
			t.Errorf("%.80q: %d rows of %v: %v", c.text, got.len(), got.columns,
				got.values[:min(12, len(got.values))])
		}
		if r := got.report(); r.OmegaM != [2]float64{0.2, 0.3} || r.Sigma8 != [2]float64{0.8, 0.9} ||
			r.OmegaMSource != c.omegaM {
			t.Errorf("%.80q: reported as %+v", c.text, r)
		}
	}
}

// TestTablesThatAreRefused: one line that names the line, the column and what is wrong.
func TestTablesThatAreRefused(t *testing.T) {
	for text, want := range map[string][]string{
		"# h n_s Omega_b\n0.7 0.96 0.05\n": {"line 1 names h, n_s, Omega_b", "not Omega_m and sigma_8"},
		"Omega_m,h\n0.3,0.7\n":             {"line 1 names Omega_m, h", "not sigma_8"},
		// S_8 is another quantity
		"# Omega_m S_8\n0.3 0.8\n":            {"Omega_m, S_8", "not sigma_8"},
		"# omega_m_h2 sigma_8\n0.14 0.8\n":    {"not Omega_m"},
		"# Omega_m Om sigma_8\n0.3 0.3 0.8\n": {"Omega_m, Om are all Omega_m"},
		"# Omega_m sigma_8 s8\n0.3 0.8 0.8\n": {"sigma_8, s8 are all sigma_8"},
		"# h Omega_m sigma_8\n0.7 0.3 0.8 1 1\n": {
			"line 1 names h, Omega_m, sigma_8", "3 columns",
			"5 numbers",
		},
		"Omega_m sigma_8\n0.3 0.8 1\n":      {"line 1", "2 columns", "3 numbers"},
		"0,3 0,8\n":                         {"line 1", "0.3 instead of 0,3"},
		"0,3;0,8\n":                         {"line 1", "0.3 instead of 0,3"},
		"0.3,,0.8\n":                        {"line 1", `column 2 is ""`},
		"0.3 0.8\n0.2 1.0D\n":               {"line 2", `column 2 is "1.0D"`},
		"0.3 0.8\n0.2 2024-05\n":            {"line 2", `column 2 is "2024-05"`}, // no exponent
		"0.3 0.8\n0.2 2.5-05\n":             {"line 2", `column 2 is "2.5-05"`},
		"LH_0 0.3 0.8\nLH_1 0.2 1.0D+999\n": {"line 2", `column 3 is "1.0D+999"`},
		// Fortran's overflow is no name
		"****** 0.8 0.3\n": {"line 1", `column 1 is "******"`},
		"Omega_m sigma_8\n------- -------\n0.3 0.8\n": {
			"line 2", `column 1 is "-------"`,
		},
		"0.3 0.8 % mine\n0.2 0.9%\n":  {"line 2", `column 2 is "0.9%"`},
		strings.Repeat("1 ", 1<<16+2): {"line 1", "more than 65536 columns"},
		utf16Text("0.3 0.8\n")[:15]:   {"line 1", "no plain text"},
		"# " + strings.Repeat("p ", 5000) + "\n0.3 0.8" + strings.Repeat(" 1", 4998): {
			"line 1 names p, p", "4988 more", "not Omega_m and sigma_8",
		},
	} {
		_, err := parseTable("table.txt", strings.NewReader(text))
		complains(t, err, append(want, "table.txt")...)
		if err != nil && len(err.Error()) > 700 {
			t.Errorf("%d characters of error", len(err.Error()))
		}
	}
}

// TestOneParameterByName: the parameters of a 1P table are found by the names of its columns.
func TestOneParameterByName(t *testing.T) {
	tab, err := parseTable("table.txt", strings.NewReader("# h sigma_8 seed Omega_m\n.7 .8 1 .3\n.7 "+
		".8 2 .1\n.7 .8 3 .5\n.7 .6 4 .3\n.7 1 5 .3\n.6 .8 6 .3\n"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := (&Maps{table: tab}).OneParameter()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"Omega_m [0.1 0.3 0.5] [1 0 2]", "sigma_8 [0.6 0.8 1] [3 0 4]"} {
		if v := got[i]; fmt.Sprint(v.Name, " ", v.Values, " ", v.Rows) != want {
			t.Errorf("%+v, want %s", v, want)
		}
	}
}

// npyFile is a file of a version with a header and ones as data.
func npyFile(major byte, header string, numbers int) []byte {
	out := append([]byte("\x93NUMPY"), major, 0)
	if major == 1 {
		out = binary.LittleEndian.AppendUint16(out, uint16(len(header)))
	} else {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(header)))
	}
	return append(append(out, header...), appendFloats(nil, slices.Repeat([]float32{1}, numbers))...)
}

// TestMapsOfOtherWriters: files whose headers NumPy reads are read, and the others are refused
// with what to do in NumPy.
func TestMapsOfOtherWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "maps.npy")
	for _, c := range []struct {
		major  byte
		header string
		bytes  int      // of data
		want   []string // nil: 15 maps of 4² ones
	}{
		{1, "{'descr': '<f4', 'fortran_order': False, 'shape': (15L, 4L, 4L), }   \n", 960, nil},
		{3, "{'descr': '<f4', 'fortran_order': False, 'shape': (15, 4, 4), }   \n", 960, nil},
		{1, `{"shape":(15,4,4),"descr":"<f4","fortran_order":False}`, 960, nil},
		{2, "{'descr': '|f4', 'fortran_order': False, 'shape': (15, 4, 4)}", 960, nil},
		{1, "{'descr': 'float32', 'fortran_order': False, 'shape': (15, 4, 4)}", 960, nil},
		{
			1, "{'descr': '>f4', 'fortran_order': False, 'shape': (15, 4, 4)}", 960,
			[]string{`holds ">f4"`, `a.astype("<f4")`},
		},
		{
			1, "{'descr': '<f8', 'fortran_order': False, 'shape': (15, 4, 4)}", 1920,
			[]string{`holds "<f8"`, `a.astype("<f4")`},
		},
		{
			1, "{'descr': '<i8', 'fortran_order': False, 'shape': (15, 4, 4)}", 1920,
			[]string{`holds "<i8"`, `a.astype("<f4")`},
		},
		{
			1, "{'descr': '<f2', 'fortran_order': False, 'shape': (15, 4, 4)}", 480,
			[]string{`holds "<f2"`, `a.astype("<f4")`},
		},
		{
			1, "{'descr': '<c8', 'fortran_order': False, 'shape': (15, 4, 4)}", 1920,
			[]string{"complex", "a.real"},
		},
		{
			1, "{'descr': '|O', 'fortran_order': False, 'shape': (15,)}", 960,
			[]string{"Python objects", "numpy.stack"},
		},
		{
			3, "{'descr': [('σ', '<f4')], 'fortran_order': False, 'shape': (15, 4, 4)}", 960,
			[]string{"records", `a["name"]`},
		},
		{
			1, "{'descr': '<f4', 'fortran_order': True, 'shape': (15, 4, 4)}", 960,
			[]string{"Fortran order", "ascontiguousarray"},
		},
		{
			1, "{'descr': '<f4', 'fortran_order': False, 'shape': (15, 4, 4)}", 956,
			[]string{"truncated", "announces 960 bytes", "956 bytes are there"},
		},
		{
			1, "{'descr': '<f4', 'fortran_order': False, 'shape': (15, 4, 4)}", 964,
			[]string{"goes on", "960 bytes", "964", "several arrays"},
		},
		{
			1, "{'descr': '<f4', 'fortran_order': False, 'shape': (15; 4, 4)}", 960,
			[]string{"header", "missing: shape", "numpy.save"},
		},
	} {
		put(t, path, npyFile(c.major, c.header, c.bytes/4))
		maps, err := ReadMaps(path, 25)
		if c.want != nil {
			complains(t, err, append(c.want, path)...)
			if whole := !slices.Contains(c.want, "truncated"); whole && err != nil &&
				strings.Contains(err.Error(), "truncated") {
				t.Errorf("%s: whole data are called truncated: %v", c.header, err)
			}
			continue
		}
		if err != nil || len(maps) != 15 || maps[14].Box.Cells != 4 || slices.Min(maps[14].Values) != 1 {
			t.Errorf("%s: %d maps (%v)", c.header, len(maps), err)
		}
	}
}

// TestDescriptionsOfOthers: a description may come from any editor of any system.
func TestDescriptionsOfOthers(t *testing.T) {
	const text = "suite: Mine\nbox_side_mpc_h: 40\nperiodic: true\nunit: K\nlog_range: [1, 2]\n"
	windows := strings.ReplaceAll(text, "\n", "\r\n")
	for name, text := range map[string]string{
		"as it is": text, "Windows": windows, "a byte order mark": "\ufeff" + text,
		"both":   "\ufeff" + windows,
		"UTF-16": utf16Text(windows), "old Macintosh": strings.ReplaceAll(text, "\n", "\r"),
		"JSON": "\ufeff{\"suite\": \"Mine\",\r\n\"box_side_mpc_h\": 40, \"periodic\": " +
			"true, \"unit\": \"K\", \"log_range\": [1, 2]}",
		"a document's marks": "\ufeff%YAML 1.2\r\n---\r\n" + windows + "...\r\n",
	} {
		var d Description
		err := parse([]byte(text), &d)
		if want := (Description{
			Suite: "Mine", BoxSide: 40, Periodic: true, Unit: "K",
			LogRange: [2]float64{1, 2},
		}); err != nil || d != want {
			t.Errorf("%s: %+v (%v)", name, d, err)
		}
	}
}

// TestGenerations: CAMELS' second generation is known with its box, and refused where its box
// cannot be known.
func TestGenerations(t *testing.T) {
	row := func(columns int) string { return "0.3 0.8" + strings.Repeat(" 1", columns-2) + "\n" }
	for _, c := range []struct {
		maps, table string
		columns     int
		side        float64
		suite       string
		refused     []string
	}{
		{
			"Maps_Mcdm_IllustrisTNG_SB28_z=0.00.npy", "params_SB28_IllustrisTNG.txt", 28, 25,
			"IllustrisTNG", nil,
		},
		{
			"Maps_Mtot_Nbody_IllustrisTNG_SB28_z=0.00.npy", "params_SB28_Nbody_IllustrisTNG.txt", 28, 25,
			"Nbody_IllustrisTNG", nil,
		},
		{"Maps_Mcdm_Astrid_SB7_z=0.00.npy", "CosmoAstroSeed_Astrid_SB7.txt", 7, 25, "Astrid", nil},
		{
			"Maps_Mcdm_IllustrisTNG_SB35_z=0.00.npy", "params_SB35_IllustrisTNG.txt", 35, 50,
			"IllustrisTNG", nil,
		},
		{
			"Maps_Mcdm_IllustrisTNG_SB35_z=0.00.npy", "CosmoAstroSeed_IllustrisTNG_L50n512_SB35.txt", 35, 50,
			"IllustrisTNG", nil,
		},
		{
			"Maps_Mtot_Nbody_IllustrisTNG_SB35_z=0.00.npy", "params_SB35_IllustrisTNG.txt", 35, 50,
			"Nbody_IllustrisTNG", nil,
		},
		{
			"Maps_Mcdm_IllustrisTNG_L50n512_SB35_z=0.00.npy", "params_SB35_IllustrisTNG_L50n512.txt", 35, 50,
			"IllustrisTNG_L50n512", nil,
		},
		{
			"Maps_Mcdm_IllustrisTNG_SB35_L50n512_z=0.00.npy", "CosmoAstroSeed_IllustrisTNG_L50n512_SB35.txt",
			35, 50, "IllustrisTNG_L50n512", nil,
		},
		{
			"Maps_Mcdm_IllustrisTNG_L50n512_CV_z=0.00.npy", "CosmoAstroSeed_IllustrisTNG_L50n512_CV.txt", 28,
			50, "IllustrisTNG_L50n512", nil,
		},
		{
			"Maps_Mcdm_SIMBA_L100n1024_LH_z=0.00.npy", "params_LH_SIMBA.txt", 6, 100,
			"SIMBA_L100n1024", nil,
		},
		{
			"Maps_Mcdm_IllustrisTNG_L25n256_1P_z=0.00.npy", "params_1P_IllustrisTNG.txt", 28, 25,
			"IllustrisTNG_L25n256", nil,
		},
		{
			"Maps_Mcdm_IllustrisTNG_CV_z=0.00.npy", "params_CV_IllustrisTNG.txt", 35, 0, "",
			[]string{"35 parameters", "50 Mpc/h", "L50n512", "box_side_mpc_h"},
		},
		{
			"Maps_Mcdm_IllustrisTNG_L50n512_CV_z=0.00.npy", "CosmoAstroSeed_IllustrisTNG_L25n256_CV.txt", 28,
			0, "",
			[]string{"no table", "params_CV_IllustrisTNG_L50n512.txt"},
		},
		{
			"Maps_Mcdm_Magneticum_LH_z=0.00.npy", "params_LH_Magneticum.txt", 6, 0, "",
			[]string{`"Magneticum" is not one of CMD's`, "box_side_mpc_h"},
		},
	} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, c.maps),
			append(npyHeader(15, 2, 2), appendFloats(nil, slices.Repeat([]float32{1e11}, 60))...))
		put(t, filepath.Join(dir, c.table), []byte(row(c.columns)))
		s, err := Open(dir)
		if c.refused != nil {
			complains(t, err, append(c.refused, dir)...)
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		if d := s.Description; d.BoxSide != c.side || d.Suite != c.suite ||
			d.HasRange() != (c.side == 25 && s.Field == "Mcdm") ||
			s.Sets[order(s.Sets)[0]].Box().Side != c.side {
			t.Errorf("%s: %+v, want a side of %g", c.maps, d, c.side)
		}
		s.Close()
	}

	// Boxes of two sizes are two directories; the description says the box where the name does not.
	dir := t.TempDir()
	for _, set := range []string{"LH", "SB35"} {
		lay(t, dir, "Maps_Mcdm_IllustrisTNG_"+set+"_z=0.00.npy", "params_"+set+"_IllustrisTNG.txt")
	}
	_, err := Open(dir)
	complains(t, err, dir, "SB35 has boxes of 50 Mpc/h", "LH of 25")
	dir = t.TempDir()
	lay(t, dir, "Maps_Mcdm_IllustrisTNG_CV_z=0.00.npy", "")
	put(t, filepath.Join(dir, "params_CV_IllustrisTNG.txt"), []byte(row(35)))
	put(t, filepath.Join(dir, DescriptionFile), []byte("\ufeffsuite: "+
		"IllustrisTNG\r\nbox_side_mpc_h: 50\r\n"))
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Description.BoxSide != 50 {
		t.Errorf("box side %g, want 50 as described", s.Description.BoxSide)
	}
}

// nested is YAML of so many levels, each one blank further to the right.
func nested(levels int) string {
	var b strings.Builder
	for i := range levels {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// TestMemoryOfInputs: no input asks for more memory than a small multiple of its size.
func TestMemoryOfInputs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "input")
	measure := func(name string, raw []byte, times uint64, read func() error) {
		put(t, path, raw)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := read()
		runtime.ReadMemStats(&after)
		if used, most := after.TotalAlloc-before.TotalAlloc, times*uint64(len(raw))+1<<16; used > most {
			t.Errorf("%s: %d bytes of memory for %d of input, want at most %d (%v)", name, used,
				len(raw), most, err)
		}
	}
	// Of a table of one row: the text in the five states that it goes through, of 16 bytes for a
	// word and 8 for a number in every two, and those of the numbers some five times over, as
	// slices grow by a quarter. A comment of a letter costs most: a list of words and its place
	// in the list of lines, in every three.
	for name, text := range map[string]string{
		"one long row": strings.Repeat("1 ", 1<<16), "many rows": strings.Repeat("1 2\n", 1<<18),
		"one word": strings.Repeat("1", 1<<20),
		"commas":   strings.Repeat(",", 1<<20), "comments": strings.Repeat("#a\n", 1<<18),
		"quotes": strings.Repeat(`"" `, 1<<18), "no text": strings.Repeat("\x00", 1<<20),
	} {
		measure("table of "+name, []byte(text), 128,
			func() error { _, err := readTable(path); return err })
	}
	measure("maps that are not there", npyFile(1, "{'descr': '<f4', 'fortran_order': False, "+
		"'shape': (999999999, 2048, 2048)}", 1<<10), 8,
		func() error { _, err := ReadMaps(path, 25); return err })
	for name, text := range map[string]string{
		"brackets": strings.Repeat("[", 4000), "maps": strings.Repeat("{a: ", 1000),
		"aliases": "suite: &a [" + strings.Repeat("*a,", 1300) + "]",
		"dashes":  strings.Repeat("- ", 2000), "questions": strings.Repeat("? ", 2000),
		"tags": strings.Repeat("!a ", 1300), "anchors": strings.Repeat("&a ", 1300),
		"levels": nested(88),
		"blanks": strings.Repeat(" \n", 2000), "list": "log_range: [" + strings.Repeat("1,", 2000) + "]",
	} {
		// The YAML library keeps some hundred bytes for every token, and for an error those of
		// the lines around it; it reads up to 4096 bytes, so that this is 8 MiB at most.
		measure("description of "+name, []byte(text), 1<<11, func() error {
			raw, err := slurp(path, largestDescription)
			if err != nil {
				return err
			}
			var d Description
			return parse(raw, &d)
		})
	}
}
