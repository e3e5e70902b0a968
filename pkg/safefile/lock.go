package safefile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Lock is the exclusive right to something, which its holder has until Release or until its process
// ends, however it ends. It is a flock(2) on a lock file that names the holder.
type Lock struct{ file *os.File }

// HeldError says that another process holds a lock. Its text names the holder and says what to do;
// what it is a lock on is for the caller to say.
type HeldError struct {
	Path   string // of the lock file
	Holder string // "process 4711 on laptop since 2026-03-01 12:00:00 (darkfield simulate --out u)"
}

func (e *HeldError) Error() string {
	const remedy = "wait for it to end, or stop it, then give the same command again"
	return fmt.Sprintf("held by %s: %s", e.Holder, remedy)
}

// Acquire takes the lock whose file is at path, in a directory that must exist, or returns a
// HeldError at once. Release removes the file; that of a killed process stays behind, unlocked, for
// the next to take.
//
// On file systems without locks Acquire always succeeds, and the user has to take care.
func Acquire(path string) (*Lock, error) {
	const tries, pause = 20, 10 * time.Millisecond
	for try := 1; ; try++ {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
		state := tryLock(f)
		if state == busy {
			holder := readHolder(f)
			f.Close()
			if holder == "" && try < tries { // it has just locked the file, or is about to remove it
				time.Sleep(pause)
				continue
			}
			if holder == "" {
				holder = "another process, which has left no name"
			}
			return nil, &HeldError{path, holder}
		}
		if !stillThere(f) { // released, and so removed, between opening and locking
			f.Close()
			continue
		}
		writeHolder(f)
		return &Lock{f}, nil
	}
}

// Release gives the lock back and removes its file, unless another file has taken its place.
// Releasing a nil lock does nothing.
func (l *Lock) Release() {
	if l == nil {
		return
	}
	if stillThere(l.file) {
		os.Remove(l.file.Name()) // before the lock goes, or it would be another holder's file
	}
	l.file.Close()
}

// longestCommand is the number of bytes of a command that a lock file holds.
const longestCommand = 300

// writeHolder names this process in its lock file. The lock holds even if that fails.
func writeHolder(f *os.File) {
	host, _ := os.Hostname()
	command := append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...)
	words := strings.Fields(strings.Join(command, " ")) // of one line, whatever the arguments hold
	line := strings.Join(words, " ")
	if len(line) > longestCommand {
		line = strings.ToValidUTF8(line[:longestCommand], "") + " …"
	}
	since := time.Now().Format(time.DateTime)
	if f.Truncate(0) == nil {
		text := fmt.Appendf(nil, "process %d on %s since %s (%s)\n", os.Getpid(), host, since, line)
		_, _ = f.WriteAt(text, 0)
	}
}

// readHolder returns the line in a lock file, "" where there is none yet.
func readHolder(f *os.File) string {
	text, _ := io.ReadAll(io.NewSectionReader(f, 0, 4096)) // where this fails, nobody is named
	line, _, whole := strings.Cut(string(text), "\n")
	if !whole {
		return ""
	}
	return line
}

// lockState is the result of an attempt to lock.
type lockState int

const (
	locked      lockState = iota // by us
	busy                         // locked by somebody else
	unsupported                  // a file system without locks
)

// tryLock locks a file for as long as it is open. It does not wait.
func tryLock(f *os.File) lockState {
	for {
		switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil:
			return locked
		case errors.Is(err, syscall.EWOULDBLOCK):
			return busy
		case !errors.Is(err, syscall.EINTR):
			return unsupported
		}
	}
}

// stillThere reports whether the name under which a file was opened still belongs to it. A lock on
// a file that was renamed or removed before it was locked excludes nobody.
func stillThere(f *os.File) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(f.Name())
	return err == nil && os.SameFile(open, named)
}
