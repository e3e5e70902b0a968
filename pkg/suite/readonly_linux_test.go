package suite

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"darkfield/pkg/camels"
)

// TestReadOnlySet: a set that is complete is found so where no lock file can be written.
func TestReadOnlySet(t *testing.T) {
	dir := t.TempDir()
	c := tiny(dir, camels.CV, 1)
	if err := Make(context.Background(), c, nil); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{filepath.Dir(dir): 0o755, dir: 0o555} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.Chmod(dir, 0o755) })
	var found, other error
	asNobody(func() {
		found = Make(context.Background(), c, nil)
		c.Set = camels.LH
		other = Make(context.Background(), c, nil)
	})
	if found != nil {
		t.Errorf("the complete set: %v", found)
	}
	if other == nil {
		t.Error("another set was made where nothing can be written")
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
