package baseline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/faults"
	"darkfield/pkg/field"
	"darkfield/pkg/training"
)

// Files of a directory that Train writes.
const (
	bestFile   = "moments.safetensors" // the averaged weights of the best epoch
	latestFile = "latest.safetensors"  // all tensors of the last epoch, for a resumed run
)

const (
	manifestKey     = "darkfield.baseline"
	manifestVersion = 1
)

// Manifest describes a network and what it was trained on.
type Manifest struct {
	Version int             `json:"version"`
	Config  Config          `json:"config"`
	Box     field.Box       `json:"box"`
	Prior   cosmology.Prior `json:"prior"`      // the density that the parameters were drawn from
	Mean    float64         `json:"pixel_mean"` // of all log10 pixels trained on
	Std     float64         `json:"pixel_std"`
	Maps    int             `json:"maps"`           // number of training maps
	Epoch   int             `json:"epoch"`          // passes over them
	Best    int             `json:"best,omitempty"` // epoch of the least validation loss so far
	Loss    float64         `json:"loss"`           // the validation loss of that epoch
}

// validate returns an error that names every field that is out of range.
func (m Manifest) validate() error {
	var errs []error
	if m.Version != manifestVersion {
		errs = append(errs, fmt.Errorf("manifest version = %d, want %d", m.Version, manifestVersion))
	}
	if !(m.Std > 0) {
		errs = append(errs, fmt.Errorf("standard deviation of the pixels = %g, want > 0", m.Std))
	}
	return errors.Join(append(errs, m.Config.Validate(), m.Box.Validate(),
		m.Config.Network.CheckSide(m.Box.Cells))...)
}

// standard returns the units of the network's inputs and outputs.
func (m Manifest) standard() standard { return standard{prior: m.Prior, mean: m.Mean, std: m.Std} }

// same reports whether two manifests are of one run, whatever the epoch.
func (m Manifest) same(o Manifest) bool {
	m.Epoch, m.Best, m.Loss = o.Epoch, o.Best, o.Loss
	return reflect.DeepEqual(m, o)
}

// load reads and checks a file of Train.
func load(path string) (Manifest, checkpoint.Tensors, error) {
	var m Manifest
	t, _, err := checkpoint.Read(path, manifestKey, &m)
	if err != nil {
		return m, nil, fmt.Errorf("baseline: %w", err)
	}
	if err := m.validate(); err != nil {
		return m, nil, fmt.Errorf("baseline: read %s: %s", path, faults.OneLine(err))
	}
	if err := m.Config.Network.Check(checkpoint.Group(t, checkpoint.Weights)); err != nil {
		return m, nil, fmt.Errorf("baseline: read %s: %s", path, faults.OneLine(err))
	}
	return m, t, nil
}

// resume returns the state of the run in a directory, or a new run's manifest and weights.
func resume(dir string, fresh Manifest) (Manifest, checkpoint.Tensors, error) {
	path := filepath.Join(dir, latestFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		w, err := fresh.Config.Network.Init(fresh.Config.Seed)
		return fresh, w, err
	}
	m, t, err := load(path)
	if err != nil {
		return m, nil, err
	}
	for _, group := range training.Groups {
		if err := m.Config.Network.Check(checkpoint.Group(t, group)); err != nil {
			return m, nil, fmt.Errorf("baseline: go on from %s: tensors %q: %s", path, group+"*",
				faults.OneLine(err))
		}
	}
	if !m.same(fresh) {
		return m, nil, fmt.Errorf("baseline: %s holds a run with other settings or other maps (%+v, "+
			"now %+v): use the same or another directory", dir, m, fresh)
	}
	return m, t, nil
}

// save writes a manifest and tensors; the file appears whole or not at all.
func save(path string, m Manifest, t checkpoint.Tensors) error {
	if err := checkpoint.Write(path, manifestKey, m, t); err != nil {
		return fmt.Errorf("baseline: %w", err)
	}
	return nil
}
