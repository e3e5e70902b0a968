package validation

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"darkfield/pkg/cosmology"
	"darkfield/pkg/nbody"
	"darkfield/pkg/parallel"
	"darkfield/pkg/report"
)

// measurements is the version of the measurements of a simulation, to be raised when they change.
const measurements = 2

// store keeps the measurements of simulations in a directory.
type store struct {
	dir       string
	simulator string // fingerprint
}

// fingerprint is a hash of the maps and particles of a tiny box, which tells the measurements of
// one version of the simulator from those of another.
func fingerprint(ctx context.Context) (string, error) {
	c := nbody.Default()
	c.Particles, c.Steps, c.Neighbours, c.Pixels = 8, 3, 16, 16
	p, err := nbody.Simulate(ctx, c, cosmology.Fiducial, 1)
	if err != nil {
		return "", err
	}
	maps, err := nbody.Project(p, c.Neighbours, c.Pixels)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, x := range p.Positions {
		_ = binary.Write(h, binary.LittleEndian, x) // a hash takes everything
	}
	for _, m := range maps {
		_ = binary.Write(h, binary.LittleEndian, m.Values)
	}
	return fmt.Sprintf("%.12x", h.Sum(nil)), nil
}

// task is one simulation to be measured.
type task struct {
	name string
	cost float64 // as work returns it
	path string  // of its measurements
	run  func(context.Context) error
}

// measure returns the task that sets *into to the result of once, or to the stored result for the
// same arguments, which JSON has to distinguish.
func measure[T any](s store, name string, cost float64, arguments any, into *T,
	once func(context.Context) (T, error),
) task {
	key, err := json.Marshal([]any{measurements, s.simulator, name, arguments})
	if err != nil {
		panic(fmt.Sprintf("validation: arguments of %s: %v", name, err)) // only numbers are given
	}
	path := filepath.Join(s.dir, fmt.Sprintf("%s-%.8x.json", name, sha256.Sum256(key)))
	return task{name: name, cost: cost, path: path, run: func(ctx context.Context) error {
		if raw, err := os.ReadFile(path); err == nil && json.Unmarshal(raw, into) == nil {
			return nil
		}
		var err error
		if *into, err = once(ctx); err != nil {
			return fmt.Errorf("validation: %s: %w", name, err)
		}
		raw, err := json.Marshal(into)
		if err != nil {
			return fmt.Errorf("validation: %s: %w: the simulation gave numbers that are not finite", name,
				err)
		}
		return report.WriteFile(path, raw)
	}}
}

// work is the relative cost of a simulation: particles × steps, and its maps.
func work(c nbody.Config, maps bool) float64 {
	n := float64(c.Particles * c.Particles * c.Particles)
	cost := n * float64(c.Steps) * float64(c.MeshFactor*c.MeshFactor*c.MeshFactor) / 8
	if maps {
		cost += 5 * n
	}
	return cost
}

// runAll runs tasks in parallel on all cores, the longest first, and reports the completed fraction
// of the work that was not stored before. Of tasks with the same path one measures and the others
// read.
func runAll(ctx context.Context, tasks []task, progress func(fraction float64)) error {
	slices.SortStableFunc(tasks, func(a, b task) int { return cmp.Compare(b.cost, a.cost) })
	seen := map[string]bool{}
	var first, again []task
	all, done := 0.0, 0.0
	missing := map[string]bool{}
	for _, t := range tasks {
		if seen[t.path] {
			again = append(again, t)
			continue
		}
		seen[t.path] = true
		first = append(first, t)
		if _, err := os.Stat(t.path); err != nil {
			all, missing[t.path] = all+t.cost, true
		}
	}
	run := func(ctx context.Context, t task) error { return t.run(ctx) }
	err := parallel.Each(ctx, 0, first, run, func(t task) {
		if missing[t.path] {
			done += t.cost
			progress(done / all)
		}
	})
	if err != nil {
		return err
	}
	for _, t := range again {
		if err := t.run(ctx); err != nil {
			return err
		}
	}
	return nil
}
