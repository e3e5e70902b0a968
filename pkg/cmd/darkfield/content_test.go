package main

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"darkfield/pkg/backend"
	"darkfield/pkg/camels"
	"darkfield/pkg/field"
)

// densityMaps returns n maps of noise around a mean.
func densityMaps(n, cells int, mean float64) []field.Map {
	rng := rand.New(rand.NewPCG(8, 9))
	maps := make([]field.Map, n)
	for i := range maps {
		maps[i] = field.NewMap(field.Box{Side: 25, Cells: cells})
		for j := range maps[i].Values {
			maps[i].Values[j] = float32(mean * math.Exp(rng.NormFloat64()))
		}
	}
	return maps
}

// saveMaps writes maps after f was applied to every pixel, given the map's mean.
func saveMaps(t *testing.T, path string, maps []field.Map, f func(x, mean float64) float64) {
	t.Helper()
	out := make([]field.Map, len(maps))
	for i, m := range maps {
		out[i] = field.NewMap(m.Box)
		mean := m.Mean()
		for j, v := range m.Values {
			out[i].Values[j] = float32(f(float64(v), mean))
		}
	}
	if err := camels.WriteMaps(path, out); err != nil {
		t.Fatal(err)
	}
}

// printed is what spectrum --json prints, behind warnings.
func printed(t *testing.T, text string) (side float64, k, p []float64) {
	t.Helper()
	_, object, found := strings.Cut(text, "{")
	if end := strings.LastIndex(object, "}"); found && end >= 0 {
		object = "{" + object[:end+1]
	}
	var s struct {
		Side float64   `json:"box_side_mpc_h"`
		K    []float64 `json:"k_h_per_mpc"`
		P    []float64 `json:"power_mpc2_per_h2"`
	}
	if err := json.Unmarshal([]byte(object), &s); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return s.Side, s.K, s.P
}

