// Package suite makes whole sets of maps in CMD's layout, from simulated boxes or from 3-D grids:
// it chooses parameters and seeds, runs simulations in parallel, and resumes what was interrupted.
// It knows no networks.
package suite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/goccy/go-yaml"

	"darkfield/pkg/camels"
	"darkfield/pkg/cosmology"
	"darkfield/pkg/nbody"
	"darkfield/pkg/parallel"
	"darkfield/pkg/plaintext"
	"darkfield/pkg/safefile"
)

// Config says which set to make.
type Config struct {
	Dir string `yaml:"-"`
	// Simulator is nbody.Version; Make fills it in.
	Simulator int `yaml:"simulator_version"`

	Set   camels.Set `yaml:"set"`
	Sims  int        `yaml:"-"` // may grow later
	Cells int        `yaml:"side"`
	Seed  uint64     `yaml:"seed"`
	// Control and Responses replace the set's own parameters: by given ones, or by realisations of
	// ResponseParams.
	Control   Control `yaml:"control,omitempty"`
	Responses bool    `yaml:"responses,omitempty"`
	// Workers is the number of simulations at a time; 0: one a core. The maps do not depend on it.
	Workers int `yaml:"-"`
	// Only, unless nil, says which simulations Make makes. The set is then not finished: that is for
	// a call without it, once all are there.
	Only  func(simulation int) bool `yaml:"-"`
	NBody nbody.Config              `yaml:"nbody"`
}

// mapField is the CMD name of our maps: cold dark matter.
const mapField = "Mcdm"

// readme is written beside the maps and says what they are.
const readme = `Mock maps of simulated boxes, made by darkfield's own simulator (suite name FastPM).

They are NOT CAMELS: dark matter only, a particle mesh of low resolution, in a box so small that
large modes are missing. They are good for studying methods, not for comparing with the sky. The
layout is that of the CAMELS Multifield Dataset: map i of Maps_Mcdm_FastPM_<set>_z=0.00.npy belongs
to row i/15 of params_<set>_FastPM.txt (Omega_m, sigma_8); values are surface densities of dark
matter in (Msun/h)/(Mpc/h)^2. How each set was made is in universe_<set>.yaml.
`

// Make simulates what is missing of a set and writes it in CMD's layout. Every finished simulation
// is kept, so that a cancelled or killed call loses only those that were running; the same call
// resumes. progress, if not nil, is told the number of simulations done, from one goroutine at a
// time.
//
// One process at a time makes a set: while it does, other calls end at once with a
// safefile.HeldError. Different sets of one directory may be made at the same time, and so may
// the parts of one set that Only divides it into, by any number of processes on any machines that
// see the directory.
func Make(ctx context.Context, c Config, progress func(done, all int)) error {
	universes, err := c.check()
	if err != nil {
		return err
	}
	if c.Only == nil {
		lock, err := c.lock()
		if err != nil {
			return err
		}
		defer lock.Release()
	}
	w, err := c.writer(universes)
	if err != nil {
		return err
	}
	if err := c.simulate(ctx, w, universes, progress); err != nil || c.Only != nil {
		return errors.Join(err, w.Close())
	}
	return w.Finish()
}

// writer settles the settings of the set and opens what is there of it.
func (c Config) writer(universes []Universe) (*camels.Writer, error) {
	if err := c.settle(); err != nil {
		return nil, err
	}
	params := make([]cosmology.Params, len(universes))
	for i, u := range universes {
		params[i] = u.Params
	}
	return camels.NewWriter(c.Dir, camels.CMD(camels.FastPM), mapField, c.Set, c.Cells, params)
}

// Missing returns the simulations that Make would make. Where nothing is there yet, nothing is
// written.
func Missing(c Config) ([]int, error) {
	universes, err := c.check()
	if err != nil {
		return nil, err
	}
	done := func(int) bool { return false }
	switch _, err := os.Stat(settings(c.Dir, c.Set)); {
	case err == nil:
		w, err := c.writer(universes)
		if err != nil {
			return nil, err
		}
		defer w.Close()
		done = w.Done
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("suite: %w", err)
	}
	var out []int
	for i := range universes {
		if !done(i) {
			out = append(out, i)
		}
	}
	return out, nil
}

// Validate returns an error if no set can be made with these settings, whatever its parameters.
func (c Config) Validate() error {
	if !slices.Contains([]camels.Set{camels.LH, camels.OneP, camels.CV}, c.Set) {
		return fmt.Errorf("suite: set %q, want LH, 1P or CV", c.Set)
	}
	if err := c.NBody.Validate(); err != nil {
		return fmt.Errorf("suite: %w", err)
	}
	if c.Cells < 1 || c.NBody.Pixels%c.Cells != 0 {
		return fmt.Errorf("suite: side %d, want a divisor of the %d pixels that universes are "+
			"projected to", c.Cells, c.NBody.Pixels)
	}
	return nil
}

