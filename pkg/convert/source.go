package convert

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/nlpodyssey/safetensors"

	"darkfield/pkg/checkpoint"
	"darkfield/pkg/network"
)

// source is what a weight file offers.
type source struct {
	format       string
	dictionaries []dictionary
	lists        []row          // of tensors without names
	keys         []string       // of a pickle's outermost dictionary
	said         map[string]any // what stands beside the tensors: numbers, texts and rows of numbers
	manifest     *checkpoint.Manifest
	most         int64 // values that a file of this size can hold
	file         *os.File

	parameters []network.Tensor // of the network that is described

	// Set by choose.
	raw, average *candidate
	ignored      []string // tensors that are not part of the network
	strangers    []string // those of them with unknown names
}

// row is a list of tensors.
type row struct {
	path    string
	tensors []tensor
}

// inflation is the largest compression ratio of deflate.
const inflation = 1032

// open recognises a file by its first bytes and reads names and shapes.
func open(name string) (_ *source, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is no file: name a .pt, .pth, .safetensors or .npz file")
	}
	var first [9]byte
	n, err := f.ReadAt(first[:], 0)
	if n == 0 {
		return nil, errors.New("is empty or cannot be read")
	}
	bytes := info.Size()
	var s *source
	switch {
	case string(first[:2]) == "PK":
		s, err = archive(f, bytes)
	case n == 9 && first[8] == '{':
		s, err = plain(name, bytes, binary.LittleEndian.Uint64(first[:8]))
	default:
		s, err = legacy(f, bytes)
	}
	if err != nil {
		return nil, err
	}
	s.file = f
	if s.most == 0 {
		s.most = bytes / 2
	}
	return s, nil
}

func archive(f *os.File, bytes int64) (*source, error) {
	z, err := zip.NewReader(f, bytes)
	if err != nil {
		return nil, fmt.Errorf("is not a whole zip archive (%w): it is truncated or damaged", err)
	}
	for _, file := range z.File {
		if path.Base(file.Name) == "data.pkl" {
			value, err := pickledZip(z, file)
			if err != nil {
				return nil, err
			}
			s := fromPickle(value)
			s.format = "PyTorch"
			return s, nil
		}
	}
	s, err := arrays(z)
	if s != nil {
		s.format, s.most = "NumPy", inflation*bytes
	}
	return s, err
}

func legacy(f *os.File, bytes int64) (*source, error) {
	value, err := pickledLegacy(f, bytes)
	if err != nil {
		var refused refusal
		if errors.As(err, &refused) {
			return nil, err
		}
		return nil, fmt.Errorf("is no whole .pt, .safetensors or .npz file: read as a .pt of old, %w",
			err)
	}
	s := fromPickle(value)
	s.format = "PyTorch before 1.6"
	return s, nil
}

// plain reads safetensors of PyTorch's names.
func plain(name string, bytes int64, header uint64) (s *source, err error) {
	defer func() {
		if p := recover(); p != nil { // the library trusts the header
			err = fmt.Errorf("is a damaged safetensors file (%.100v)", p)
		}
	}()
	if header > uint64(bytes-8) {
		return nil, fmt.Errorf("is a safetensors file whose header announces %d bytes, the file has "+
			"%d: it is truncated", header, bytes)
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	st, err := safetensors.Deserialize(raw)
	if err != nil {
		return nil, fmt.Errorf("is not a whole safetensors file (%.200s): it is truncated or damaged",
			strings.ReplaceAll(err.Error(), "\n", " "))
	}
	s = &source{format: "safetensors", said: map[string]any{}}
	var d dictionary
	for _, t := range st.Tensors() {
		kind, data := t.TensorView.DType().String(), t.TensorView.Data()
		var shape []int
		for _, d := range t.TensorView.Shape() {
			shape = append(shape, int(d))
		}
		d.add(t.Name, tensor{
			shape: shape, kind: kind, bytes: func() ([]byte, error) { return data, nil },
		})
	}
	if len(d.names) == 0 {
		return nil, errors.New("is a safetensors file without tensors")
	}
	s.dictionaries = []dictionary{d}
	for _, name := range d.names {
		s.say(name, d.tensors[name])
	}
	_, meta, err := safetensors.ReadMetadata(raw)
	if err != nil {
		return nil, err
	}
	for key, text := range meta.Metadata() {
		s.said[key] = text
		if n, err := strconv.Atoi(text); err == nil {
			s.said[key] = n
		}
	}
	s.manifest, err = checkpoint.Exported(meta.Metadata())
	return s, err
}