// TestSpectrumOfWhatPeopleHave: a map has the same spectrum in every unit in which it can be told
// what it is, in the box that stands beside it; all else ends with one line that names file and
// map, never with NaN.
func TestSpectrumOfWhatPeopleHave(t *testing.T) {
	dir := t.TempDir()
	maps := densityMaps(3, 16, 1e11)
	save := func(name string, f func(x, mean float64) float64) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		saveMaps(t, path, maps, f)
		return path
	}
	text, err := call("spectrum", "--json",
		save("density.npy", func(x, _ float64) float64 { return x }))
	if err != nil {
		t.Fatal(err)
	}
	side, k, want := printed(t, text)
	if side != 25 {
		t.Errorf("side %g of maps of which nothing is said, want 25", side)
	}
	described := func(name, description string, f func(x, mean float64) float64) string {
		path := save(name+"/maps.npy", f)
		if err := os.WriteFile(filepath.Join(dir, name, camels.DescriptionFile), []byte(description),
			0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		path string
		args []string
		side float64
		warn string
	}{
		"1e10": {
			save("1e10.npy", func(x, _ float64) float64 { return x / 1e10 }),
			nil, 25, "",
		},
		"overdensity": {
			save("rho.NPY", func(x, mean float64) float64 { return x / mean }),
			nil, 25, "",
		},
		"contrast": {
			save("delta.npy", func(x, mean float64) float64 { return x/mean - 1 }), nil,
			25, "map 0 of " + filepath.Join(dir, "delta.npy") + " looks like a density contrast",
		},
		"described log10": {
			described("log10", "unit: log10 (Msun/h)/(Mpc/h)^2\n",
				func(x, _ float64) float64 { return math.Log10(x) }), nil, 25, "not periodic",
		},
		"described δ": {described("said", "unit: density contrast\nperiodic: true\n",
			func(x, mean float64) float64 { return x/mean - 1 }), nil, 25, ""},
		"a box of 50": {
			described("50", "box_side_mpc_h: 50\nperiodic: true\n", func(x, _ float64) float64 { return x }),
			nil, 50, "",
		},
		"a flag over it": {
			filepath.Join(dir, "50", "maps.npy"),
			[]string{"--box-side", "100"},
			100, "",
		},
		"a suite's own": {
			described("suite", "suite: SIMBA\n", func(x, _ float64) float64 { return x }), nil, 25, "",
		},
		"a name of CMD's": {
			save("Maps_Mcdm_Astrid_LH_z=0.00.npy", func(x, _ float64) float64 { return x }), nil, 25, "",
		},
		"δ as a deviation": {
			filepath.Join(dir, "delta.npy"),
			[]string{"--convention", "deviation"},
			25,
			"",
		},
	} {
		text, err := call(append([]string{"spectrum", "--json", c.path}, c.args...)...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		side, gotK, got := printed(t, text)
		scale := c.side / 25
		for i := range want { // float32 and its logarithm are good to 1e-6 of each pixel
			if side != c.side || math.Abs(gotK[i]*scale/k[i]-1) > 1e-9 ||
				math.Abs(got[i]/(want[i]*scale*scale)-1) > 1e-4 {
				t.Errorf("%s: side %g, P(%g) = %g, want %g, P(%g) = %g", name, side, gotK[i], got[i], c.side,
					k[i]/scale, want[i]*scale*scale)
				break
			}
		}
		if c.warn == "" && strings.Contains(text, "warning:") || !strings.Contains(text, c.warn) {
			t.Errorf("%s: says %q, want the warning %q", name, text, c.warn)
		}
	}

	nan := func(x, mean float64) float64 {
		if x < mean/2 {
			return math.NaN()
		}
		return x
	}
	for name, c := range map[string]struct {
		path string
		args []string
		want string
	}{
		"NaN": {save("nan.npy", nan), nil, "is NaN"},
		"NaN as a deviation": {
			filepath.Join(dir, "nan.npy"),
			[]string{"--convention", "deviation"},
			"is NaN",
		},
		"infinite": {
			save("inf.npy", func(x, _ float64) float64 { return x * 1e300 }),
			nil, "is +Inf",
		},
		"zeros": {
			save("zero.npy", func(float64, float64) float64 { return 0 }), nil,
			"all its pixels are 0",
		},
		"log10": {
			save("log.npy", func(x, _ float64) float64 { return math.Log10(x) }),
			nil, "logarithms already",
		},
		"log10 over the mean": {
			save("logmean.npy", func(x, mean float64) float64 { return math.Log10(x / mean) }), nil,
			"--convention deviation",
		},
		"velocities": {
			save("v.npy", func(x, mean float64) float64 { return 100 * (x/mean - 1) }), nil,
			"--convention deviation",
		},
		"a log10 of 0": {
			save("ones.npy", func(float64, float64) float64 { return 1 }),
			[]string{"--convention", "log"},
			"the power is NaN",
		},
		"a box without a number": {
			filepath.Join(dir, "density.npy"),
			[]string{"--box-side", "1e300"},
			"the power is +Inf",
		},
		"a box of nothing": {
			filepath.Join(dir, "density.npy"),
			[]string{"--box-side", "-1"},
			"--box-side",
		},
		"no such map": {filepath.Join(dir, "density.npy"), []string{"--index", "3"}, "maps 0 to 2"},
	} {
		text, err := call(append([]string{"spectrum", "--json", c.path}, c.args...)...)
		if err == nil || !strings.Contains(err.Error(), c.want) || text != "" {
			t.Errorf("%s: %v and %q, want %q alone", name, err, text, c.want)
		}
		if name != "a box of nothing" && err != nil && !strings.Contains(err.Error(), c.path) {
			t.Errorf("%s: %v does not name the file", name, err)
		}
	}
	one := filepath.Join(dir, "one.npy")
	saveMaps(t, one, densityMaps(15, 1, 1e11), func(x, _ float64) float64 { return x })
	if _, err := call("spectrum", one); err == nil ||
		!strings.Contains(err.Error(), "1 pixel a side, want at least 2") {
		t.Errorf("maps of one pixel: %v", err)
	}
	if _, err := call("inspect", one); err != nil {
		t.Errorf("inspect of maps of one pixel: %v", err)
	}
}

// TestInspectGoesByContent: names in capitals, or without an extension, are no hindrance.
func TestInspectGoesByContent(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"LIN.NPY", "Lin.Npy", "lin"} {
		path := filepath.Join(dir, name)
		saveMaps(t, path, densityMaps(3, 8, 1), func(x, mean float64) float64 { return x/mean - 1 })
		text, err := call("inspect", path)
		if err != nil || !strings.Contains(text, "3 of 8² pixels") ||
			!strings.Contains(text, "density contrast") {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	for _, name := range []string{"P.TXT", "params.dat", "params"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("0.3 0.8\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if text, err := call("inspect", path); err != nil ||
			!strings.Contains(text, "1 rows of 2 columns") {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	damaged := filepath.Join(dir, "C.SAFETENSORS")
	if err := os.WriteFile(damaged, []byte("\x91\x02\xff"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := call("inspect", damaged); err == nil ||
		!strings.Contains(err.Error(), "3 bytes are too few for a safetensors file") {
		t.Errorf("a damaged checkpoint in capitals: %v", err)
	}
}

// TestInspectWarnsOfRange: of maps far outside a checkpoint's range, alone and in a suite.
func TestInspectWarnsOfRange(t *testing.T) {
	weights := smallNetwork(t)
	dir := t.TempDir()
	far, near := filepath.Join(dir, "far", corpusName), filepath.Join(dir, "near", corpusName)
	for path, mean := range map[string]float64{far: 1e17, near: 1e11} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		saveMaps(t, path, densityMaps(15, 32, mean), func(x, _ float64) float64 { return x })
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "params_LH_IllustrisTNG.txt"),
			[]byte("0.3 0.8\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, what := range []string{path, filepath.Dir(path)} {
			text, err := call("inspect", "--checkpoint", weights, what)
			if warned := strings.Contains(text, "warning: log10 of maps of "+path); err != nil ||
				warned != (path == far) {
				t.Errorf("%s: %v, %q", what, err, text)
			}
		}
	}
}

const corpusName = "Maps_Mcdm_IllustrisTNG_LH_z=0.00.npy"

// TestTrainWarnsOfRange: of maps far outside the range that the description says.
func TestTrainWarnsOfRange(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, corpusName)
	saveMaps(t, path, densityMaps(45, 8, 1e11), func(x, _ float64) float64 { return x })
	if err := os.WriteFile(filepath.Join(dir, "params_LH_IllustrisTNG.txt"),
		[]byte("0.3 0.8\n0.2 0.9\n0.4 0.7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for description, want := range map[string]bool{
		"log_range: [1, 5]\n":  true,
		"log_range: [9, 13]\n": false,
	} {
		if err := os.WriteFile(filepath.Join(dir, camels.DescriptionFile),
			[]byte("suite: IllustrisTNG\n"+description), 0o600); err != nil {
			t.Fatal(err)
		}
		// The checkpoint to start from is missing, so that nothing is trained.
		text, err := call("train", "--data", dir, "--run", filepath.Join(dir, "run"), "--preset", "smoke",
			"--side", "8", "--init", filepath.Join(dir, "none"))
		if err == nil || strings.Contains(text, "warning: log10 of maps of "+path) != want {
			t.Errorf("%s: %v, %q", description, err, text)
		}
	}
}

// TestMapsForACheckpoint: what infer reads is a map of any unit that is said, with
// a warning of one far outside the range; the rest is refused with file and map. evaluate and
// calibrate warn of data far outside.
func TestMapsForACheckpoint(t *testing.T) {
	if _, found := backend.Plugin(); !found {
		t.Skip("no XLA plugin: run make setup")
	}
	weights := smallNetwork(t)
	e, err := openEmulator(weights)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	dir := t.TempDir()
	maps := densityMaps(2, 64, 1e11)
	save := func(name, description string, f func(x, mean float64) float64) string {
		path := filepath.Join(dir, name, "maps.npy")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		saveMaps(t, path, maps, f)
		if description != "" {
			if err := os.WriteFile(filepath.Join(dir, name, camels.DescriptionFile), []byte(description),
				0o600); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	plain, warnings, err := oneMap(save("plain", "", func(x, _ float64) float64 { return x }), 1, e)
	if err != nil || len(warnings) > 0 || plain.Box != e.Box() {
		t.Fatalf("%v, %q, %+v", err, warnings, plain.Box)
	}
	for name, path := range map[string]string{
		"1e10": save("said", "unit: 1e10 (Msun/h)/(Mpc/h)^2\n",
			func(x, _ float64) float64 { return x / 1e10 }),
		"log10": save("logs", "unit: log10 (Msun/h)/(Mpc/h)^2\n",
			func(x, _ float64) float64 { return math.Log10(x) }),
	} {
		m, _, err := oneMap(path, 1, e)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range m.Values {
			if math.Abs(float64(v-plain.Values[i])) > 1e-5 {
				t.Errorf("%s: pixel %d is %g, want %g", name, i, v, plain.Values[i])
				break
			}
		}
	}
	for name, c := range map[string]struct {
		path, want string
	}{
		"1e10": {
			save("1e10", "", func(x, _ float64) float64 { return x / 1e10 }),
			`look like "1e10`,
		},
		"log10": {
			save("log10", "", func(x, _ float64) float64 { return math.Log10(x) }),
			`look like "log10`,
		},
		"contrast": {
			save("delta", "", func(x, mean float64) float64 { return x/mean - 1 }),
			`look like "density contrast"`,
		},
		"overdensity": {
			save("rho", "", func(x, mean float64) float64 { return x / mean }),
			`look like "overdensity"`,
		},
		"another box": {
			save("box", "box_side_mpc_h: 86.7\n", func(x, _ float64) float64 { return x }),
			"86.7 Mpc/h a side, the checkpoint was trained on 25",
		},
		"NaN": {
			save("nan", "", func(float64, float64) float64 { return math.NaN() }),
			"(y=0, x=0) is NaN",
		},
		"zeros": {save("zero", "", func(float64, float64) float64 { return 0 }), "all its pixels are 0"},
	} {
		_, _, err := oneMap(c.path, 1, e)
		if err == nil || !strings.Contains(err.Error(), c.want) ||
			!strings.Contains(err.Error(), c.path) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	far := save("far", "", func(x, _ float64) float64 { return x * 1e6 })
	if _, warnings, err := oneMap(far, 1, e); err != nil || len(warnings) != 1 ||
		!strings.Contains(warnings[0], "log10 of map 1 of "+far) {
		t.Errorf("a map far outside: %v, %q", err, warnings)
	}
	suite := filepath.Join(dir, "suite")
	path := filepath.Join(suite, "Maps_Mcdm_FastPM_LH_z=0.00.npy")
	if err := os.MkdirAll(suite, 0o755); err != nil {
		t.Fatal(err)
	}
	saveMaps(t, path, densityMaps(15, 32, 1e17), func(x, _ float64) float64 { return x })
	if err := os.WriteFile(filepath.Join(suite, "params_LH_FastPM.txt"), []byte("0.3 0.8\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"evaluate", "--checkpoint", weights, "--data", suite},
		{"calibrate", "--checkpoint", weights, "--data", suite, "--out", filepath.Join(dir, "out")},
		{
			"calibrate", "--checkpoint", weights, "--data", suite, "--out", filepath.Join(dir, "out"),
			"--baselines", filepath.Join(dir, "b"),
		},
		{
			"dev", "correct-power", "--checkpoint", weights, "--data", suite, "--out",
			filepath.Join(dir, "out.safetensors"),
		},
	} {
		over, cancel := context.WithCancel(context.Background())
		cancel() // what follows the warning takes long
		if text, err := callWithin(over, args...); err == nil ||
			!strings.Contains(text, "warning: log10 of maps of "+path) {
			t.Errorf("%v: %v, %q", args, err, text)
		}
	}
}
