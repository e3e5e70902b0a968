package camels

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"darkfield/pkg/field"
	"darkfield/pkg/filetype"
	format "darkfield/pkg/npy"
	"darkfield/pkg/safefile"
)

// npy is an open .npy file of float32 planes in C order, of which any can be read without the rest:
// maps [maps, cells, cells], or the planes of 3-D grids [grids, cells, cells, cells].
type npy struct {
	file         *os.File
	path         string
	offset       int64 // of the first plane
	size         int64 // of the file, in bytes
	modified     time.Time
	items, cells int // maps or grids, and their side
	planes       int // of all items
}

// openNPY opens a file of maps (3 dimensions) or of grids (4), checks its header and its size, and
// reads no numbers.
func openNPY(path string, dimensions int) (_ *npy, err error) {
	f, info, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	fail := func(format string, args ...any) (*npy, error) {
		return nil, fmt.Errorf("camels: %s: %s", path, fmt.Sprintf(format, args...))
	}
	shape, save, unit := "[maps, side, side]", "a.reshape(-1, side, side)", "pixels"
	if dimensions == 4 {
		shape, save, unit = "[simulations, n, n, n]", "a.reshape(-1, n, n, n)", "cells"
	}
	h, err := format.ReadHeader(f, info.Size())
	switch {
	case errors.Is(err, format.ErrMagic):
		t, _ := filetype.Of(path) // Unknown where it cannot be read
		return fail("is not a .npy file: it is %v; %s", t, t.Hint())
	case err != nil:
		return fail("%v", err)
	case !slices.Contains(float32s, h.Type):
		return fail("holds %.40q, want float32 (\"<f4\"); %s", h.Type, toFloat32(h.Type))
	case h.Fortran:
		return fail("is in Fortran order, want C order; convert it with numpy.save(…, " +
			"numpy.ascontiguousarray(a))")
	case len(h.Shape) != dimensions:
		return fail("has shape %v, want %s; save it with numpy.save(…, %s)", h.Shape, shape, save)
	}
	n, sides := h.Shape[0], h.Shape[1:]
	side := sides[0]
	switch {
	case n < 1 || side < 1 || slices.Max(sides) != side || slices.Min(sides) != side:
		return fail("has shape %v, want at least one, %s: is it another file under that name?",
			h.Shape, shape)
	case side > largestSide:
		return fail("has %d %s a side, want at most %d; average it first", side, unit, largestSide)
	}
	if err := h.CheckData(4, info.Size()-h.Length); err != nil {
		return fail("%v", err)
	}
	planes := n
	if dimensions == 4 {
		planes *= side
	}
	return &npy{
		file: f, path: path, offset: h.Length, size: info.Size(), modified: info.ModTime(),
		items: n, cells: side, planes: planes,
	}, nil
}

// float32s are the names that NumPy takes for a little-endian float32, on a computer of that order.
var float32s = []string{"<f4", "f4", "=f4", "|f4", "<f", "f", "=f", "float32", "single"}

// toFloat32 says how to make float32 of numbers of another type.
func toFloat32(kind string) string {
	switch {
	case strings.ContainsAny(kind, "[("):
		return "it is a table of records: save one of its columns with numpy.save(…, " +
			"a[\"name\"].astype(\"<f4\"))"
	case strings.Contains(kind, "O"):
		return "it holds Python objects: save their numbers with numpy.save(…, " +
			"numpy.stack(a).astype(\"<f4\"))"
	case strings.Contains(kind, "c"):
		return "the numbers are complex: save their real part with numpy.save(…, a.real.astype(\"<f4\"))"
	}
	return "convert it with numpy.save(…, a.astype(\"<f4\"))"
}

// largestSide keeps a damaged header from asking for much memory: CMD's maps have 256 pixels a
// side.
const largestSide = 1 << 11

// read returns n planes from the first on, which must be there.
func (f *npy) read(first, n int) ([]float32, error) {
	if first < 0 || n < 0 || first+n > f.planes {
		panic(fmt.Sprintf("camels: planes %d to %d of a file of %d", first, first+n-1, f.planes))
	}
	pixels := f.cells * f.cells
	out := make([]float32, n*pixels)
	in := io.NewSectionReader(f.file, f.offset+4*int64(first)*int64(pixels), 4*int64(len(out)))
	for part := range slices.Chunk(out, 1<<16) { // limits the memory for the bytes
		if err := binary.Read(in, binary.LittleEndian, part); err != nil {
			return nil, fmt.Errorf("camels: read %s: %w; the file was changed or its disk fails: copy it "+
				"again", f.path, err)
		}
	}
	return out, nil
}