// check validates the configuration and returns the universes that it asks for.
func (c Config) check() ([]Universe, error) {
	universes, err := c.design()
	if err != nil {
		return nil, err
	}
	return universes, c.Validate()
}

// lock makes the directory and locks the set in it. A directory that cannot be written to needs no
// lock, and gets none: a complete set is only read, and no other can be made there.
func (c Config) lock() (*safefile.Lock, error) {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("suite: %w", err)
	}
	lock, err := safefile.Acquire(filepath.Join(c.Dir, fmt.Sprintf("universe_%s.lock", c.Set)))
	var held *safefile.HeldError
	switch {
	case errors.As(err, &held):
		return nil, fmt.Errorf("suite: another process is making set %s in %s: %w", c.Set, c.Dir, err)
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		return nil, nil // Release of nil does nothing
	case err != nil:
		return nil, fmt.Errorf("suite: %w", err)
	}
	return lock, nil
}

// settle writes the settings of the set, or compares them with those in the directory.
func (c Config) settle() error {
	c.Simulator = nbody.Version
	text, err := yaml.Marshal(c)
	if err != nil {
		return fmt.Errorf("suite: %w", err)
	}
	path, about := settings(c.Dir, c.Set), filepath.Join(c.Dir, "README.txt")
	safefile.RemoveAbandoned(about) // of a process that was killed between it and the settings
	switch old, err := os.ReadFile(path); {
	case errors.Is(err, fs.ErrNotExist):
		// The settings last: where they are, the next call writes neither.
		err := safefile.WriteFile(about, []byte(readme))
		if err == nil {
			err = safefile.WriteFile(path, text)
		}
		if err != nil {
			return fmt.Errorf("suite: %w", err)
		}
	case err != nil:
		return fmt.Errorf("suite: %w", err)
	case !bytes.Equal(plaintext.Normalize(old), text):
		if err := sameSimulator(old, path); err != nil {
			return err
		}
		return fmt.Errorf("suite: %s holds a set made otherwise (%s): use the same settings or another "+
			"directory", c.Dir, difference(plaintext.Normalize(old), text))
	}
	return nil
}

// sameSimulator returns an error for settings of another version of the simulator; settings without
// a version are of version 1.
func sameSimulator(text []byte, path string) error {
	old := Config{}
	if err := yaml.Unmarshal(text, &old); err != nil {
		return fmt.Errorf("suite: read %s: %w", path, err)
	}
	if version := max(old.Simulator, 1); version != nbody.Version {
		return fmt.Errorf("suite: %s was made by version %d of the simulator, this is version %d, which "+
			"makes other maps of the same seed: the two cannot be one set; choose another directory, or "+
			"remove this set and make it anew", path, version, nbody.Version)
	}
	return nil
}

// settings returns the path of the settings of a set.
func settings(dir string, set camels.Set) string {
	return filepath.Join(dir, fmt.Sprintf("universe_%s.yaml", set))
}

// Settings returns the settings of a simulated set in a directory; ok is false for a set that Make
// did not write.
func Settings(dir string, set camels.Set) (c Config, ok bool, err error) {
	text, err := os.ReadFile(settings(dir, set))
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	if err == nil {
		err = yaml.Unmarshal(plaintext.Normalize(text), &c)
	}
	if err != nil {
		return c, false, fmt.Errorf("suite: read %s: %w", settings(dir, set), err)
	}
	c.Dir = dir
	return c, true, nil
}

// difference returns the first line in which two configurations differ.
func difference(old, now []byte) string {
	a, b := bytes.Split(old, []byte("\n")), bytes.Split(now, []byte("\n"))
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			return fmt.Sprintf("%q there, %q now", bytes.TrimSpace(a[i]), bytes.TrimSpace(b[i]))
		}
	}
	return "another number of settings"
}

// simulate runs the missing simulations, one per worker at a time.
func (c Config) simulate(ctx context.Context, w *camels.Writer, universes []Universe,
	progress func(done, all int),
) error {
	done, all := 0, 0
	var missing []int
	for i := range universes {
		if c.Only != nil && !c.Only(i) {
			continue
		}
		if all++; w.Done(i) {
			done++
		} else {
			missing = append(missing, i)
		}
	}
	report := func(more int) {
		done += more
		if progress != nil {
			progress(done, all)
		}
	}
	report(0)
	return parallel.Each(ctx, c.Workers, missing, func(ctx context.Context, i int) error {
		u := universes[i]
		maps, err := nbody.Universe(ctx, c.NBody, u.Params, u.Seed, c.Cells)
		if err == nil {
			err = w.Put(i, maps)
		}
		if err != nil {
			return fmt.Errorf("suite: simulation %d of set %s (%v): %w", i, c.Set, u.Params, err)
		}
		return nil
	}, func(int) { report(1) })
}
