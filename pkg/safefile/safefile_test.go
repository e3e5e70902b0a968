package safefile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// holderEnv, set to a path, makes this test binary hold a lock, or a temporary file half written,
// until it is killed.
const holderEnv = "SAFEFILE_TEST_HOLD"

func TestMain(m *testing.M) {
	if path := os.Getenv(holderEnv); path != "" {
		if _, err := Acquire(path + ".lock"); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		err := Write(path, func(w io.Writer) error {
			w.Write(make([]byte, 1<<20))
			fmt.Println("holding")
			time.Sleep(time.Hour)
			return nil
		})
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// hold starts a process that holds path's lock and is in the middle of writing path.
func hold(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := exec.Command(self, "an argument")
	p.Env = append(os.Environ(), holderEnv+"="+path)
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(p) })
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "holding\n" {
		t.Fatal(line)
	}
	return p
}

func kill(p *exec.Cmd) {
	p.Process.Kill()
	p.Wait()
}

// names returns what lies in a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func content(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestUmask: files are for whom the umask says, both new ones and those that replace a file of
// another mode.
func TestUmask(t *testing.T) {
	modes := map[int]os.FileMode{0o077: 0o600, 0o027: 0o640, 0o022: 0o644, 0o002: 0o664, 0: 0o666}
	for mask, want := range modes {
		path := filepath.Join(t.TempDir(), "file")
		for _, before := range []os.FileMode{0, 0o600, 0o777} {
			if before != 0 {
				if err := os.Chmod(path, before); err != nil {
					t.Fatal(err)
				}
			}
			old := syscall.Umask(mask)
			err := WriteFile(path, []byte("content"))
			syscall.Umask(old)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode() != want {
				t.Errorf("umask %#o, mode %#o before: %v (%v), want %v", mask, before, info.Mode(), err, want)
			}
		}
	}
}

// TestFailedWrite: what was there stays, nothing else is left, and the error names the file.
func TestFailedWrite(t *testing.T) {
	dir := t.TempDir()
	path, reason := filepath.Join(dir, "file"), errors.New("a reason")
	if err := WriteFile(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	err := Write(path, func(w io.Writer) error {
		w.Write(make([]byte, 1<<20))
		return reason
	})
	if want := "write " + path + ": a reason"; !errors.Is(err, reason) || err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if got := names(t, dir); len(got) != 1 || content(t, path) != "old" {
		t.Errorf("%q with %q are there, want the old file alone", got, content(t, path))
	}
	directory := filepath.Join(dir, "directory")
	if err := os.Mkdir(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(directory, nil); err == nil || len(names(t, dir)) != 2 {
		t.Errorf("error %v over a directory, and %q are there", err, names(t, dir))
	}
	below := filepath.Join(path, "file")
	if err := WriteFile(below, nil); err == nil || strings.Contains(err.Error(), suffix) ||
		!strings.Contains(err.Error(), below) {
		t.Errorf("error %v below a file, want one that names %s, and no temporary name", err, below)
	}
	made := filepath.Join(dir, "made", "here", "file")
	if err := WriteFile(made, []byte("new")); err != nil || content(t, made) != "new" {
		t.Errorf("error %v where directories are missing", err)
	}
}

// TestAbandoned: what a killed writer left goes with the next write, what a living one or another
// program writes stays.
func TestAbandoned(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	others := []string{
		"file.7.partially", "file.x.partial", "file..partial", "other.7.partial", "file.old.7.partial",
	}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := hold(t, path)
	for _, left := range []int{1, 0} { // temporary files of the other process, and its lock
		if err := WriteFile(path, []byte("new")); err != nil {
			t.Fatal(err)
		}
		if got := names(t, dir); len(got) != len(others)+2+left || content(t, path) != "new" {
			t.Errorf("%q are there, want the file, a lock, %d of the writer and %q", got, left, others)
		}
		kill(p)
	}
}

// TestManyWriters: writers of one file meet at any moment; it is whole whenever it is read, and at
// the end alone.
func TestManyWriters(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	var wg sync.WaitGroup
	for i := range byte(4) {
		wg.Go(func() {
			for range 20 {
				if err := WriteFile(path, bytes.Repeat([]byte{'a' + i}, 10_000)); err != nil {
					t.Error(err)
					return
				}
				raw, err := os.ReadFile(path)
				if err != nil || len(raw) != 10_000 || bytes.Count(raw, raw[:1]) != len(raw) {
					t.Errorf("%d bytes, not all of one writer (%v)", len(raw), err)
				}
			}
		})
	}
	wg.Wait()
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left behind: %q", got)
	}
}

// TestLockNamesItsHolder: who comes second is told of the first, and may come once that one is
// gone, killed or not.
func TestLockNamesItsHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	p := hold(t, path)
	begun := time.Now()
	_, err := Acquire(path + ".lock")
	var held *HeldError
	if !errors.As(err, &held) || held.Path != path+".lock" || strings.Contains(err.Error(), "\n") {
		t.Fatalf("error %v, want one line that says that it is held", err)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("the answer took %v", took)
	}
	pid, command := fmt.Sprintf("process %d on ", p.Process.Pid), filepath.Base(p.Path)+" an argument"
	for _, want := range []string{pid, command, "since 20", "wait"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	kill(p)
	l, err := Acquire(path + ".lock")
	if err != nil {
		t.Fatalf("after a kill: %v", err)
	}
	line, ours := content(t, path+".lock"), fmt.Sprintf("process %d on ", os.Getpid())
	if !strings.HasPrefix(line, ours) || strings.Count(line, "\n") != 1 {
		t.Errorf("the lock file says %q, want this process alone", line)
	}
	l.Release()
	if _, err := os.Stat(path + ".lock"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock file stays (%v)", err)
	}
}

// TestOneHolder: holders come and go, and the lock file with them; there is never more than one.
func TestOneHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var inside, taken atomic.Int32
	end := time.Now().Add(time.Second / 2)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for time.Now().Before(end) {
				l, err := Acquire(path)
				if err != nil {
					continue
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d holders", n)
				}
				taken.Add(1)
				time.Sleep(100 * time.Microsecond) // for another one to come
				inside.Add(-1)
				l.Release()
			}
		})
	}
	wg.Wait()
	t.Logf("taken %d times", taken.Load())
	if taken.Load() < 10 {
		t.Errorf("taken %d times, which tests nothing", taken.Load())
	}
}

// TestReplacedLockFile: a lock file that somebody else has put in place of ours is not ours to
// remove.
func TestReplacedLockFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	ours, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	theirs, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	ours.Release()
	if _, err := Acquire(path); err == nil {
		t.Error("the lock of another holder is gone")
	}
	theirs.Release()
}
