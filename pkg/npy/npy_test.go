package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// file returns a file of a version with a header and bytes of data.
func file(major byte, header string, data int) []byte {
	out := append([]byte(magic), major, 0)
	if major == 1 {
		out = binary.LittleEndian.AppendUint16(out, uint16(len(header)))
	} else {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(header)))
	}
	return append(append(out, header...), make([]byte, data)...)
}

// read reads the header of raw and checks the rest against it, as callers do.
func read(raw []byte, width int) (Header, error) {
	r := bytes.NewReader(raw)
	h, err := ReadHeader(r, int64(len(raw)))
	if err != nil {
		return h, err
	}
	if int64(len(raw)-r.Len()) != h.Length {
		return h, fmt.Errorf("%d bytes were read of a header of %d", len(raw)-r.Len(), h.Length)
	}
	return h, h.CheckData(width, int64(r.Len()))
}

// TestHeadersThatNumPyReads: what NumPy 2 reads, in every spelling, is read.
func TestHeadersThatNumPyReads(t *testing.T) {
	const pad = "             \n"
	for name, c := range map[string]struct {
		major  byte
		header string
	}{
		"as NumPy writes it": {
			1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" + pad,
		},
		"version 2": {
			2, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" + pad,
		},
		"version 3": {
			3, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" + pad,
		},
		"Python 2": {
			1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }" + pad,
		},
		"Python 2, version 2": {
			2, "{u'descr': '<f4', u'fortran_order': False, u'shape': (2L, 3L)}" + pad,
		},
		"no blanks": {1, "{'descr':'<f4','fortran_order':False,'shape':(2,3)}"},
		"many blanks": {1, " { 'descr'\t:\n'<f4' ,  'fortran_order' : False,'shape' : ( " +
			"2 , 3 , ) , } \n"},
		"no line feed": {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), " +
			"}    "},
		"double quotes": {
			1, `{"descr": "<f4", "fortran_order": False, "shape": (2, 3)}` + pad,
		},
		"quotes of both kinds": {
			1, `{"descr": '<f4', 'fortran_order': False, "shape": (2, 3)}` + pad,
		},
		"keys in alphabetical order": {
			1, "{'shape': (2, 3), 'fortran_order': False, 'descr': '<f4'}" + pad,
		},
		"shape between the others": {
			1, "{'fortran_order': False, 'shape': (2, 3), 'descr': '<f4', }" + pad,
		},
		"Windows' line end": {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\r\n"},
	} {
		raw := file(c.major, c.header, 24)
		got, err := read(raw, 4)
		want := Header{Type: "<f4", Shape: []int{2, 3}, Length: int64(len(raw) - 24)}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v (%v), want %+v", name, got, err, want)
		}
	}
}

func TestValuesOfHeaders(t *testing.T) {
	for _, c := range []struct {
		header string
		want   Header
		width  int
		data   int
	}{
		{
			"{'descr': '>f8', 'fortran_order': True, 'shape': (2, 3), }\n",
			Header{Type: ">f8", Fortran: true, Shape: []int{2, 3}},
			8, 48,
		},
		{
			"{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }\n",
			Header{Type: "|u1", Shape: []int{5}},
			1, 5,
		},
		{"{'descr': '<i8', 'fortran_order': False, 'shape': (), }\n", Header{Type: "<i8"}, 8, 8},
		{
			"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775000, 0, " +
				"9223372036854775000), }\n",
			Header{Type: "<f4", Shape: []int{9223372036854775000, 0, 9223372036854775000}},
			4, 0,
		},
		{
			"{'descr': [('Ω_m', '<f8'), ('map', '<f4', (2, 2))], 'fortran_order': False, 'shape': (1,), }\n",
			Header{Type: "[('Ω_m', '<f8'), ('map', '<f4', (2, 2))]", Shape: []int{1}},
			24, 24,
		},
	} {
		raw := file(3, c.header, c.data)
		got, err := read(raw, c.width)
		c.want.Length = int64(len(raw) - c.data)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v (%v), want %+v", c.header, got, err, c.want)
		}
	}
}

