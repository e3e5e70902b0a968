package inference

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"darkfield/pkg/camels"
)

// boundKey is all that kept bounds depend on besides the map, so that a file named by its hash
// can never be stale.
type boundKey struct {
	Hash   string      `json:"hash"`
	Bound  BoundConfig `json:"bound"`
	Data   string      `json:"data"` // of the maps: their parameters and size, and pixels of some
	Change string      `json:"change,omitempty"`
}

// mapsPerSimulation is how many maps of a simulation posteriors are made for: one of each of two
// axes.
const mapsPerSimulation = 2

// mapOf is which map of a simulation the k-th of them is.
func mapOf(k int) int { return k * camels.MapsPerSimulation / mapsPerSimulation }

// Bounds returns the bounds of two maps of each simulation. Each is kept in a file of dir once it
// is done, so that a run killed at any moment goes on. change, which may be nil, is what is done
// to maps first; its name tells files apart.
func (l Likelihood) Bounds(ctx context.Context, c BoundConfig, maps *camels.Maps, sims []int, dir,
	stage string, change *Change,
) ([]Bound, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	key, err := l.boundKey(c, maps, change)
	if err != nil {
		return nil, err
	}
	store, err := openBounds(dir, key)
	if err != nil {
		return nil, err
	}
	defer store.file.Close()
	var out []Bound
	for i, sim := range sims {
		for k := range mapsPerSimulation {
			at := [2]int{sim, mapOf(k)}
			b, known := store.known[at]
			if !known {
				if b, err = l.bound(ctx, c, maps, at[0], at[1], change); err != nil {
					return nil, err
				}
				if err := store.add(b); err != nil {
					return nil, err
				}
			}
			out = append(out, b)
			l.Report(stage, i, len(sims))(k+1, mapsPerSimulation)
		}
	}
	return out, nil
}

// place is a number for map k of a simulation.
func place(sim, k int) uint64 { return uint64(sim*camels.MapsPerSimulation + k) }

// bound reads a map, changes it and evaluates its bound.
func (l Likelihood) bound(ctx context.Context, c BoundConfig, maps *camels.Maps, sim, k int,
	change *Change,
) (Bound, error) {
	fail := func(err error) (Bound, error) {
		return Bound{}, fmt.Errorf("inference: bound of map %d of simulation %d of %s: %w", k, sim,
			maps.Path(), err)
	}
	m, err := l.Map(maps, sim, k)
	if err != nil {
		return fail(err)
	}
	if change != nil {
		m = change.Of(m, place(sim, k))
	}
	b, err := l.BoundOf(ctx, c, m, nil)
	if err != nil {
		return fail(err)
	}
	b.Simulation, b.Map, b.Truth = sim, k, maps.Params(sim)
	return b, nil
}

func (l Likelihood) boundKey(c BoundConfig, maps *camels.Maps, change *Change) (boundKey, error) {
	data, err := fingerprint(maps)
	k := boundKey{Hash: l.Checkpoint.Network, Bound: c, Data: data}
	if change != nil {
		k.Change = change.Name
	}
	return k, err
}

// fingerprint tells sets of maps apart: by all parameters, the box and the pixels of three maps,
// for two universes may share parameters.
func fingerprint(maps *camels.Maps) (string, error) {
	h := sha256.New()
	for sim := range maps.Simulations() {
		p := maps.Params(sim)
		fmt.Fprintf(h, "%x %x\n", p.OmegaM, p.Sigma8)
	}
	last := maps.Len() - 1
	for _, i := range []int{0, last / 2, last} {
		m, err := maps.Map(i)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%x\n", m.Values)
	}
	return fmt.Sprintf("%+v %x", maps.Box(), h.Sum(nil)), nil
}

// sharedWith returns a simulation of others, one of sims, that is also one of maps: of the same
// number, parameters and pixels.
func sharedWith(maps, others *camels.Maps, sims []int) (sim int, found bool, err error) {
	for _, sim := range sims {
		if sim >= maps.Simulations() || maps.Params(sim) != others.Params(sim) ||
			maps.Box() != others.Box() {
			continue
		}
		a, err := maps.Map(sim * camels.MapsPerSimulation)
		if err != nil {
			return 0, false, err
		}
		b, err := others.Map(sim * camels.MapsPerSimulation)
		if err != nil || slices.Equal(a.Values, b.Values) {
			return sim, err == nil, err
		}
	}
	return 0, false, nil
}

// boundStore is a file of one Bound a line.
type boundStore struct {
	file  *os.File
	known map[[2]int]Bound
}

// openBounds reads what is there. A last line that a killed run left unfinished is cut off.
func openBounds(dir string, key boundKey) (*boundStore, error) {
	name, err := json.Marshal(key)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, fmt.Sprintf("bounds-%.8x.jsonl", sha256.Sum256(name)))
	fail := func(err error) (*boundStore, error) {
		return nil, fmt.Errorf("inference: %s: %w", path, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fail(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	raw = raw[:bytes.LastIndexByte(raw, '\n')+1]
	store := &boundStore{known: map[[2]int]Bound{}}
	n := 0
	for line := range bytes.Lines(raw) {
		n++
		var b Bound
		err := json.Unmarshal(line, &b)
		if err == nil && (b.Pixels < 1 || b.Terms.Evaluations < 1 || len(b.Moments) != len(momentNames)) {
			err = errors.New("it is no bound of a map")
		}
		if err != nil {
			return fail(fmt.Errorf("line %d: %w; delete the file to begin anew", n, err))
		}
		store.known[[2]int{b.Simulation, b.Map}] = b
	}
	if store.file, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o666); err != nil {
		return fail(err)
	}
	if err := errors.Join(store.file.Truncate(int64(len(raw))), seekEnd(store.file)); err != nil {
		store.file.Close()
		return fail(err)
	}
	return store, nil
}

func seekEnd(f *os.File) error {
	_, err := f.Seek(0, io.SeekEnd)
	return err
}

// add appends a bound.
func (s *boundStore) add(b Bound) error {
	line, err := json.Marshal(b)
	if err != nil {
		return err
	}
	_, err = s.file.Write(append(line, '\n'))
	return err
}
