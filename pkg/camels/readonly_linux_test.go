package camels

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// TestReadOnlyDirectory: where nothing may be written, one line names the place and nothing is left.
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
