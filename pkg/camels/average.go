package camels

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"darkfield/pkg/field"
)

// AveragesDir is the directory beside maps that keeps the averages of large files. It may be
// removed at any time.
const AveragesDir = "averaged"

// largeFile is the size in bytes from which averages are kept; smaller files stay in the operating
// system's cache.
var largeFile int64 = 256 << 20

// mostKept is the number of bytes of averages that are kept in memory where no file can be written.
const mostKept = 256 << 20

// Average returns map i averaged down to side pixels a side, with the errors of Map; a side that
// does not divide that of the maps is an error.
//
// Averages of a large file are kept in AveragesDir, or in up to 256 MiB of memory where that
// cannot be written, so that only the first pass reads all pixels. Each is stored with a hash of
// its values, its index and the state of the file of maps (size, time of change and samples of its
// bytes). One that is missing, half-written, damaged or of other maps is computed again.
func (m *Maps) Average(i, side int) (field.Map, error) {
	if side == m.box.Cells {
		return m.Map(i)
	}
	if side < 1 || m.box.Cells%side != 0 {
		return field.Map{}, fmt.Errorf("camels: %s has maps of %d pixels a side, which cannot be "+
			"averaged to %d: choose a divisor as the side", m.file.path, m.box.Cells, side)
	}
	a, err := m.averagesOf(side)
	if err != nil {
		return field.Map{}, err
	}
	box := field.Box{Side: m.box.Side, Cells: side}
	if values := a.get(i); values != nil {
		return field.Map{Box: box, Values: values}, nil
	}
	full, err := m.Map(i)
	if err != nil {
		return field.Map{}, err
	}
	coarse, err := field.BlockAverage(full, side)
	if err != nil {
		return field.Map{}, err
	}
	a.put(i, coarse.Values)
	return coarse, nil
}

// averagesOf opens the averages of a side once.
func (m *Maps) averagesOf(side int) (*averages, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a := m.averages[side]; a != nil {
		return a, nil
	}
	a := &averages{pixels: side * side}
	if m.file.size >= largeFile {
		key, err := m.state(side)
		if err != nil {
			return nil, err
		}
		a.open(m.file.path, side, key)
	}
	m.averages[side] = a
	return a, nil
}

// state returns a hash of what averages depend on. It samples the file, because reading all of it
// takes as long as averaging it; a change that keeps size and time and touches no sample is missed.
func (m *Maps) state(side int) ([sha256.Size]byte, error) {
	const samples, length = 64, 1 << 12
	h := sha256.New()
	fmt.Fprintf(h, "darkfield averages 1, %d maps of %d pixels to %d, offset %g, %d bytes of %d\n",
		m.Len(), m.box.Cells, side, m.offset, m.file.size, m.file.modified.UnixNano())
	if m.stored != (storage{}) {
		fmt.Fprintf(h, "%+v\n", m.stored)
	}
	part := make([]byte, length)
	for k := range int64(samples) {
		n, err := m.file.file.ReadAt(part, k*max(0, m.file.size-length)/(samples-1))
		if err != nil && !errors.Is(err, io.EOF) {
			return [sha256.Size]byte{}, fmt.Errorf("camels: read %s: %w; its disk fails: copy it again",
				m.file.path, err)
		}
		h.Write(part[:n])
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// averages keeps averaged maps of one side in a file of one record per map: its float32 values
// followed by their hash. Records are written in place, and valid only if the hash is right.
// Nothing has to be locked, because processes that write the same record write the same bytes.
type averages struct {
	pixels int // of a map
	key    [sha256.Size]byte
	file   *os.File // nil: there is none

	mu     sync.RWMutex
	memory bool // keep in memory what cannot be written
	kept   map[int][]float32
}

// open opens or makes the file for maps of a state, which is part of its name, and removes the
// files of other states. Where it can be neither written nor read, averages are kept in memory.
func (a *averages) open(path string, side int, key [sha256.Size]byte) {
	a.key, a.kept = key, map[int][]float32{}
	dir, base := filepath.Join(filepath.Dir(path), AveragesDir), filepath.Base(path)
	prefix, suffix := fmt.Sprintf("%s.%d.", base, side), ".averages"
	name := fmt.Sprintf("%s%x%s", prefix, key[:8], suffix)
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		a.file, err = os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o666)
	}
	if err != nil {
		a.memory = true
		a.file, _ = os.Open(filepath.Join(dir, name)) // another user may have filled it
		return
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if n := e.Name(); n != name && strings.HasPrefix(n, prefix) && strings.HasSuffix(n, suffix) {
			os.Remove(filepath.Join(dir, n))
		}
	}
}

func (a *averages) record() int64 { return 4*int64(a.pixels) + sha256.Size }

// sum is the hash of a record.
func (a *averages) sum(i int, values []byte) [sha256.Size]byte {
	h := sha256.New()
	h.Write(a.key[:])
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(i)))
	h.Write(values)
	return [sha256.Size]byte(h.Sum(nil))
}

// get returns map i, or nil if it is not kept.
func (a *averages) get(i int) []float32 {
	a.mu.RLock()
	values := a.kept[i]
	a.mu.RUnlock()
	if values != nil {
		return append([]float32(nil), values...)
	}
	if a.file == nil {
		return nil
	}
	raw := make([]byte, a.record())
	if _, err := a.file.ReadAt(raw, int64(i)*a.record()); err != nil {
		return nil
	}
	data := raw[:4*a.pixels]
	if a.sum(i, data) != [sha256.Size]byte(raw[len(data):]) {
		return nil
	}
	values = make([]float32, a.pixels)
	if _, err := binary.Decode(data, binary.LittleEndian, values); err != nil {
		return nil
	}
	return values
}

// put keeps map i, in memory once writing has failed, for example because the disk is full.
func (a *averages) put(i int, values []float32) {
	a.mu.RLock()
	write := a.file != nil && !a.memory
	a.mu.RUnlock()
	if write {
		data := appendFloats(make([]byte, 0, a.record()), values)
		sum := a.sum(i, data)
		if _, err := a.file.WriteAt(append(data, sum[:]...), int64(i)*a.record()); err == nil {
			return
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kept == nil { // of a small file
		return
	}
	a.memory = true
	if len(a.kept) < mostKept/(4*a.pixels) {
		a.kept[i] = append([]float32(nil), values...)
	}
}

func (a *averages) close() error {
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}
