package camels

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// openFile opens a regular file. Anything else is refused: a pipe would block, and a device may
// have no end.
func openFile(path string) (*os.File, os.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("camels: %w; name a file that is there", err)
	}
	if !info.Mode().IsRegular() {
		kind := "no regular file"
		if info.IsDir() {
			kind = "a directory"
		}
		return nil, nil, fmt.Errorf("camels: %s is %s, want a file: replace it", path, kind)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("camels: %w; it must be readable: try chmod +r", err)
	}
	if info, err = f.Stat(); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("camels: %w; copy it again", err), f.Close())
	}
	return f, info, nil
}

// slurp returns the content of a file of at most the given number of bytes.
func slurp(path string, most int64) ([]byte, error) {
	f, info, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > most {
		return nil, fmt.Errorf("camels: %s has %d bytes, want at most %d: is it another file under "+
			"that name?", path, info.Size(), most)
	}
	raw, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return nil, fmt.Errorf("camels: read %s: %w; copy it again", path, err)
	}
	return raw, nil
}
