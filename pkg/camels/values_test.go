package camels

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"darkfield/pkg/field"
)

// TestStored: what a unit says of how values are stored, and the linear values that come of it.
func TestStored(t *testing.T) {
	for text, c := range map[string]struct {
		unit     string
		in, want float32
	}{
		SurfaceDensity:                {SurfaceDensity, 3e11, 3e11},
		"1e10 " + SurfaceDensity:      {SurfaceDensity, 30, 3e11},
		" 1E+10  (Msun/h)/(Mpc/h)^2 ": {SurfaceDensity, 30, 3e11},
		"log10 " + SurfaceDensity:     {SurfaceDensity, 11, 1e11},
		"log10 1e10 Msun":             {"Msun", 2, 1e12},
		"0.5 K":                       {"K", 3, 1.5},
		"2 0.5 K":                     {"K", 3, 3},
		"(Msun/h)/(kpc/h)^2":          {SurfaceDensity, 3e5, 3e11},
		"1e10 (Msun/h)/(kpc/h)^2":     {SurfaceDensity, 3e-5, 3e11},
		"overdensity":                 {"overdensity", 0.5, 0.5},
		"density contrast":            {"overdensity", -0.5, 0.5},
		"Delta":                       {"overdensity", -0.5, 0.5},
		"log10 overdensity":           {"overdensity", -1, 0.1},
		"h^2/cm^3 (Mpc/h)":            {"h^2/cm^3 (Mpc/h)", 3, 3},
		"1e10":                        {"1e10", 3, 3}, // no unit behind it
		"-1 K":                        {"-1 K", 3, 3},
		"inf K":                       {"inf K", 3, 3},
	} {
		unit, s := stored(text)
		got := []float32{c.in}
		s.linear(got)
		if unit != c.unit || math.Abs(float64(got[0]/c.want)-1) > 1e-6 {
			t.Errorf("%q: unit %q, %g becomes %g, want %q and %g", text, unit, c.in, got[0], c.unit, c.want)
		}
	}
}

// TestContent: contents of small maps, and of values that are none of them.
func TestContent(t *testing.T) {
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		values []float32
		want   Content
	}{
		"nothing":                    {nil, UnknownContent},
		"NaN alone":                  {[]float32{nan, nan}, UnknownContent},
		"constant":                   {[]float32{1, 1, 1, 1}, UnknownContent},
		"zeros":                      {[]float32{0, 0}, UnknownContent},
		"surface density":            {[]float32{1e10, 3e11, 2e12, 5e10}, Surface},
		"surface density with a NaN": {[]float32{1e10, nan, 2e12, 5e10}, Surface},
		"1e10":                       {[]float32{1, 30, 200, 5}, Surface1e10},
		"kpc":                        {[]float32{1e4, 3e5, 2e6, 5e4}, SurfaceKpc},
		"log10":                      {[]float32{10, 11.3, 12.5, 10.8}, LogSurface},
		"overdensity":                {[]float32{0, 0.3, 3, 0.7}, Density},
		"contrast of mean 0":         {[]float32{-0.9, -0.5, 1.2, 0.2}, Contrast},
		"contrast of a dense slab":   {[]float32{-0.9, 7, 1.2, 0.2}, Contrast},
		"log10 of an overdensity":    {[]float32{-0.9, -0.3, 0.8, 0.1}, UnknownContent},
		"log10, below −1":            {[]float32{-1.4, -0.3, 0.8, 0.1}, UnknownContent},
		"velocities":                 {[]float32{-120, 80, 300, -260}, UnknownContent},
		"standardised":               {[]float32{-1, -1, 1, 1}, UnknownContent},
		"tiny":                       {[]float32{1e-9, 3e-8, 2e-9, 1e-8}, UnknownContent},
		"one pixel below 0":          {[]float32{1e10, -0.5, 2e12, 5e10}, UnknownContent},
	} {
		var v Values
		v.Add(c.values)
		if got := v.Content(); got != c.want {
			t.Errorf("%s: looks like %q, want %q", name, got, c.want)
		}
	}
}

// densities returns n maps of positive noise around a mean.
func densities(n, cells int, mean float64) []field.Map {
	rng := rand.New(rand.NewPCG(4, 5))
	maps := make([]field.Map, n)
	for i := range maps {
		maps[i] = field.NewMap(field.Box{Side: 25, Cells: cells})
		for j := range maps[i].Values {
			maps[i].Values[j] = float32(mean * math.Exp(rng.NormFloat64()))
		}
	}
	return maps
}

