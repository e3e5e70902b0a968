package training

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"darkfield/pkg/safefile"
)

func (d directory) selected() string { return filepath.Join(string(d), "selected.txt") }

// Select marks one of the checkpoints of a run directory, or of that of a stage, as the one to
// use. A training that prunes its old checkpoints keeps it.
func Select(dir, checkpoint string) error {
	fail := func(err error) error {
		return fmt.Errorf("training: mark %s as selected: %w", checkpoint, err)
	}
	d, name := directory(dir), filepath.Base(checkpoint)
	if _, err := os.Stat(filepath.Join(d.checkpoints(), name)); err != nil {
		return fail(fmt.Errorf("%w: choose one that is still there", err))
	}
	if err := safefile.WriteFile(d.selected(), []byte(name+"\n")); err != nil {
		return fail(err)
	}
	return nil
}

// marked returns the path of the checkpoint that Select marked, whether or not it is there; empty
// where none is marked.
func (d directory) marked() (string, error) {
	name, err := os.ReadFile(d.selected())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("training: read which checkpoint is selected: %w", err)
	}
	return filepath.Join(d.checkpoints(), strings.TrimSpace(string(name))), nil
}

// BestCheckpoint returns the checkpoint that Select marked or, where none is marked, the newest:
// of a run in stages that of the last stage that has one.
func BestCheckpoint(dir string) (string, error) {
	dir = CurrentStage(dir)
	d := directory(dir)
	path, err := d.marked()
	if err != nil {
		return "", err
	}
	if path == "" {
		return LatestCheckpoint(dir)
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("training: %s names a checkpoint that is gone (%w): select again, or "+
			"remove that file", d.selected(), err)
	}
	return path, nil
}
