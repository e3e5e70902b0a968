package camels

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"darkfield/pkg/safefile"
)

// atomically lets fill write the file at path, whole or not at all, in a directory that is made
// where it is missing.
func atomically(path string, fill func(io.Writer) error) error {
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = safefile.Write(path, fill)
	}
	if err != nil {
		const remedy = "check that the directory can be written to and the disk is not full"
		return fmt.Errorf("camels: %w; %s", err, remedy)
	}
	return nil
}

// whole writes all of a small file.
func whole(content []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	}
}
