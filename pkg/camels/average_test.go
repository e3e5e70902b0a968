package camels

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/field"
)

// keepAll makes every file a large one for a test.
func keepAll(t *testing.T) {
	t.Helper()
	was := largeFile
	largeFile = 0
	t.Cleanup(func() { largeFile = was })
}

// averagesFiles lists what is kept in a directory of maps.
func averagesFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, AveragesDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// checkAverages, which any goroutine may call, opens the LH set of dir, compares all averages
// with those of the maps themselves, and returns how many were kept before.
func checkAverages(t *testing.T, dir string, side int) (kept int) {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer s.Close()
	m := s.Sets[LH]
	for i := range m.Len() {
		full, err := m.Map(i)
		if err != nil {
			t.Error(err)
			return kept
		}
		want, err := field.BlockAverage(full, side)
		if err != nil {
			t.Error(err)
			return kept
		}
		a, err := m.averagesOf(side)
		if err != nil {
			t.Error(err)
			return kept
		}
		if a.get(i) != nil {
			kept++
		}
		got, err := m.Average(i, side)
		if err != nil || got.Box != want.Box || !slices.Equal(got.Values, want.Values) {
			t.Errorf("average %d of %s differs from that of the map (%v)", i, dir, err)
			return kept
		}
	}
	return kept
}

// TestAveragesAreKept: the second time nothing is averaged, and the file is that of the maps, for
// every side its own.
func TestAveragesAreKept(t *testing.T) {
	keepAll(t)
	dir := t.TempDir()
	write(t, dir, CMD(FastPM), LH, params(3))
	for _, want := range []int{0, 45} {
		if got := checkAverages(t, dir, 4); got != want {
			t.Errorf("%d averages were kept, want %d", got, want)
		}
	}
	if got := checkAverages(t, dir, 2); got != 0 || len(averagesFiles(t, dir)) != 2 {
		t.Errorf("at another side %d averages were kept, in %v", got, averagesFiles(t, dir))
	}
	if got := checkAverages(t, dir, 4); got != 45 {
		t.Errorf("the other side took %d of 45 averages away", 45-got)
	}
}

func TestSmallFilesKeepNoAverages(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, CMD(FastPM), LH, params(3))
	checkAverages(t, dir, 4)
	if kept := checkAverages(t, dir, 4); kept != 0 || len(averagesFiles(t, dir)) != 0 {
		t.Errorf("%d averages were kept, in %v", kept, averagesFiles(t, dir))
	}
}

// TestChangedMapsAreNoticed: averages of other maps are not used, even if only one pixel, the
// time or nothing but the offset changed; files of former maps go.
func TestChangedMapsAreNoticed(t *testing.T) {
	keepAll(t)
	dir := t.TempDir()
	write(t, dir, CMD(FastPM), LH, params(3))
	path := filepath.Join(dir, "Maps_Mcdm_FastPM_LH_z=0.00.npy")
	for name, change := range map[string]func(raw []byte, info os.FileInfo){
		"a pixel, keeping the time": func(raw []byte, info os.FileInfo) {
			copy(raw[len(raw)-4:], appendFloats(nil, []float32{7}))
			put(t, path, raw)
			if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		},
		"the time": func(_ []byte, info os.FileInfo) {
			if err := os.Chtimes(path, info.ModTime().Add(1), info.ModTime().Add(1)); err != nil {
				t.Fatal(err)
			}
		},
		"the offset": func([]byte, os.FileInfo) {
			put(t, filepath.Join(dir, DescriptionFile), []byte("offset: 1e11\n"))
		},
	} {
		checkAverages(t, dir, 4)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		change(raw, info)
		if kept := checkAverages(t, dir, 4); kept != 0 {
			t.Errorf("%s changed, and %d old averages were used", name, kept)
		}
		if files := averagesFiles(t, dir); len(files) != 1 {
			t.Errorf("%s changed: %v, want one file", name, files)
		}
	}
}

