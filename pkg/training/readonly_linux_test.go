package training

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestReadOnlyDirectory: where nothing may be written the run is refused before it costs anything.
func TestReadOnlyDirectory(t *testing.T) {
	dir := t.TempDir()
	for path, mode := range map[string]os.FileMode{filepath.Dir(dir): 0o755, dir: 0o555} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	asNobody(func() { _, err = train(t, context.Background(), job(dir+"/run")) })
	if err == nil || !strings.Contains(err.Error(), dir+"/run") || !strings.Contains(err.Error(), "permission denied") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error = %v, want one line that names %s", err, dir+"/run")
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