// one returns map i, in a box of side Mpc/h; a map that is not there is an error.
func (f *npy) one(i int, side float64) (field.Map, error) {
	if i < 0 || i >= f.items {
		return field.Map{}, fmt.Errorf("camels: map %d was asked for, but %s holds maps 0 to %d", i,
			f.path, f.items-1)
	}
	maps, err := f.window(i, 1, side)
	if err != nil {
		return field.Map{}, err
	}
	return maps[0], nil
}

// window returns n maps from the first on, in a box of side Mpc/h.
func (f *npy) window(first, n int, side float64) ([]field.Map, error) {
	values, err := f.read(first, n)
	if err != nil {
		return nil, err
	}
	box := field.Box{Side: side, Cells: f.cells}
	out := make([]field.Map, n)
	for i := range out {
		out[i] = field.Map{Box: box, Values: values[i*box.Pixels() : (i+1)*box.Pixels()]}
	}
	return out, nil
}

func (f *npy) close() error { return f.file.Close() }

// save writes the file at path by safefile, with a remedy in the error.
func save(path string, fill func(io.Writer) error) error {
	if err := safefile.Write(path, fill); err != nil {
		const remedy = "check that the directory can be written to and the disk is not full"
		return fmt.Errorf("camels: %w; %s", err, remedy)
	}
	return nil
}

// saveFile is save for a small file.
func saveFile(path string, content []byte) error {
	return save(path, func(w io.Writer) error { _, err := w.Write(content); return err })
}

// npyHeader returns the header of a C-ordered float32 array, version 1.0, padded to 64 bytes.
func npyHeader(shape ...int) []byte {
	dims := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(shape)), ", "), "[]")
	if len(shape) == 1 {
		dims += ","
	}
	dict := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", dims)
	pad := 64 - (10+len(dict)+1)%64
	dict += strings.Repeat(" ", pad) + "\n"
	out := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(out[8:], uint16(len(dict)))
	return append(out, dict...)
}

// appendFloats appends values as little-endian float32.
func appendFloats(dst []byte, values []float32) []byte {
	for _, v := range values {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
	}
	return dst
}

// WriteMaps writes the values of maps as one .npy file [maps, side, side]; it appears whole or not
// at all. Values may be anything that float32 can hold. It panics on no maps or on unequal ones.
func WriteMaps(path string, maps []field.Map) error {
	if len(maps) == 0 {
		panic("camels: WriteMaps of no maps")
	}
	cells := maps[0].Box.Cells
	for _, m := range maps {
		if m.Box.Cells != cells || len(m.Values) != cells*cells {
			panic(fmt.Sprintf("camels: WriteMaps of %d values at a side of %d among maps of a side of %d",
				len(m.Values), m.Box.Cells, cells))
		}
	}
	return save(path, func(w io.Writer) error {
		_, err := w.Write(npyHeader(len(maps), cells, cells))
		var raw []byte
		for i := 0; i < len(maps) && err == nil; i++ {
			raw = appendFloats(raw[:0], maps[i].Values)
			_, err = w.Write(raw)
		}
		return err
	})
}

// ReadMaps reads all of a .npy file of maps [maps, side, side] whose sides are side Mpc/h long.
// Pixels may have any value, since such files may hold logarithms too.
func ReadMaps(path string, side float64) ([]field.Map, error) {
	f, err := openNPY(path, 3)
	if err != nil {
		return nil, err
	}
	defer f.close()
	return f.window(0, f.items, side)
}

// WriteLogMaps writes log10 values likewise: files of generated maps that programs keep.
func WriteLogMaps(path string, maps []field.LogMap) error {
	values := make([]field.Map, len(maps))
	for i, m := range maps {
		values[i] = field.Map(m)
	}
	return WriteMaps(path, values)
}

// ReadLogMaps reads all of a file that WriteLogMaps wrote.
func ReadLogMaps(path string, side float64) ([]field.LogMap, error) {
	values, err := ReadMaps(path, side)
	maps := make([]field.LogMap, len(values))
	for i, m := range values {
		maps[i] = field.LogMap(m)
	}
	return maps, err
}

// ReadMap reads map i of a .npy file as ReadMaps does, and none of the others: such a file may be
// larger than memory.
func ReadMap(path string, side float64, i int) (field.Map, error) {
	f, err := openNPY(path, 3)
	if err != nil {
		return field.Map{}, err
	}
	defer f.close()
	return f.one(i, side)
}