// TestDamagedAveragesAreNoticed: a file that a kill or a disk left in any state gives the right
// maps.
func TestDamagedAveragesAreNoticed(t *testing.T) {
	keepAll(t)
	dir := t.TempDir()
	write(t, dir, CMD(FastPM), LH, params(3))
	checkAverages(t, dir, 4)
	file := averagesFiles(t, dir)[0]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	record := len(whole) / 45
	rapid.Check(t, func(rt *rapid.T) {
		raw := slices.Clone(whole)
		lost := 0
		switch rapid.SampledFrom([]string{"cut", "flipped", "moved", "zeroed"}).Draw(rt, "damage") {
		case "cut":
			n := rapid.IntRange(0, len(raw)-1).Draw(rt, "length")
			raw, lost = raw[:n], 45-n/record
		case "flipped":
			raw[rapid.IntRange(0, len(raw)-1).Draw(rt, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
			lost = 1
		case "moved":
			copy(raw[record:], whole[:len(whole)-record])
			lost = 44
		case "zeroed":
			at := rapid.IntRange(0, 44).Draw(rt, "record")
			clear(raw[at*record : (at+1)*record])
			lost = 1
		}
		put(t, file, raw)
		if kept := checkAverages(t, dir, 4); kept != 45-lost {
			rt.Fatalf("%d averages were taken from the file, want %d", kept, 45-lost)
		}
		if now, err := os.ReadFile(file); err != nil || !slices.Equal(now, whole) {
			rt.Fatalf("the file was not mended (%v)", err)
		}
	})
}

// TestManyWriters: several openings of the same maps, as of several processes, fill and read one
// file at once.
func TestManyWriters(t *testing.T) {
	keepAll(t)
	dir := t.TempDir()
	write(t, dir, CMD(FastPM), LH, params(4))
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() { checkAverages(t, dir, 4) })
	}
	wg.Wait()
	if kept := checkAverages(t, dir, 4); kept != 60 {
		t.Errorf("%d averages are kept, want 60", kept)
	}
}

// TestOffset: fields that are 0 where there is nothing have logarithms, negative pixels and NaN
// have none.
func TestOffset(t *testing.T) {
	dir := t.TempDir()
	maps := make([]field.Map, MapsPerSimulation)
	for i := range maps {
		maps[i] = field.Map{Box: field.Box{Side: 25, Cells: 2}, Values: []float32{0, 9, 99, 999}}
	}
	path := filepath.Join(dir, "Maps_Mstar_SIMBA_LH_z=0.00.npy")
	if err := WriteMaps(path, maps); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "params_LH_SIMBA.txt"), formatTable(cosmology.CAMELSPrior(), params(1)))
	read := func() (field.Map, error) {
		s, err := Open(dir)
		if err != nil {
			return field.Map{}, err
		}
		defer s.Close()
		return s.Sets[LH].Map(0)
	}
	if m, err := read(); err != nil || !slices.Equal(m.Values, []float32{1, 10, 100, 1000}) {
		t.Errorf("pixels of Mstar = %v (%v), want 1 more than in the file", m.Values, err)
	}
	put(t, filepath.Join(dir, DescriptionFile), []byte("offset: 0\n"))
	_, err := read()
	complains(t, err, path, "(y=0, x=0) is 0", "offset: 1", DescriptionFile)
	put(t, filepath.Join(dir, DescriptionFile), []byte("offset: 1\n"))
	maps[0].Values = []float32{-0.5, 1, 1, 1}
	if err := WriteMaps(path, maps); err != nil {
		t.Fatal(err)
	}
	_, err = read()
	complains(t, err, "is -0.5", "> 0")
}

// TestLogRange: it covers the simulations asked for and no others, and is rounded outwards.
func TestLogRange(t *testing.T) {
	dir := t.TempDir()
	w, err := NewWriter(dir, CMD(FastPM), "Mcdm", LH, 2,
		[]cosmology.Params{params(1)[0], params(1)[0]})
	if err != nil {
		t.Fatal(err)
	}
	for sim := range 2 {
		maps := make([]field.Map, MapsPerSimulation)
		for i := range maps {
			maps[i] = field.Map{
				Box:    field.Box{Side: 25, Cells: 2},
				Values: []float32{2e9, 2e10, 3e10, float32(1e12 * (1 + float64(sim)))},
			}
		}
		if err := w.Put(sim, maps); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	seen := 0
	got, err := s.Sets[LH].LogRange(context.Background(), []int{0}, func(done, all int) { seen = all })
	// log10 of 2e9 is 9.30103, of 1e12 it is 12.
	if err != nil || got != [2]float64{9.301, 12} || seen != MapsPerSimulation {
		t.Errorf("log range %v (%v) of %d maps, want [9.301, 12] of 15", got, err, seen)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Sets[LH].LogRange(ctx, []int{0}, nil); err == nil {
		t.Error("a cancelled measurement went on")
	}
}