// changed applies f to every pixel.
func changed(maps []field.Map, f func(x float64) float64) []field.Map {
	out := make([]field.Map, len(maps))
	for i, m := range maps {
		out[i] = field.NewMap(m.Box)
		for j, v := range m.Values {
			out[i].Values[j] = float32(f(float64(v)))
		}
	}
	return out
}

// layMaps writes maps of 15 a simulation with a table, and a description, if there is one.
func layMaps(t *testing.T, name string, maps []field.Map, description string) string {
	t.Helper()
	dir := t.TempDir()
	if err := WriteMaps(filepath.Join(dir, name), maps); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "params_LH_IllustrisTNG.txt"),
		[]byte(strings.Repeat("0.3 0.8\n", len(maps)/15)))
	if description != "" {
		put(t, filepath.Join(dir, DescriptionFile), []byte(description))
	}
	return dir
}

const mapsName = "Maps_Mcdm_IllustrisTNG_LH_z=0.00.npy"

// TestUnitsOfSuites: values in another unit are refused with the remedy, and are the true ones
// where the remedy was taken.
func TestUnitsOfSuites(t *testing.T) {
	true15 := densities(15, 8, 1e11)
	for name, c := range map[string]struct {
		stored func(x float64) float64
		unit   string
		looks  Content
	}{
		"1e10":  {func(x float64) float64 { return x / 1e10 }, "1e10 (Msun/h)/(Mpc/h)^2", Surface1e10},
		"kpc":   {func(x float64) float64 { return x / 1e6 }, "(Msun/h)/(kpc/h)^2", SurfaceKpc},
		"log10": {math.Log10, "log10 (Msun/h)/(Mpc/h)^2", LogSurface},
	} {
		maps := changed(true15, c.stored)
		s, err := Open(layMaps(t, mapsName, maps, ""))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Sets[LH].Map(0)
		for _, want := range []string{
			mapsName + " map 0", "look like \"" + string(c.looks),
			"write unit: \"" + c.unit + "\" to", DescriptionFile,
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %s", name, err, want)
			}
		}
		s.Close()
		s, err = Open(layMaps(t, mapsName, maps, "suite: IllustrisTNG\nunit: "+c.unit+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if s.Description.Unit != SurfaceDensity {
			t.Errorf("%s: unit %q, want that of the linear values", name, s.Description.Unit)
		}
		for i, want := range true15 {
			got, err := s.Sets[LH].Map(i)
			if err != nil {
				t.Fatal(err)
			}
			for j, v := range got.Values { // log10 of 1e11 in float32 is good to 5e-7, its power to 1e-5
				if math.Abs(float64(v/want.Values[j])-1) > 1e-5 {
					t.Fatalf("%s: map %d pixel %d is %g, want %g", name, i, j, v, want.Values[j])
				}
			}
			coarse, err := s.Sets[LH].Average(i, 4)
			if err != nil || math.Abs(coarse.Mean()/want.Mean()-1) > 1e-5 {
				t.Fatalf("%s: average of map %d has the mean %g (%v), want %g", name, i, coarse.Mean(),
					err, want.Mean())
			}
		}
		s.Close()
	}
}

// TestEmptyMaps: maps of zeros are named by whoever reads them, and inspect counts and places
// them and what is not finite.
func TestEmptyMaps(t *testing.T) {
	maps := densities(30, 4, 1e11)
	for i := 20; i < 30; i++ {
		clear(maps[i].Values)
	}
	maps[3].Values[6] = float32(math.Inf(1))
	maps[3].Values[7] = float32(math.NaN())
	dir := layMaps(t, mapsName, maps, "")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Sets[LH].Map(20)
	if err == nil || !strings.Contains(err.Error(), "map 20: all its pixels are 0") {
		t.Errorf("map 20: %v", err)
	}
	_, err = s.Inspect(context.Background(), nil)
	for _, want := range []string{"map 3: pixel (y=1, x=2) is +Inf", "of its 30 maps, all 0: 10 " +
		"(maps 20–29); with pixels that are not finite: 1 (maps 3; 2 pixels, the first: map 3 pixel " +
		"(y=1, x=2) is +Inf)"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("inspect says %v, want %q in it", err, want)
		}
	}
	r, err := InspectMaps(context.Background(), filepath.Join(dir, mapsName), nil)
	if err != nil {
		t.Fatal(err)
	}
	if f := r.Faults; len(f.Empty) != 10 || f.Empty[0] != 20 || f.Pixels != 2 ||
		!slices.Equal(f.NotFinite, []int{3}) || f.First != "map 3 pixel (y=1, x=2) is +Inf" {
		t.Errorf("faults %+v", f)
	}
	if r.NoLog != 162 || r.Looks != Surface || r.Warning != "" {
		t.Errorf("%d pixels without log10, look like %q, warning %q", r.NoLog, r.Looks, r.Warning)
	}

	// Where an offset makes 1 of 0, a map of zeros was never written all the same.
	s2, err := Open(layMaps(t, "Maps_Mstar_IllustrisTNG_LH_z=0.00.npy", maps[15:], ""))
	if err != nil {
		t.Fatal(err)
	}
	defer s2.Close()
	if _, err := s2.Sets[LH].Map(5); err == nil ||
		!strings.Contains(err.Error(), "map 5: all its pixels are 0") {
		t.Errorf("a map of no stars at all: %v", err)
	}
}

