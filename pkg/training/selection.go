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

// Select marks one of the checkpoints of a run directory, or of that of a stage, as the one to use.
func Select(dir, checkpoint string) error {
	if err := safefile.WriteFile(directory(dir).selected(), []byte(filepath.Base(checkpoint)+"\n")); err != nil {
		return fmt.Errorf("training: mark %s as selected: %w", checkpoint, err)
	}
	return nil
}

// BestCheckpoint returns the checkpoint that Select marked or, where none is marked, the newest: of a run in stages that of the last
// stage that has one.
func BestCheckpoint(dir string) (string, error) {
	dir = CurrentStage(dir)
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
