package inference

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"darkfield/pkg/camels"
	"darkfield/pkg/field"
)

// boundKey is all that kept bounds depend on besides the pixels of each map, which they are kept
// with, so that a file named by its hash can never be stale.
type boundKey struct {
	Code  int         `json:"code"` // version
	Hash  string      `json:"hash"` // of the network
	Bound BoundConfig `json:"bound"`
}

// Version numbers what results of this package mean: it is raised whenever the same maps, network
// and settings give other ones, so that what was kept of them is not taken for new.
const Version = 3

// mapsPerSimulation is how many maps of a simulation posteriors are made for: one of each of two
// axes.
const mapsPerSimulation = 2

// mapOf is which map of a simulation the k-th of them is.
func mapOf(k int) int { return k * camels.MapsPerSimulation / mapsPerSimulation }

// Bounds returns the bounds of two maps of each simulation. Each is kept in a file of dir once it
// is done, so that a run killed at any moment goes on. change, which may be nil, is what is done
// to maps first.
func (l Likelihood) Bounds(ctx context.Context, c BoundConfig, maps *camels.Maps, sims []int, dir,
	stage string, change *Change,
) ([]Bound, error) {
	return l.bounds(ctx, c, maps, sims, mapsPerSimulation, dir, "", stage, change)
}

// bounds is Bounds for the first each of the two maps. It keeps what it evaluates in the file of a
// part, unless part is "".
func (l Likelihood) bounds(ctx context.Context, c BoundConfig, maps *camels.Maps, sims []int,
	each int, dir, part, stage string, change *Change,
) ([]Bound, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	store, err := openBounds(dir, part, l.boundKey(c))
	if err != nil {
		return nil, err
	}
	defer store.file.Close()
	var out []Bound
	for i, sim := range sims {
		for k := range each {
			b, err := l.bound(ctx, c, maps, sim, mapOf(k), change, store)
			if err != nil {
				return nil, fmt.Errorf("inference: bound of map %d of simulation %d of %s: %w", mapOf(k),
					sim, maps.Path(), err)
			}
			out = append(out, b)
			l.Report(stage, i, len(sims))(k+1, each)
		}
	}
	return out, nil
}

func (l Likelihood) boundKey(c BoundConfig) boundKey {
	return boundKey{Version, l.Checkpoint.Network, c}
}

// place is a number for map k of a simulation.
func place(sim, k int) uint64 { return uint64(sim*camels.MapsPerSimulation + k) }

// bound reads a map, changes it and evaluates its bound, unless that is kept.
func (l Likelihood) bound(ctx context.Context, c BoundConfig, maps *camels.Maps, sim, k int,
	change *Change, store *boundStore,
) (Bound, error) {
	m, err := l.changed(maps, sim, k, change)
	if err != nil {
		return Bound{}, err
	}
	b, known := store.known[content(m)]
	if !known {
		if b, err = l.BoundOf(ctx, c, m, nil); err != nil {
			return b, err
		}
	}
	b.Simulation, b.Map, b.Truth = sim, k, maps.Params(sim)
	if known {
		return b, nil
	}
	return b, store.add(b)
}

// changed reads a map and changes it.
func (l Likelihood) changed(maps *camels.Maps, sim, k int, change *Change) (field.LogMap, error) {
	m, err := l.Map(maps, sim, k)
	if err == nil && change != nil {
		m = change.Of(m, place(sim, k))
	}
	return m, err
}

// content is a hash of the pixels of a map.
func content(m field.LogMap) string {
	h := sha256.New()
	fmt.Fprintf(h, "%+v\n", m.Box)
	for _, v := range m.Values {
		var b [4]byte
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
		h.Write(b[:])
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:16])
}

// unlike returns an error if a simulation of sims, which others have, is also one of maps, under
// whatever number and in whatever orientation, or stands in others twice.
func unlike(maps, others *camels.Maps, sims []int) error {
	known := map[field.Fingerprint]int{}
	for sim := range maps.Simulations() {
		m, err := maps.Map(sim * camels.MapsPerSimulation)
		if err != nil {
			return err
		}
		known[field.FingerprintOf(m.Values)] = sim
	}
	own := map[field.Fingerprint]int{}
	for _, sim := range sims {
		for k := range camels.MapsPerSimulation {
			m, err := others.Map(sim*camels.MapsPerSimulation + k)
			if err != nil {
				return err
			}
			print := field.FingerprintOf(m.Values)
			if twin, found := known[print]; found {
				return fmt.Errorf("inference: simulation %d of %s is simulation %d of %s, which the "+
					"network and the calibration know; test on universes of another seed, or on the "+
					"checkpoint's own test simulations", sim, others.Path(), twin, maps.Path())
			}
			if twin, found := own[print]; found && twin != sim {
				return fmt.Errorf("inference: simulations %d and %d of %s are the same; test on each once",
					twin, sim, others.Path())
			}
			own[print] = sim
		}
	}
	return nil
}

// boundStore is a file of one Bound a line.
type boundStore struct {
	file  *os.File
	known map[string]Bound // by the content of the map
}

// openBounds reads what is there, of all parts, and opens the file of one of them, or that of no
// part, to write to. A last line that a killed run left unfinished there is cut off.
func openBounds(dir, part string, key boundKey) (*boundStore, error) {
	store := &boundStore{known: map[string]Bound{}}
	name, err := key.file()
	if err != nil {
		return nil, err
	}
	if err := store.readAll(dir, name); err != nil {
		return nil, err
	}
	if part != "" {
		name += "." + part
	}
	path := filepath.Join(dir, name+boundsEnding)
	err = os.MkdirAll(dir, 0o755)
	whole := 0
	if err == nil {
		whole, err = store.read(path)
	}
	if err == nil {
		store.file, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o666)
	}
	if err != nil {
		return nil, fmt.Errorf("inference: %s: %w", path, err)
	}
	if err := errors.Join(store.file.Truncate(int64(whole)), seekEnd(store.file)); err != nil {
		store.file.Close()
		return nil, fmt.Errorf("inference: %s: %w", path, err)
	}
	return store, nil
}

const boundsEnding = ".jsonl"

// file is the name, without its ending, that bounds of a key are kept under.
func (k boundKey) file() (string, error) {
	text, err := json.Marshal(k)
	return fmt.Sprintf("bounds-%.8x", sha256.Sum256(text)), err
}

// readAll reads the files of all parts.
func (s *boundStore) readAll(dir, name string) error {
	paths, err := filepath.Glob(filepath.Join(dir, name+"*"+boundsEnding))
	if err != nil {
		return fmt.Errorf("inference: bounds in %s: %w", dir, err)
	}
	for _, path := range paths {
		if _, err := s.read(path); err != nil {
			return fmt.Errorf("inference: %s: %w", path, err)
		}
	}
	return nil
}

// read reads a file, which need not be there. It returns the number of bytes in whole lines.
func (s *boundStore) read(path string) (int, error) {
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	raw = raw[:bytes.LastIndexByte(raw, '\n')+1]
	n := 0
	for line := range bytes.Lines(raw) {
		n++
		var b Bound
		err := json.Unmarshal(line, &b)
		if err == nil && (b.Pixels < 1 || b.Terms.Evaluations < 1 || len(b.Moments) != len(momentNames) ||
			b.Content == "") {
			err = errors.New("it is no bound of a map")
		}
		if err != nil {
			return 0, fmt.Errorf("line %d: %w; delete the file to begin anew", n, err)
		}
		s.known[b.Content] = b
	}
	return len(raw), nil
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
