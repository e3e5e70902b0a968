package main

import (
	"fmt"
	"os"

	"darkfield/pkg/backend"
	"darkfield/pkg/emulator"
	"darkfield/pkg/filetype"
	"darkfield/pkg/training"
)

// checkpointFile returns the file of a checkpoint, or of a run directory the one that was
// selected or else the newest.
func checkpointFile(path string) (string, error) {
	path, err := checkpointOf(path)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("checkpoint: %w: name a .safetensors file or a run directory", err)
	}
	if err := filetype.Expect(path, filetype.Checkpoint); err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	return path, nil
}

// openEmulator opens a checkpoint, or of a run directory the one that was selected or else the
// newest.
func openEmulator(path string) (*emulator.Emulator, error) {
	path, err := checkpointFile(path)
	if err != nil {
		return nil, err
	}
	b, err := backend.Open()
	if err != nil {
		return nil, err
	}
	return emulator.Open(b, path)
}

// readEmulator opens a checkpoint to look at it, not to compute: on a machine without the plugin or
// the GPU of those that do, too.
func readEmulator(path string) (*emulator.Emulator, error) {
	path, err := checkpointFile(path)
	if err != nil {
		return nil, err
	}
	b, err := backend.PureGo()
	if err != nil {
		return nil, err
	}
	return emulator.Open(b, path)
}

// checkpointOf returns a file as it is, and of a run directory the selected checkpoint or else
// the newest.
func checkpointOf(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return path, nil //nolint:nilerr // its reader says that it is missing
	}
	best, err := training.BestCheckpoint(path)
	if t, _ := filetype.Of(path); err != nil &&
		(t.Kind == filetype.MapsDir || t.Kind == filetype.CalibrationDir) {
		err = fmt.Errorf("checkpoint: %w", filetype.Expect(path, filetype.Checkpoint, filetype.RunDir))
	}
	return best, err
}
