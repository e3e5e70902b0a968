package camels

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// TestReadOnlyDirectory: where nothing may be written, one line names the place and nothing is
// left.
func TestReadOnlyDirectory(t *testing.T) {
	dir := t.TempDir()
	for path, mode := range map[string]os.FileMode{filepath.Dir(dir): 0o755, dir: 0o555} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	var made, written error
	asNobody(func() {
		_, made = NewWriter(dir, CMD(FastPM), "Mcdm", LH, 8, params(1))
		written = WriteMaps(filepath.Join(dir, "maps.npy"), universe(rand.New(rand.NewPCG(1, 1)), 2))
	})
	complains(t, made, dir, "permission denied")
	complains(t, written, dir, "permission denied")
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}

// asNobody runs f without root's right to write everywhere, on a thread that ends with it.
func asNobody(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if os.Geteuid() == 0 {
			const nobody = 65534
			syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0) // has no error to return
		}
		f()
	}()
	<-done
}

// TestReadOnlyAverages: maps in a directory that cannot be written to are averaged all the same,
// with what somebody else has kept there and otherwise once, in memory.
func TestReadOnlyAverages(t *testing.T) {
	keepAll(t)
	dir := t.TempDir()
	write(t, dir, CMD(FastPM), LH, params(3))
	t.Cleanup(func() { // or the directory cannot be removed
		os.Chmod(dir, 0o755)
		os.Chmod(filepath.Join(dir, AveragesDir), 0o755)
	})
	for _, filled := range []bool{false, true} {
		if filled {
			os.Chmod(dir, 0o755)
			checkAverages(t, dir, 4)
			os.Chmod(filepath.Join(dir, AveragesDir), 0o555)
			os.Chmod(averagesFiles(t, dir)[0], 0o444)
		}
		for path, mode := range map[string]os.FileMode{filepath.Dir(dir): 0o755, dir: 0o555} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
		asNobody(func() {
			want := 0
			if filled {
				want = 45
			}
			if kept := checkAverages(t, dir, 4); kept != want {
				t.Errorf("filled by somebody else: %v; %d averages were kept, want %d", filled, kept, want)
			}
		})
		if !filled && len(averagesFiles(t, dir)) != 0 {
			t.Errorf("left behind: %v", averagesFiles(t, dir))
		}
	}
}

// TestKeptInMemory: without a file, the second time takes averages from memory, up to its limit.
func TestKeptInMemory(t *testing.T) {
	a := &averages{pixels: 1 << 20, memory: true, kept: map[int][]float32{}}
	values := make([]float32, a.pixels)
	const fit = mostKept / (4 << 20)
	for i := range fit + 3 {
		values[0] = float32(i)
		a.put(i, values)
	}
	if got := a.get(5); got == nil || got[0] != 5 {
		t.Error("average 5 was not kept")
	}
	if a.get(fit) != nil || len(a.kept) != fit {
		t.Errorf("%d averages of 4 MiB are kept, want %d", len(a.kept), fit)
	}
}