// TestFile: a file that is read alone has box, unit and periodicity of the description beside it
// or of its name.
func TestFile(t *testing.T) {
	quijote := "suite: Quijote\nbox_side_mpc_h: 86.7\nperiodic: false\nunit: overdensity\n"
	ones, surface := densities(15, 4, 1), densities(15, 4, 1e11)
	for name, c := range map[string]struct {
		file, description string
		maps              []field.Map
		want              Description
	}{
		"a name of CMD's": {mapsName, "", surface, CMD("IllustrisTNG")},
		"capitals": {
			strings.Replace(mapsName, ".npy", ".NPY", 1), "", surface,
			CMD("IllustrisTNG"),
		},
		"a description": {
			"Maps_Mcdm_Quijote_LH_z=0.00.npy", quijote, ones,
			Description{Suite: "Quijote", BoxSide: 86.7, Unit: "overdensity"},
		},
		"another name": {
			"mine.npy", quijote, ones,
			Description{Suite: "Quijote", BoxSide: 86.7, Unit: "overdensity"},
		},
		"nothing":          {"mine.npy", "", ones, Description{}},
		"an unknown suite": {"Maps_Mcdm_Mine_LH_z=0.00.npy", "", ones, Description{}},
		"a description with gaps": {
			"mine.npy", "unit: 1e10 (Msun/h)/(Mpc/h)^2\n", ones,
			Description{Unit: SurfaceDensity},
		},
		"a suite that has one side": {
			"mine.npy", "suite: SIMBA\n", ones,
			Description{Suite: "SIMBA", BoxSide: 25, Periodic: true},
		},
	} {
		f, err := OpenFile(filepath.Join(layMaps(t, c.file, c.maps, c.description), c.file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f.Description != c.want || f.Len() != 15 || f.Cells() != 4 {
			t.Errorf("%s: %+v, want %+v", name, f.Description, c.want)
		}
		f.Close()
	}
	for name, c := range map[string]struct{ file, description, want string }{
		"another suite":  {mapsName, "suite: SIMBA\n", "correct its suite"},
		"a damaged one":  {"mine.npy", "suite: [\n", "it should look like"},
		"a key misspelt": {"mine.npy", "boxside: 25\n", "boxside"},
		"a negative length": {
			mapsName, "suite: IllustrisTNG\nbox_side_mpc_h: -1\n",
			"box_side_mpc_h = -1",
		},
		"and alone, too": {"mine.npy", "box_side_mpc_h: -1\n", "box_side_mpc_h = -1"},
	} {
		if _, err := OpenFile(filepath.Join(layMaps(t, c.file, surface, c.description), c.file)); err ==
			nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestMapsOfFiles: single maps are what the reader wants, or an error says why not; a density
// contrast becomes an overdensity.
func TestMapsOfFiles(t *testing.T) {
	surface := densities(2, 8, 1e11)
	mean := surface[1].Mean()
	contrast := func(x float64) float64 { return x/mean - 1 }
	want := Wanted{Field: "Mcdm", Unit: SurfaceDensity, BoxSide: 25}
	nan := changed(surface, func(x float64) float64 { return x })
	nan[1].Values[3*8+2] = float32(math.NaN())
	for name, c := range map[string]struct {
		maps        []field.Map
		file        string
		description string
		want        Wanted
		complaint   string
	}{
		"as wanted":      {surface, "a.npy", "", want, ""},
		"nothing wanted": {surface, "a.npy", "", Wanted{}, ""},
		"log10": {
			changed(surface, math.Log10), "a.npy", "", want,
			`look like "log10`,
		},
		"log10, nothing wanted": {
			changed(surface, math.Log10), "a.npy", "",
			Wanted{},
			"logarithms already",
		},
		"log10, as it is": {
			changed(surface, math.Log10), "a.npy", "",
			Wanted{AsIs: true},
			"",
		},
		"log10, described": {
			changed(surface, math.Log10), "a.npy",
			"unit: log10 (Msun/h)/(Mpc/h)^2\n", want, "",
		},
		"contrast": {
			changed(surface, contrast), "a.npy", "", want,
			"the mean density was divided out",
		},
		"contrast for overdensity": {
			changed(surface, contrast), "a.npy", "",
			Wanted{Unit: "overdensity"},
			"",
		},
		"density for overdensity": {
			surface, "a.npy", "",
			Wanted{Unit: "overdensity"},
			"not like \"overdensity\"",
		},
		"another field": {
			surface, "Maps_Mgas_SIMBA_LH_z=0.00.npy", "", want,
			"has maps of Mgas, the checkpoint was trained on Mcdm",
		},
		"another box": {
			surface, "a.npy", "box_side_mpc_h: 50\n", want,
			"has maps of 50 Mpc/h a side, the checkpoint was trained on 25",
		},
		"another unit, said": {surface, "a.npy", "unit: K\n", want, "has maps in K"},
		"NaN":                {nan, "a.npy", "", want, "map 1: pixel (y=3, x=2) is NaN"},
		"NaN, as it is": {
			nan, "a.npy", "",
			Wanted{AsIs: true},
			"map 1: pixel (y=3, x=2) is NaN",
		},
		"zeros": {
			changed(surface, func(float64) float64 { return 0 }), "a.npy", "",
			Wanted{},
			"map 1: all its pixels are 0",
		},
		"temperatures in a lone file": {
			changed(surface, func(x float64) float64 { return x / 1e6 }),
			"a.npy", "",
			Wanted{Field: "T", Unit: "K"},
			"",
		},
	} {
		dir := t.TempDir()
		if err := WriteMaps(filepath.Join(dir, c.file), c.maps); err != nil {
			t.Fatal(err)
		}
		if c.description != "" {
			put(t, filepath.Join(dir, DescriptionFile), []byte(c.description))
		}
		f, err := OpenFile(filepath.Join(dir, c.file))
		if err != nil {
			t.Fatal(err)
		}
		m, note, err := f.Map(1, 25, c.want)
		switch {
		case c.complaint != "":
			if err == nil || !strings.Contains(err.Error(), c.complaint) ||
				!strings.Contains(err.Error(), c.file) {
				t.Errorf("%s: %v, want %q and the file", name, err, c.complaint)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case strings.HasPrefix(name, "contrast") && (note == "" || math.Abs(m.Mean()-1) > 1e-5):
			t.Errorf("%s: mean %g, note %q, want an overdensity and a note", name, m.Mean(), note)
		}
		f.Close()
	}
	f, err := OpenFile(filepath.Join(layMaps(t, "a.npy", densities(15, 4, 1), ""), "a.npy"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, i := range []int{-1, 15} {
		if _, _, err := f.Map(i, 25, Wanted{}); err == nil ||
			!strings.Contains(err.Error(), "holds maps 0 to 14") {
			t.Errorf("map %d: %v", i, err)
		}
	}
}

// TestRangeWarning: maps within the range of a network pass, those far outside are warned of with
// their file.
func TestRangeWarning(t *testing.T) {
	dir := layMaps(t, mapsName, densities(15, 8, 1e11), "")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for scaling, warned := range map[field.Scaling]bool{
		{Min: 9, Max: 13}: false, {Min: 10.3, Max: 12.3}: false, {Min: 1, Max: 5}: true,
		{Min: 10.9, Max: 11.1}: true, {Min: 9, Max: 10.5}: true,
	} {
		text, err := s.Sets[LH].RangeWarning(scaling, 4, 20)
		if err != nil || (text != "") != warned || warned && !strings.Contains(text, mapsName) {
			t.Errorf("range %v: %q, %v, want a warning: %v", scaling, text, err, warned)
		}
	}
}

// TestOpenOfAnotherKind: what is given for a directory of maps is said.
func TestOpenOfAnotherKind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.txt")
	put(t, path, []byte("0.3 0.8\n"))
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "is a table of numbers, "+
		"want a directory of maps") {
		t.Errorf("a table: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("nothing: %v", err)
	}
}
