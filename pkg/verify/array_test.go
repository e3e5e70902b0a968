package verify

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
)

// member returns an array of an .npz file with a header and data, compressed or not.
func member(t testing.TB, raw []byte, method uint16) *zip.File {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "a.npy", Method: method})
	if err == nil {
		_, err = w.Write(raw)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return r.File[0]
}

func headed(header string, data []byte) []byte {
	out := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	return append(append(out, header...), data...)
}

// TestArrays: members of .npz files have the headers of .npy files, with every number type that
// references use.
func TestArrays(t *testing.T) {
	half := math.Float32bits(0.5)
	for _, c := range []struct {
		header string
		data   []byte
		want   string
	}{
		{
			"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n",
			binary.LittleEndian.AppendUint32(nil, half), "[0.5] [1]",
		},
		{
			"{'descr': '>f4', 'fortran_order': False, 'shape': (1L,)}",
			binary.BigEndian.AppendUint32(nil, half), "[0.5] [1]",
		},
		{
			`{"shape":(),"descr":"<f8","fortran_order":False}`,
			binary.LittleEndian.AppendUint64(nil, math.Float64bits(0.25)), "[0.25] []",
		},
		{
			"{'descr': '<i8', 'fortran_order': False, 'shape': (2, 1)}", bytes.Repeat([]byte{255}, 16),
			"[-1 -1] [2 1]",
		},
		{"{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}", []byte("abc"), "[97 98 99] [3]"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", make([]byte, 4), "is truncated: " +
			"its header announces 8 bytes"},
		{"{'descr': '<f4', 'fortran_order': True, 'shape': (1,)}", make([]byte, 4), "Fortran order"},
		{"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", make([]byte, 8), `holds "<c8"`},
		{"{'descr': '<f4' 'shape': (1,)}", make([]byte, 4), "does not say descr"},
	} {
		for _, method := range []uint16{zip.Store, zip.Deflate} {
			values, shape, err := array(member(t, headed(c.header, c.data), method))
			got := fmt.Sprint(values, shape)
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("%s: %s, want %s", c.header, got, c.want)
			}
		}
	}
}

// FuzzArray: an array that is accepted has as many numbers as its shape says; nothing panics.
func FuzzArray(f *testing.F) {
	f.Add(headed("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }\n", make([]byte, 16)))
	f.Add(headed("{'descr': '|u1', 'fortran_order': False, 'shape': (3L,)}", []byte("abc")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		values, shape, err := array(member(t, raw, zip.Deflate))
		n := 1
		for _, s := range shape {
			n *= s
		}
		if err == nil && n != len(values) {
			t.Errorf("%d numbers of shape %v", len(values), shape)
		}
	})
}
