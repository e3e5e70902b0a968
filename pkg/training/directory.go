package training

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"darkfield/pkg/checkpoint"
)

// directory is the path of a run: config.yaml, metrics.jsonl and checkpoints/.
type directory string

func (d directory) config() string      { return filepath.Join(string(d), "config.yaml") }
func (d directory) metrics() string     { return MetricsPath(string(d)) }
func (d directory) checkpoints() string { return filepath.Join(string(d), "checkpoints") }
func (d directory) resume() string      { return filepath.Join(d.checkpoints(), "latest.safetensors") }
func (d directory) step(n int) string {
	return filepath.Join(d.checkpoints(), fmt.Sprintf("step-%08d.safetensors", n))
}

// MetricsPath returns the metrics file of a run directory.
func MetricsPath(dir string) string { return filepath.Join(dir, "metrics.jsonl") }

// Checkpoints returns the checkpoints of a run directory, oldest first.
func Checkpoints(dir string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(directory(dir).checkpoints(), "step-*.safetensors"))
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("training: no checkpoint in %s: train there first, or name another run directory", directory(dir).checkpoints())
	}
	slices.Sort(paths)
	return paths, err
}

// LatestCheckpoint returns the newest checkpoint of a run directory.
func LatestCheckpoint(dir string) (string, error) {
	paths, err := Checkpoints(dir)
	if err != nil {
		return "", err
	}
	return paths[len(paths)-1], nil
}

// asUsed is what config.yaml holds.
type asUsed struct {
	Training Config              `yaml:"training"`
	Manifest checkpoint.Manifest `yaml:"manifest"`
}

// create makes the directory and writes config.yaml, or compares it with that of the run that is there.
func (d directory) create(c Config, m checkpoint.Manifest) error {
	if err := os.MkdirAll(d.checkpoints(), 0o755); err != nil {
		return fmt.Errorf("training: make the run directory: %w", err)
	}
	m.Training = nil // stands beside it already
	text, err := yaml.MarshalWithOptions(asUsed{c, m}, yaml.UseJSONMarshaler())
	if err != nil {
		return fmt.Errorf("training: write %s: %w", d.config(), err)
	}
	old, err := os.ReadFile(d.config())
	if err == nil {
		if err := d.compare(old, text); err != nil {
			return err
		}
		if bytes.Equal(old, text) {
			return nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("training: read the configuration of the run that is there: %w", err)
	}
	return d.write(text)
}

// write replaces config.yaml.
func (d directory) write(text []byte) error {
	partial := d.config() + ".partial"
	err := os.WriteFile(partial, text, 0o644)
	if err == nil {
		err = os.Rename(partial, d.config())
	}
	if err != nil {
		os.Remove(partial)
		return fmt.Errorf("training: write %s: %w", d.config(), err)
	}
	return nil
}

// compare returns an error that names the lines in which a run that is there differs; the number of steps may grow.
func (d directory) compare(old, now []byte) error {
	a, b := strings.Split(string(old), "\n"), strings.Split(string(now), "\n")
	var differ []string
	for i := range max(len(a), len(b)) {
		was, is := line(a, i), line(b, i)
		if was != is && !strings.HasPrefix(is, "steps:") {
			differ = append(differ, fmt.Sprintf("%q there, %q now", was, is))
		}
	}
	if len(differ) > 0 {
		return fmt.Errorf("training: %s holds a run with another configuration (%s): use the same configuration or another directory", d, strings.Join(differ[:min(4, len(differ))], "; "))
	}
	return nil
}

func line(lines []string, i int) string {
	if i >= len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[i])
}

// latest returns the checkpoint that the run resumes from.
func (d directory) latest() (checkpoint.Checkpoint, bool, error) {
	if _, err := os.Stat(d.resume()); errors.Is(err, fs.ErrNotExist) {
		return checkpoint.Checkpoint{}, false, nil
	}
	c, err := checkpoint.Load(d.resume())
	if err != nil {
		return c, false, fmt.Errorf("training: resume %s: %w", d, err)
	}
	return c, true, nil
}
