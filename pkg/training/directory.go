package training

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/goccy/go-yaml"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/faults"
	"darkfield/pkg/network"
	"darkfield/pkg/safefile"
	"darkfield/pkg/tracking"
)

// directory is the path of a run: config.yaml, metrics.jsonl and checkpoints/.
type directory string

func (d directory) config() string      { return filepath.Join(string(d), "config.yaml") }
func (d directory) metrics() string     { return MetricsPath(string(d)) }
func (d directory) checkpoints() string { return filepath.Join(string(d), "checkpoints") }
func (d directory) resume() string {
	return filepath.Join(d.checkpoints(), "latest.safetensors")
}

func (d directory) step(n int) string {
	return filepath.Join(d.checkpoints(), fmt.Sprintf("step-%08d.safetensors", n))
}

// MetricsPath returns the metrics file of a run directory.
func MetricsPath(dir string) string { return filepath.Join(dir, "metrics.jsonl") }

// Checkpoints returns the checkpoints of a run directory, oldest first.
func Checkpoints(dir string) ([]string, error) {
	paths, err := directory(dir).steps()
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf(
			"training: no checkpoint in %s: train there first, or name another run directory",
			directory(dir).checkpoints())
	}
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

// steps lists the checkpoints, oldest first. The directory's name may hold wildcards, so it does
// not use filepath.Glob.
func (d directory) steps() ([]string, error) {
	entries, err := os.ReadDir(d.checkpoints())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("training: list the checkpoints: %w", err)
	}
	var out []string
	for _, e := range entries {
		if ok, _ := filepath.Match("step-*.safetensors", e.Name()); ok {
			out = append(out, filepath.Join(d.checkpoints(), e.Name()))
		}
	}
	slices.Sort(out)
	return out, nil
}

// prune removes all but the newest keep checkpoints and the one that Select marked; 0 keeps all.
func (d directory) prune(keep int) error {
	paths, err := d.steps()
	if err != nil || keep == 0 {
		return err
	}
	marked, err := d.marked()
	if err != nil {
		return err
	}
	for _, path := range paths[:max(0, len(paths)-keep)] {
		if path == marked {
			continue
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("training: remove an old checkpoint: %w", err)
		}
	}
	return nil
}

// asUsed is the content of config.yaml.
type asUsed struct {
	Training Config              `yaml:"training"`
	Manifest checkpoint.Manifest `yaml:"manifest"`
}

// text returns the text of config.yaml.
func text(c Config, m checkpoint.Manifest) ([]byte, error) {
	m.Training = nil // c is written beside it
	out, err := yaml.MarshalWithOptions(asUsed{c, m}, yaml.UseJSONMarshaler())
	if err != nil {
		return nil, fmt.Errorf("training: write the configuration: %s", faults.OneLine(err))
	}
	return out, nil
}

// configure writes config.yaml, or compares it with that of the run that is there.
func (d directory) configure(c Config, m checkpoint.Manifest, width int, data Data) error {
	now, err := text(c, m)
	if err != nil {
		return err
	}
	old, err := os.ReadFile(d.config())
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("training: read the configuration of the run that is there: %w", err)
	default:
		but := append(c.equivalent(old, width, data), mayGrow, mayChange)
		if err := d.compare(old, now, but...); err != nil {
			return err
		}
	}
	if bytes.Equal(old, now) {
		return nil
	}
	if err := safefile.WriteFile(d.config(), now); err != nil {
		return fmt.Errorf("training: %w", err)
	}
	return nil
}

// latest returns the checkpoint that the run resumes from, if there is one.
func (d directory) latest(n network.Network, list []network.Tensor,
) (checkpoint.Checkpoint, bool, error) {
	if _, err := os.Stat(d.resume()); errors.Is(err, fs.ErrNotExist) {
		return checkpoint.Checkpoint{}, false, nil
	}
	c, err := checkpoint.Load(d.resume())
	if err != nil {
		return c, false, fmt.Errorf("training: resume %s: %w", d, err)
	}
	var was network.Network
	if was, err = c.Manifest.Function(n); err != nil || !was.Equal(n) {
		return c, false, fmt.Errorf("training: resume %s: its network is %v, not %v: use the same "+
			"network or another directory", d, c.Manifest.Description(), n)
	}
	for _, group := range Groups {
		if err := network.Check(list, checkpoint.Group(c.Tensors, group)); err != nil {
			return c, false, fmt.Errorf("training: resume %s: tensors %q of %s: %s", d, group+"*",
				d.resume(), faults.OneLine(err))
		}
	}
	return c, true, nil
}

// unbegun returns an error unless a run without a checkpoint may begin at its first step. Metrics
// beyond the step of the first checkpoint show that there was one, and a new run would drop them.
func (d directory) unbegun(checkpointEvery int) error {
	records, err := tracking.Read(d.metrics())
	if errors.Is(err, fs.ErrNotExist) || len(records) == 0 {
		return nil // a metrics file that cannot be read is refused when it is opened
	}
	if last := records[len(records)-1].Step; last > checkpointEvery {
		return fmt.Errorf("training: the metrics of %s reach step %d, but %s is not there: put the "+
			"checkpoints back, or remove the run to begin anew, or use another directory", d,
			last, d.resume())
	}
	return nil
}
