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
	if err == nil || !strings.Contains(err.Error(), dir+"/run") ||
		!strings.Contains(err.Error(), "permission denied") || strings.Contains(err.Error(), "\n") {
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

// TestCheckpointsMadeReadOnly: the same under a run that is at work, which says where it goes on,
// and does.
func TestCheckpointsMadeReadOnly(t *testing.T) {
	j := job(filepath.Join(t.TempDir(), "run"))
	j.Config.Steps = 9
	if err := os.Chmod(filepath.Dir(filepath.Dir(j.Dir)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(j.Dir), 0o777); err != nil {
		t.Fatal(err)
	}
	d := directory(j.Dir)
	var err error
	asNobody(func() {
		_, err = meddle(t, j, func(directory) error { return os.Chmod(d.checkpoints(), 0o555) })
	})
	for _, want := range []string{d.step(9), "permission denied", "goes on from step 6"} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one line that says %q", err, want)
		}
	}
	if err := os.Chmod(d.checkpoints(), 0o755); err != nil {
		t.Fatal(err)
	}
	if r, err := train(t, context.Background(), j); err != nil || r.Resumed != 6 || r.Step != 9 {
		t.Errorf("writable again: %+v, %v, want it to go on from step 6", r, err)
	}
}
