package camels

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
)

// atomically lets fill write a temporary file in the directory scratch, which must be on path's disk, and renames it to path. Nothing
// is left when fill fails; a kill leaves the temporary file, so scratch is best a directory that is removed later.
func atomically(path, scratch string, fill func(*os.File) error) error {
	fail := func(err error) error {
		return fmt.Errorf("camels: write %s: %w; check that the directory can be written to and the disk is not full", path, err)
	}
	for _, dir := range []string{filepath.Dir(path), scratch} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fail(err)
		}
	}
	f, err := os.CreateTemp(scratch, filepath.Base(path)+".*.partial")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(f.Name())                                                   // fails, as it should, once renamed
	if err = cmp.Or(fill(f), f.Chmod(0o644), f.Sync(), f.Close()); err == nil { // the first error; the file is closed in any case
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

// whole writes all of a small file.
func whole(content []byte) func(*os.File) error {
	return func(f *os.File) error {
		_, err := f.Write(content)
		return err
	}
}
