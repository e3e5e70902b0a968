package camels

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sbinet/npyio"
	"pgregory.net/rapid"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

// universe returns 15 maps of positive noise.
func universe(rng *rand.Rand, cells int) []field.Map {
	maps := make([]field.Map, MapsPerSimulation)
	for i := range maps {
		maps[i] = field.NewMap(field.Box{Side: 25, Cells: cells})
		for j := range maps[i].Values {
			maps[i].Values[j] = float32(1e11 * math.Exp(rng.NormFloat64()))
		}
	}
	return maps
}

func params(n int) []cosmology.Params {
	out := make([]cosmology.Params, n)
	for i := range out {
		out[i] = cosmology.Params{OmegaM: 0.1 + 0.4*float64(i)/float64(n), Sigma8: 0.9}
	}
	return out
}

// write makes a set of n simulations of 8² maps.
func write(t *testing.T, dir string, d Description, set Set, p []cosmology.Params) [][]field.Map {
	t.Helper()
	w, err := NewWriter(dir, d, "Mcdm", set, 8, p)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var all [][]field.Map
	for sim := range p {
		maps := universe(rng, 8)
		if err := w.Put(sim, maps); err != nil {
			t.Fatal(err)
		}
		all = append(all, maps)
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	dir := t.TempDir()
	want := write(t, dir, CMD(FastPM), LH, params(4))
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := s.Sets[LH]
	if m.Len() != 60 || m.Simulations() != 4 || m.Box() != (field.Box{Side: 25, Cells: 8}) {
		t.Fatalf("%d maps of %d simulations in %+v", m.Len(), m.Simulations(), m.Box())
	}
	for sim := range 4 {
		if m.Params(sim) != params(4)[sim] {
			t.Errorf("simulation %d has %v, want %v", sim, m.Params(sim), params(4)[sim])
		}
		for slab := range MapsPerSimulation {
			got, err := m.Map(sim*MapsPerSimulation + slab)
			if err != nil || !slices.Equal(got.Values, want[sim][slab].Values) {
				t.Fatalf("map %d of simulation %d came back changed (%v)", slab, sim, err)
			}
		}
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 2 {
		t.Errorf("%d files in the directory, want maps and table alone", len(entries))
	}
}

// TestNumpyReadsOurHeader: the library's reader stands for numpy.
func TestNumpyReadsOurHeader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "maps.npy")
	maps := universe(rand.New(rand.NewPCG(3, 4)), 4)
	if err := WriteMaps(path, maps); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := npyio.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var values []float32
	if err := r.Read(&values); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Header.Descr.Shape, []int{15, 4, 4}) ||
		!slices.Equal(values[16:32], maps[1].Values) {
		t.Errorf("shape %v", r.Header.Descr.Shape)
	}
}

