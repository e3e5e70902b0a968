package safefile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// suffix ends the names of temporary files: NAME.<number>.partial.
const suffix = ".partial"

// WriteFile writes content to path as Write does.
func WriteFile(path string, content []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// Write makes or replaces the file at path with what fill writes; w is buffered. Directories that
// are missing are made.
//
// The content is written to a temporary file beside path, synchronised to disk, and only then
// renamed: whoever opens path at any time, also after a crash of the machine, finds the old content
// or the new. The permissions are 0666 &^ umask, whatever those of the old file were.
//
// When fill or the disk fails, the old file stays and the temporary file is removed. The temporary
// file of a killed process is removed by the next Write of the same path. Any number of processes
// may write the same path; the content of the last one stays.
func Write(path string, fill func(w io.Writer) error) error {
	err := write(path, fill)
	if err == nil {
		return nil
	}
	var own *fs.PathError
	if errors.As(err, &own) && isTemporary(own.Path, path) {
		err = own.Err // the temporary name tells a user nothing
	}
	return fmt.Errorf("write %s: %w", path, err)
}

func write(path string, fill func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	RemoveAbandoned(path)
	f, err := temporary(path)
	if err != nil {
		return err
	}
	defer f.Close()           // last: its lock keeps others from removing the file
	defer os.Remove(f.Name()) // fails, as it should, once renamed
	w := bufio.NewWriterSize(f, 1<<16)
	if err := fill(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return Rename(f.Name(), path)
}

// Rename renames a file whose content is on the disk already, replacing path, and waits until the
// name is on the disk, too. Both names must be on the same file system.
func Rename(from, path string) error {
	if err := os.Rename(from, path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// syncDirectory writes the names in a directory to the disk, where its file system can do that.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil // it may be written to and not read: the name is there, if not for sure after a crash
	}
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// temporary makes a new file beside path and locks it, which shows that this process is writing it.
func temporary(path string) (*os.File, error) {
	for {
		name := fmt.Sprintf("%s.%d%s", path, rand.Uint32(), suffix)
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if state := tryLock(f); state == unsupported || state == locked && stillThere(f) {
			return f, nil
		}
		f.Close() // another process removed it as abandoned before it was locked
	}
}

// RemoveAbandoned removes the temporary files of path that no process is writing.
func RemoveAbandoned(path string) {
	dir, base := filepath.Split(path)
	entries, _ := os.ReadDir(filepath.Clean(dir)) // where this fails, writing does, too
	for _, e := range entries {
		if !isTemporary(e.Name(), base) || !e.Type().IsRegular() {
			continue
		}
		f, err := os.OpenFile(filepath.Join(dir, e.Name()), os.O_WRONLY, 0)
		if err != nil {
			continue
		}
		if tryLock(f) == locked { // its writer is gone
			os.Remove(f.Name())
		}
		f.Close()
	}
}

// isTemporary reports whether name is one that temporary gives for path.
func isTemporary(name, path string) bool {
	rest, found := strings.CutPrefix(name, path+".")
	number, partial := strings.CutSuffix(rest, suffix)
	return found && partial && number != "" && strings.Trim(number, "0123456789") == ""
}
