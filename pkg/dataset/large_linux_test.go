package dataset

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"darkfield/pkg/camels"
	"darkfield/pkg/unet"
)

// A CMD file of maps: 3.9 GB.
const (
	largeSims  = 1000
	largeCells = 256
	largeMap   = 4 * largeCells * largeCells // bytes
)

const largeEnv = "DARKFIELD_TEST_LARGE" // the directory that a child reads

// TestLargeFile: a file of CMD's size is trained from at 64² in less than 500 MB. Only the maps
// that are read are written: the rest of the file is a hole.
func TestLargeFile(t *testing.T) {
	if dir := os.Getenv(largeEnv); dir != "" {
		readLarge(t, dir)
		return
	}
	dir := t.TempDir()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		t.Fatal(err)
	}
	if free := int64(disk.Bavail) * disk.Bsize; free < 1<<30 {
		t.Skipf("skipped: %s has %d MB free, the test needs 1 GB: set TMPDIR to another disk",
			dir, free>>20)
	}
	path := writeLarge(t, dir)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if used := info.Sys().(*syscall.Stat_t).Blocks * 512; info.Size() < 3_900_000_000 || used > 1<<30 {
		t.Skipf("skipped: a file of %d bytes takes %d of %s: its file system has no holes",
			info.Size(), used, dir)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestLargeFile$", "-test.v")
	cmd.Env = append(os.Environ(), largeEnv+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, text, _ := strings.Cut(string(out), "RESULT ")
	var r largeResult
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&r); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	t.Logf("%+v", r)
	if r.PeakKB <= 0 || r.PeakKB > 500_000 {
		t.Errorf("peak memory %d kB, want less than 500 MB", r.PeakKB)
	}
	if r.Maps != 2*largeBatches*largeBatch {
		t.Errorf("%d maps were read, want %d", r.Maps, 2*largeBatches*largeBatch)
	}
}

const (
	largeBatches = 30
	largeBatch   = 20
	largeSeed    = 1
)

// largeIndex is the k-th of the training maps that are read, spread over all simulations.
func largeIndex(k, n int) int { return k * (n / (largeBatches * largeBatch)) }

// largeValue is what every pixel of map i holds, so that its average is known.
func largeValue(i int) float32 { return float32(1e10 * (1 + float64(i)/1000)) }

// writeLarge writes the file and its table and returns its path.
func writeLarge(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "Maps_Mcdm_IllustrisTNG_LH_z=0.00.npy")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dict := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, %d), }",
		camels.MapsPerSimulation*largeSims, largeCells, largeCells)
	header := fmt.Sprintf("\x93NUMPY\x01\x00\x76\x00%-117s\n", dict)
	if _, err := f.WriteString(header); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(int64(len(header)) + camels.MapsPerSimulation*largeSims*largeMap); err !=
		nil {
		t.Skipf("skipped: %v: no file of 3.9 GB can be made", err)
	}
	train := camels.SplitSimulations(largeSims, largeSeed).Train
	for k := range largeBatches * largeBatch {
		i := largeIndex(k, camels.MapsPerSimulation*len(train))
		at := train[i/camels.MapsPerSimulation]*camels.MapsPerSimulation + i%camels.MapsPerSimulation
		pixel := binary.LittleEndian.AppendUint32(nil, math.Float32bits(largeValue(at)))
		if _, err := f.WriteAt(bytes.Repeat(pixel, largeMap/4),
			int64(len(header))+int64(at)*largeMap); err != nil {
			t.Fatal(err)
		}
	}
	var table strings.Builder
	rng := rand.New(rand.NewPCG(1, 1))
	for range largeSims {
		fmt.Fprintf(&table, "%.4f %.4f 1 1 1 1\n", 0.1+0.4*rng.Float64(), 0.6+0.4*rng.Float64())
	}
	if err := os.WriteFile(filepath.Join(dir, "params_LH_IllustrisTNG.txt"), []byte(table.String()),
		0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// largeResult is what the child found.
type largeResult struct {
	Maps   int
	PeakKB int // VmHWM
}

// readLarge makes batches of 64² maps twice, from the maps and from their averages, and prints
// its peak memory.
func readLarge(t *testing.T, dir string) {
	s, err := camels.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const side = 64
	data, manifest, err := Prepare(s, unet.New(unet.Width(8)), side, largeSeed)
	if err != nil {
		t.Fatal(err)
	}
	var r largeResult
	batch := make([]float32, largeBatch*side*side)
	for range 2 {
		for b := range largeBatches {
			for j := range largeBatch {
				i := largeIndex(b*largeBatch+j, data.Train.Len)
				dst := batch[j*side*side : (j+1)*side*side]
				if _, err := data.Train.Fill(i, dst); err != nil {
					t.Fatal(err)
				}
				at := manifest.Data.Split.Train[i/camels.MapsPerSimulation]*camels.MapsPerSimulation +
					i%camels.MapsPerSimulation
				low, high := manifest.Scaling.Min, manifest.Scaling.Max
				want := 2*(math.Log10(float64(largeValue(at)))-low)/(high-low) - 1
				// Values near −0.5 in float32, from a float32 log10 near 10 with a spacing of 9.5e-7 that is
				// stretched by 1/3.
				if got := float64(dst[side*side/2]); math.Abs(got-want) > 5e-7 {
					t.Fatalf("map %d: pixel %g, want %g", at, got, want)
				}
				r.Maps++
			}
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(rest, &r.PeakKB); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("RESULT", string(text))
}