// TestBadInput: every broken directory ends in one line that names the file, what is wrong and
// what to do.
func TestBadInput(t *testing.T) {
	const maps, table = "Maps_Mcdm_IllustrisTNG_LH_z=0.00.npy", "params_LH_IllustrisTNG.txt"
	raw := func(descr, order, shape string, bytesOfData int) []byte {
		dict := "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': (" + shape + "), }"
		dict += strings.Repeat(" ", 63-(10+len(dict))%64) + "\n"
		out := append([]byte("\x93NUMPY\x01\x00"), byte(len(dict)), byte(len(dict)>>8))
		// ones
		return append(append(out, dict...), bytes.Repeat([]byte{0, 0, 0x80, 0x3f}, bytesOfData/4)...)
	}
	const good = "30, 4, 4"
	rows := "0.3 0.8 1 1 1 1\n0.2 0.9 1 1 1 1\n"
	for _, c := range []struct {
		name  string
		maps  []byte
		table string
		want  []string
	}{
		{"truncated", raw("<f4", "False", good, 30*64-4), rows, []string{maps, "truncated"}},
		{"cut inside the header", raw("<f4", "False", good, 0)[:40], rows, []string{maps, "truncated"}},
		{"not npy", []byte("hello, this is no array at all"), rows, []string{maps, "not a .npy file"}},
		{"empty", nil, rows, []string{maps, "not a .npy file"}},
		{
			"announces a huge header", []byte("\x93NUMPY\x02\x00\xff\xff\xff\x7f{"), rows,
			[]string{maps, "header of 2147483647 bytes", "damaged"},
		},
		{"float64", raw("<f8", "False", good, 30*128), rows, []string{maps, "float32", "astype"}},
		{"big-endian", raw(">f4", "False", good, 30*64), rows, []string{maps, "float32"}},
		{
			"Fortran order", raw("<f4", "True", good, 30*64), rows,
			[]string{maps, "C order", "ascontiguousarray"},
		},
		{"flat", raw("<f4", "False", "480,", 30*64), rows, []string{maps, "[maps, side, side]"}},
		{"not square", raw("<f4", "False", "30, 4, 2", 30*32), rows, []string{maps, "square"}},
		{"no maps", raw("<f4", "False", "0, 4, 4", 0), rows, []string{maps, "at least one"}},
		{
			"lies about its size", raw("<f4", "False", "999999999999, 4, 4", 64), rows,
			[]string{maps, "truncated"},
		},
		{
			"no multiple of 15", raw("<f4", "False", "31, 4, 4", 31*64), rows,
			[]string{maps, "multiple of 15"},
		},
		{
			"table of another length", raw("<f4", "False", good, 30*64), rows + rows,
			[]string{table, "4 rows", "2 simulations"},
		},
		{
			"a column is missing", raw("<f4", "False", good, 30*64), "0.3\n0.2\n",
			[]string{table, "line 1", "sigma_8"},
		},
		{
			"ragged", raw("<f4", "False", good, 30*64), "0.3 0.8 1\n0.2 0.8\n",
			[]string{table, "line 2", "2 columns"},
		},
		{
			"text", raw("<f4", "False", good, 30*64), "# fine\n0.3 0.8\n0.2 high\n",
			[]string{table, "line 3", "column 2", "high"},
		},
		{
			"NaN in the table", raw("<f4", "False", good, 30*64), "0.3 0.8\n0.2 nan\n",
			[]string{table, "line 2", "finite"},
		},
		{
			"outside the prior", raw("<f4", "False", good, 30*64), "0.3 0.8\n0.2 1.3\n",
			[]string{table, "row 1", "σ_8 = 1.3", "[0.6, 1]"},
		},
		{"empty table", raw("<f4", "False", good, 30*64), "# nothing\n", []string{table, "no rows"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, filepath.Join(dir, maps), c.maps)
			put(t, filepath.Join(dir, table), []byte(c.table))
			s, err := Open(dir)
			if err == nil {
				s.Close()
			}
			complains(t, err, c.want...)
		})
	}
}

