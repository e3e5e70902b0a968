package convert

import (
	"archive/zip"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"darkfield/pkg/npy"
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
	bytes := int64(min(f.UncompressedSize64, math.MaxInt64))
	h, err := npy.ReadHeader(r, bytes)
	if err != nil {
		return tensor{}, err
	}
	t := tensor{shape: h.Shape, kind: strings.TrimLeft(h.Type, "|=")}
	if known, ok := map[string]string{"<f2": "F16", "<f4": "F32", "<f8": "F64"}[t.kind]; ok {
		t.kind = known
	}
	if !t.readable() {
		return t, nil // refused only if it is a weight
	}
	t.bytes = func() ([]byte, error) {
		if h.Fortran && len(t.shape) > 1 {
			return nil, errors.New("is in Fortran order, want C order: save numpy.ascontiguousarray of it")
		}
		raw, err := content(f, bytes)
		if err == nil && int64(len(raw)) != bytes {
			err = errors.New("is truncated")
		}
		if err != nil {
			return nil, err
		}
		return raw[h.Length:], nil
	}
	return t, h.CheckData(numbers[t.kind].width, bytes-h.Length)
}
