package training

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func (d directory) selected() string { return filepath.Join(string(d), "selected.txt") }

// Select marks one of the checkpoints of a run directory as the one to use.
func Select(dir, checkpoint string) error {
	d := directory(dir)
	partial := d.selected() + ".partial"
	err := os.WriteFile(partial, []byte(filepath.Base(checkpoint)+"\n"), 0o644)
	if err == nil {
		err = os.Rename(partial, d.selected())
	}
	if err != nil {
		os.Remove(partial)
		return fmt.Errorf("training: mark %s as selected: %w", checkpoint, err)
	}
	return nil
}

// BestCheckpoint returns the checkpoint that Select marked or, where none is marked, the newest.
func BestCheckpoint(dir string) (string, error) {
	d := directory(dir)
	name, err := os.ReadFile(d.selected())
	if errors.Is(err, fs.ErrNotExist) {
		return LatestCheckpoint(dir)
	}
	if err != nil {
		return "", fmt.Errorf("training: %w", err)
	}
	path := filepath.Join(d.checkpoints(), strings.TrimSpace(string(name)))
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("training: %s names a checkpoint that is gone (%w): select again, or remove that file", d.selected(), err)
	}
	return path, nil
}