func put(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// complains checks that err is one line with all the words.
func complains(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func TestBadPixels(t *testing.T) {
	for _, v := range []float32{0, -1, float32(math.NaN()), float32(math.Inf(1))} {
		dir := t.TempDir()
		write(t, dir, CMD(FastPM), LH, params(2))
		path := filepath.Join(dir, "Maps_Mcdm_FastPM_LH_z=0.00.npy")
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := len(raw) - 4*(64-10) // pixel (1, 2) of the last map
		copy(raw[at:], appendFloats(nil, []float32{v}))
		put(t, path, raw)
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Sets[LH].Map(29)
		complains(t, err, path, "map 29", "(y=1, x=2)", "> 0")
		if _, err = s.Inspect(context.Background(), nil); err == nil {
			t.Error("Inspect accepts a pixel without a logarithm")
		}
		s.Close()
		maps := universe(rand.New(rand.NewPCG(1, 1)), 8)
		maps[3].Values[5] = v
		w, err := NewWriter(t.TempDir(), CMD(FastPM), "Mcdm", LH, 8, params(1))
		if err != nil {
			t.Fatal(err)
		}
		complains(t, w.Put(0, maps), "simulation 0, map 3", "> 0")
	}
}

func TestDirectories(t *testing.T) {
	empty := t.TempDir()
	_, err := Open(empty)
	complains(t, err, empty, "darkfield simulate")
	_, err = Open(filepath.Join(empty, "missing"))
	complains(t, err, "missing")

	lonely := t.TempDir()
	write(t, lonely, CMD("SIMBA"), LH, params(2))
	os.Remove(filepath.Join(lonely, "params_LH_SIMBA.txt"))
	_, err = Open(lonely)
	complains(t, err, "params_LH_SIMBA.txt")
	put(t, filepath.Join(lonely, "params_SIMBA.txt"), // CMD's older name
		formatTable(cosmology.CAMELSPrior(), params(2)))
	s, err := Open(lonely)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()

	two := t.TempDir()
	write(t, two, CMD("SIMBA"), LH, params(2))
	write(t, two, CMD("Astrid"), LH, params(2))
	_, err = Open(two)
	complains(t, err, two, "Mcdm of Astrid, Mcdm of SIMBA")
	s, err = OpenChoice(two, Choice{Suite: "Astrid"})
	if err != nil || s.Description.Suite != "Astrid" {
		t.Errorf("choosing Astrid: %v", err)
	}
	s.Close()
}

func TestUnknownSuiteNeedsADescription(t *testing.T) {
	dir := t.TempDir()
	d := Description{Suite: "Mine", BoxSide: 100, Unit: "overdensity", LogRange: [2]float64{-1, 3}}
	write(t, dir, d, LH, params(2))
	_, err := Open(dir)
	complains(t, err, "Mine", "dataset.yaml", "box_side_mpc_h", "log_range")
	if err := writeDescription(dir, d); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s.Description != d || s.Description.Surface() {
		t.Errorf("description came back as %+v", s.Description)
	}
	s.Close()
	for text, word := range map[string]string{
		"suite: Mine\nbox_side_mpc_h: -1\n": "box_side_mpc_h",
		"suite: Other\n":                    "Other",
		"suite: Mine\ncolour: red\n":        "colour",
		"suite: Mine\nlog_range: [3, 1]\n":  "log_range",
	} {
		put(t, filepath.Join(dir, DescriptionFile), []byte(text))
		_, err := Open(dir)
		complains(t, err, DescriptionFile, word)
	}
}

func TestUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, nil)
	_, err := NewWriter(filepath.Join(file, "below"), CMD(FastPM), "Mcdm", LH, 8, params(1))
	complains(t, err, file)
	complains(t, WriteMaps(filepath.Join(file, "maps.npy"), universe(rand.New(rand.NewPCG(1, 1)), 2)),
		file)
}

func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 2000).Draw(t, "simulations")
		s := SplitSimulations(n, rapid.Uint64().Draw(t, "seed"))
		all := slices.Sorted(slices.Values(slices.Concat(s.Train, s.Validation, s.Test)))
		if len(all) != n || all[0] != 0 || all[n-1] != n-1 || len(slices.Compact(all)) != n {
			t.Fatalf("%d simulations split into %d, %d and %d", n, len(s.Train),
				len(s.Validation), len(s.Test))
		}
		if len(s.Train) < 1 || len(s.Validation) < 1 || len(s.Test) < 1 {
			t.Fatalf("an empty part: %d, %d and %d", len(s.Train), len(s.Validation), len(s.Test))
		}
		if n >= 100 && (math.Abs(float64(len(s.Train))/float64(n)-0.7) > 0.02) {
			t.Fatalf("%d of %d for training", len(s.Train), n)
		}
	})
}

// TestQuijote reads maps that nobody here made, unpacked by `make quijote`.
func TestQuijote(t *testing.T) {
	if _, err := os.Stat(filepath.Join("..", "..", "runs", "data", "quijote")); err != nil {
		t.Skip("skipped: run `make quijote` first")
	}
	s, err := Open(filepath.Join("..", "..", "runs", "data", "quijote"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	report, err := s.Inspect(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := report.Sets[0]
	// Values that the pack's README states.
	if r.Simulations != 150 || r.Side != 64 || math.Abs(r.LogMean+0.1017) > 1e-4 ||
		math.Abs(r.LogStd-0.2822) > 1e-4 {
		t.Errorf("%+v", r)
	}
}