// TestFaults: an error says what is wrong, at which byte of the file or with which numbers of
// bytes.
func TestFaults(t *testing.T) {
	const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n"
	whole := file(1, good, 24)
	for _, c := range []struct {
		raw  []byte
		want string
	}{
		{whole[:5], "not a .npy file"},
		{whole[:7], "truncated: it ends after 7 bytes"},
		{whole[:9], "truncated: it ends after 9 bytes, inside its first 10"},
		{file(2, good, 24)[:11], "truncated: it ends after 11 bytes, inside its first 12"},
		{whole[:30], "truncated: its header needs 70 bytes, 30 bytes are there"},
		{whole[:len(whole)-1], "truncated: its header announces 24 bytes of data ([2 3] numbers of " +
			"<f4), 23 bytes are there"},
		{append(whole, whole...), "goes on after its array: its header announces 24 bytes of data ([2 " +
			"3] numbers of <f4), 118 bytes are there"},
		{file(4, good, 24), "version 4.0"},
		{append([]byte(magic), 1, 1, 0, 0, 0), "version 1.1"},
		{append([]byte(magic), 2, 0, 255, 255, 255, 255), "header of 4294967295 bytes at byte 8"},
		{
			file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3}\n", 24),
			"has a header that is damaged",
		},
		{
			file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3)}\n", 24),
			"has a header that is damaged",
		},
		{
			file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3.5)}\n", 24),
			"has a header that is damaged",
		},
		{
			file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 99999999999999999999)}\n", 24),
			`has "99999999999999999999" where a length`,
		},
		{
			file(1, "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}\n", 24),
			"has a header that is damaged",
		},
		{
			file(1, "{'descr': '<f4, 'fortran_order': False, 'shape': (2, 3)}\n", 24),
			"has a header that is damaged",
		},
		{
			file(1, "{'descr' '<f4', 'fortran_order': False, 'shape': (2, 3)}\n", 24),
			"has a header that is damaged",
		},
		{file(1, "{'descr': '<f4', 'fortran_order': False}\n", 24), "missing: shape"},
		{file(1, "{'descr': '<f4', 'order': 'C', 'shape': (2, 3)}\n", 24), "missing: fortran_order"},
		{file(1, good[:58]+"}\x00", 24), "has a header that is damaged"},
		{file(1, "", 24), "has a header that is damaged"},
		// JSON
		{
			file(1, `{"descr": "<f4", "fortran_order": false, "shape": [2, 3]}`, 24),
			"has a header that is damaged",
		},
		{
			file(3, "{'descr': [('\xff', '<f4')], 'fortran_order': False, 'shape': (6,)}\n", 24),
			"is no UTF-8",
		},
		{file(1, "{'descr': "+strings.Repeat("[", 1000), 24), "has a header that is damaged"},
		{
			file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 3)}\n", 24),
			"more than a file can hold",
		},
	} {
		_, err := read(c.raw, 4)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %s", c.raw, err, c.want)
		}
		if got := errors.Is(err, ErrMagic); got != (c.want == "not a .npy file") {
			t.Errorf("%q: ErrMagic: %v", c.raw, got)
		}
	}
}

// TestMemory: whatever a header announces, memory is bounded by what the file holds.
func TestMemory(t *testing.T) {
	for _, raw := range [][]byte{
		append([]byte(magic), 2, 0, 255, 255, 0, 0),
		file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (999999999, 9999)}\n", 24),
		file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': ("+strings.Repeat("1,", 30000)+")}\n",
			4),
		file(1, "{'descr': "+strings.Repeat("[", 60000)+"}\n", 4),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h, err := read(raw, 4)
		runtime.ReadMemStats(&after)
		// The text, its copy and a shape of 8 bytes for every 2 of text, which doubles as it grows.
		if used, most := after.TotalAlloc-before.TotalAlloc, uint64(24*len(raw)+1<<14); used > most {
			t.Errorf("%.40q…: %d bytes of memory for %d of file, want at most %d (%d dimensions, %v)", raw,
				used, len(raw), most, len(h.Shape), err)
		}
	}
}

// FuzzHeader: whatever is accepted fits the file; nothing panics.
func FuzzHeader(f *testing.F) {
	f.Add(file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 24))
	f.Add(file(2, "{u'descr': \"<f4\", u'fortran_order': True, u'shape': (2L, 3L)}", 24))
	f.Add(
		file(3, "{'descr': [('Ω', '<f4'), ('b', '<f4', (2,))], 'fortran_order': False, 'shape': [1]}",
			12))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := read(raw, 4)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		numbers := int64(1)
		for _, n := range h.Shape {
			numbers *= int64(n)
		}
		if h.Length+4*numbers != int64(len(raw)) {
			t.Errorf("%+v is accepted for %d bytes", h, len(raw))
		}
	})
}
