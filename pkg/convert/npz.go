package convert

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Parts of the header of a .npy file, a Python dictionary.
var (
	npyKind  = regexp.MustCompile(`['"]descr['"] *: *['"]([<>|=][a-z][0-9]+)['"]`)
	npyOrder = regexp.MustCompile(`['"]fortran_order['"] *: *(True|False)`)
	npyShape = regexp.MustCompile(`['"]shape['"] *: *\(([0-9, L]*)\)`) // Python 2 wrote 3L
)

// arrays reads the headers of a .npz file. Where names begin with w/, those are the weights, and
// all else is left out.
func arrays(z *zip.Reader) (*source, error) {
	var all, marked dictionary
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			continue
		}
		t, err := array(f)
		if err != nil {
			return nil, fmt.Errorf("%.60q: %w", f.Name, err)
		}
		all.add(name, t)
		if rest, ok := strings.CutPrefix(name, "w/"); ok {
			marked.add(rest, t)
		} else if buffers[name] {
			marked.add(name, t)
		}
	}
	said := map[string]any{}
	for name, t := range all.tensors {
		said[name] = t
	}
	if slices.ContainsFunc(marked.names, func(name string) bool { return !buffers[name] }) {
		all = marked
	}
	if len(all.names) == 0 {
		return nil, errors.New("is a zip archive without data.pkl (PyTorch) or .npy arrays (.npz): it " +
			"is something else")
	}
	return &source{dictionaries: []dictionary{all}, said: said}, nil
}

func array(f *zip.File) (tensor, error) {
	r, err := f.Open()
	if err != nil {
		return tensor{}, err
	}
	defer r.Close()
	var start [12]byte
	if _, err := io.ReadFull(r, start[:10]); err != nil || string(start[:6]) != "\x93NUMPY" {
		return tensor{}, errors.New("is no .npy array: it is damaged")
	}
	skip, length := 10, int(binary.LittleEndian.Uint16(start[8:10]))
	if start[6] > 1 { // versions 2 and 3 have four bytes of length
		if _, err := io.ReadFull(r, start[10:]); err != nil {
			return tensor{}, errors.New("its header is truncated")
		}
		skip, length = 12, int(binary.LittleEndian.Uint32(start[8:12]))
	}
	if length > 1<<16 {
		return tensor{}, fmt.Errorf("its header has %d bytes, want a few hundred: it is damaged", length)
	}
	header := make([]byte, length)
	if _, err := io.ReadFull(r, header); err != nil {
		return tensor{}, errors.New("its header is truncated")
	}
	kind, order, shape := npyKind.FindSubmatch(header), npyOrder.FindSubmatch(header),
		npyShape.FindSubmatch(header)
	if kind == nil || order == nil || shape == nil {
		return tensor{}, fmt.Errorf("its header %.80q is not that of an array of numbers", header)
	}
	t := tensor{kind: strings.TrimLeft(string(kind[1]), "|=")}
	if known, ok := map[string]string{"<f2": "F16", "<f4": "F32", "<f8": "F64"}[t.kind]; ok {
		t.kind = known
	}
	for _, d := range strings.FieldsFunc(string(shape[1]), func(r rune) bool {
		return r == ',' ||
			r == ' ' || r == 'L'
	}) {
		n, err := strconv.Atoi(d)
		if err != nil {
			return tensor{}, fmt.Errorf("its shape has %.20s for a length", d)
		}
		t.shape = append(t.shape, n)
	}
	width, ok := widths[t.kind]
	// A counter.
	if n, small := size(t.shape); small && n == 1 && (t.kind == "<i8" || t.kind == "<i4") {
		t.wide = func() ([]float64, error) {
			raw, err := content(f, 1<<16)
			if err != nil {
				return nil, err
			}
			return decodeWide(t.kind, raw[min(skip+length, len(raw)):])
		}
	}
	if !ok {
		// Refused only if it is a weight.
		t.read = func() ([]float32, error) { return decode(t.kind, nil) }
		return t, nil
	}
	if string(order[1]) == "True" && len(t.shape) > 1 {
		t.read = func() ([]float32, error) {
			return nil, errors.New("is in Fortran order, want C order: save numpy.ascontiguousarray of it")
		}
		return t, nil
	}
	n, ok := size(t.shape)
	if want := uint64(skip+length) + uint64(n)*uint64(width); !ok || f.UncompressedSize64 != want {
		return tensor{}, fmt.Errorf("has %d bytes, its header describes %v values of %d bytes: it is "+
			"damaged", f.UncompressedSize64, t.shape, width)
	}
	values := func() ([]byte, error) {
		raw, err := content(f, int64(f.UncompressedSize64))
		if err == nil && len(raw) != skip+length+n*width {
			err = errors.New("is truncated")
		}
		if err != nil {
			return nil, err
		}
		return raw[skip+length:], nil
	}
	t.read = func() ([]float32, error) {
		raw, err := values()
		if err != nil {
			return nil, err
		}
		return decode(t.kind, raw)
	}
	t.wide = func() ([]float64, error) {
		raw, err := values()
		if err != nil {
			return nil, err
		}
		return decodeWide(t.kind, raw)
	}
	return t, nil
}
