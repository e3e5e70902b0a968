package training

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"darkfield/pkg/safefile"
)

// claim is a run directory that no other process trains in.
type claim struct {
	dir  directory
	lock *safefile.Lock
	held *os.File // the directory itself, even after a rename
}

// lock makes the directory and claims it for this process until release is called or the process
// ends. It removes the unfinished files of a run that was killed.
func (d directory) lock() (*claim, error) {
	if err := os.MkdirAll(d.checkpoints(), 0o755); err != nil {
		return nil, fmt.Errorf("training: make the run directory: %w", err)
	}
	lock, err := safefile.Acquire(filepath.Join(string(d), "run.lock"))
	var held *safefile.HeldError
	if errors.As(err, &held) {
		return nil,
			fmt.Errorf("training: another process is training in %s: %w, or use another directory", d, err)
	}
	if err != nil {
		return nil, fmt.Errorf("training: claim the run directory: %w", err)
	}
	f, err := os.Open(string(d))
	if err != nil {
		lock.Release()
		return nil, fmt.Errorf("training: open the run directory: %w", err)
	}
	for _, dir := range []string{string(d), d.checkpoints()} {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if filepath.Ext(e.Name()) == ".partial" {
				os.Remove(filepath.Join(dir, e.Name()))
			}
		}
	}
	return &claim{d, lock, f}, nil
}

func (c *claim) release() {
	c.lock.Release()
	c.held.Close()
}

// check returns an error if the directory was deleted or replaced: the run must not be written to
// its path, where another one may have begun.
func (c *claim) check() error {
	held, err := c.held.Stat()
	if err != nil {
		return fmt.Errorf("training: look at the run directory: %w", err)
	}
	now, err := os.Stat(string(c.dir))
	if missing(err) || err == nil && !os.SameFile(held, now) {
		return fmt.Errorf("training: the run directory %s was deleted or replaced under the training, "+
			"which ends: put it back to go on from its last checkpoint, or begin anew", c.dir)
	}
	return nil // another error shows when something is written
}

// missing reports whether a path is not there, or goes through a file.
func missing(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
