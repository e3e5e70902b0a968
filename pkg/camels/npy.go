package camels

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"github.com/sbinet/npyio"

	"darkfield/pkg/field"
)

// npy is an open .npy file of float32 maps [Maps, Cells, Cells] in C order, of which any map can be read without the rest.
type npy struct {
	file        *os.File
	path        string
	offset      int64 // of the first map
	size        int64 // of the file, in bytes
	modified    time.Time
	maps, cells int
}

// openNPY opens a file and checks its header and its size, and reads no map.
func openNPY(path string) (_ *npy, err error) {
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
	h, err := header(f, info.Size())
	if err != nil {
		return fail("%v", err)
	}
	d := h.Descr
	switch {
	case d.Type != "<f4" && d.Type != "f4":
		return fail("holds %q, want float32 (\"<f4\"); convert it with numpy.save(…, a.astype(\"f4\"))", d.Type)
	case d.Fortran:
		return fail("is in Fortran order, want C order; convert it with numpy.save(…, numpy.ascontiguousarray(a))")
	case len(d.Shape) != 3:
		return fail("has shape %v, want [maps, side, side]; save it with numpy.save(…, a.reshape(-1, side, side))", d.Shape)
	case d.Shape[1] != d.Shape[2] || d.Shape[1] < 1 || d.Shape[0] < 1:
		return fail("has shape %v, want at least one square map [maps, side, side]: is it another file under that name?", d.Shape)
	case d.Shape[1] > largestSide:
		return fail("has maps of %d pixels a side, want at most %d; average them first", d.Shape[1], largestSide)
	}
	offset, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, fmt.Errorf("camels: %w", err)
	}
	have := info.Size() - offset
	side := int64(d.Shape[1])
	if int64(d.Shape[0]) > math.MaxInt64/4/side/side || have != 4*int64(d.Shape[0])*side*side {
		return fail("has %d bytes of maps, its header announces %v float32: it is truncated or damaged; copy it again", have, d.Shape)
	}
	return &npy{file: f, path: path, offset: offset, size: info.Size(), modified: info.ModTime(), maps: d.Shape[0], cells: d.Shape[1]}, nil
}

// largestSide keeps a damaged header from asking for much memory: CMD's maps have 256 pixels a side.
const largestSide = 1 << 11

// longestHeader is far more than the header of an array needs, in bytes.
const longestHeader = 1 << 16

// header reads the header and leaves f at the first map. The announced length is checked first, so that a damaged file cannot
// ask for much memory.
func header(f *os.File, size int64) (h npyio.Header, err error) {
	defer func() {
		if recover() != nil { // the library slices a damaged header without looking
			err = errors.New("has a header that cannot be read: it is truncated or damaged; copy it again")
		}
	}()
	start := make([]byte, 12)
	if n, err := io.ReadFull(f, start); err != nil || string(start[:6]) != "\x93NUMPY" {
		return npyio.Header{}, fmt.Errorf("is not a .npy file: it %s", looksLike(start[:n]))
	}
	length := int64(binary.LittleEndian.Uint16(start[8:]))
	if start[6] >= 2 {
		length = int64(binary.LittleEndian.Uint32(start[8:]))
	}
	if length > size || length > longestHeader {
		return npyio.Header{}, fmt.Errorf("announces a header of %d bytes in a file of %d: it is truncated or damaged; copy it again", length, size)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return npyio.Header{}, err
	}
	r, err := npyio.NewReader(f)
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return npyio.Header{}, fmt.Errorf("has a header that cannot be read (%.80s): it is truncated or damaged; copy it again", first)
	}
	return r.Header, nil
}

// looksLike says what a file starts like that is no .npy file, and what to do about it.
func looksLike(start []byte) string {
	for magic, kind := range map[string]string{
		"\x1f\x8b":   "is compressed; unpack it with gunzip",
		"PK\x03\x04": "is a zip archive, such as .npz; save its array with numpy.save",
		"\x89HDF":    "is an HDF5 file; save its array with numpy.save",
		"<":          "may be a web page; download the file again",
	} {
		if strings.HasPrefix(string(start), magic) {
			return kind
		}
	}
	return fmt.Sprintf("starts with %.12q; copy it again", start)
}

// chunk is how many bytes are read and decoded at a time.
const chunk = 1 << 18

// read returns n maps from the first on, which must be there.
func (f *npy) read(first, n int) ([]float32, error) {
	if first < 0 || n < 0 || first+n > f.maps {
		panic(fmt.Sprintf("camels: maps %d to %d of a file of %d", first, first+n-1, f.maps))
	}
	pixels := f.cells * f.cells
	out := make([]float32, n*pixels)
	in := io.NewSectionReader(f.file, f.offset+4*int64(first)*int64(pixels), 4*int64(len(out)))
	raw := make([]byte, min(chunk, 4*len(out)))
	for done := 0; done < len(out); {
		part := raw[:min(len(raw), 4*(len(out)-done))]
		if _, err := io.ReadFull(in, part); err != nil {
			return nil, fmt.Errorf("camels: %s: read maps %d to %d: %w; the file was changed or its disk fails: copy it again", f.path, first, first+n-1, err)
		}
		for ; len(part) > 0; part = part[4:] {
			out[done] = math.Float32frombits(binary.LittleEndian.Uint32(part))
			done++
		}
	}
	return out, nil
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

// WriteMaps writes the values of maps as one .npy file [maps, side, side]; it appears whole or not at all. Values may be anything that
// float32 can hold. It panics on no maps or on unequal ones.
func WriteMaps(path string, maps []field.Map) error {
	if len(maps) == 0 {
		panic("camels: WriteMaps of no maps")
	}
	cells := maps[0].Box.Cells
	for _, m := range maps {
		if m.Box.Cells != cells || len(m.Values) != cells*cells {
			panic(fmt.Sprintf("camels: WriteMaps of %d values at a side of %d among maps of a side of %d", len(m.Values), m.Box.Cells, cells))
		}
	}
	return atomically(path, func(f io.Writer) error {
		w := bufio.NewWriter(f)
		w.Write(npyHeader(len(maps), cells, cells)) // its error comes back from Flush
		var raw []byte
		for _, m := range maps {
			raw = appendFloats(raw[:0], m.Values)
			w.Write(raw)
		}
		return w.Flush()
	})
}

// ReadMaps reads all of a .npy file of maps [maps, side, side] whose sides are side Mpc/h long. Pixels may have any value, since such
// files may hold logarithms too.
func ReadMaps(path string, side float64) ([]field.Map, error) {
	f, err := openNPY(path)
	if err != nil {
		return nil, err
	}
	defer f.close()
	return f.window(0, f.maps, side)
}

// ReadMap reads map i of a .npy file as ReadMaps does, and none of the others: such a file may be larger than memory.
func ReadMap(path string, side float64, i int) (field.Map, error) {
	f, err := openNPY(path)
	if err != nil {
		return field.Map{}, err
	}
	defer f.close()
	if i < 0 || i >= f.maps {
		return field.Map{}, fmt.Errorf("camels: map %d was asked for, but %s holds maps 0 to %d", i, path, f.maps-1)
	}
	maps, err := f.window(i, 1, side)
	if err != nil {
		return field.Map{}, err
	}
	return maps[0], nil
}
