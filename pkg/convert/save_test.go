package convert

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"darkfield/pkg/network"
	"darkfield/pkg/unet"
)

// What torch.save writes for the values below, in its own opcodes: the inputs of these tests.
type (
	dict []pair // in order, as Python keeps it
	pair struct {
		key   string
		value any
	}
	array64 struct { // a tensor of another kind than float32
		class  string // of its storage
		shape  []int
		values []byte
	}
	alias struct{ of *network.Array } // a tensor that shares the storage of others to the same array
)

// saver pickles values and keeps storages for the archive.
type saver struct {
	pickle   bytes.Buffer
	storages [][]byte
	shared   map[*network.Array]int
}

// saved returns the bytes of torch.save(value).
func saved(t testing.TB, value any) []byte {
	t.Helper()
	s := saver{shared: map[*network.Array]int{}}
	s.pickle.WriteString("\x80\x02")
	s.put(t, value)
	s.pickle.WriteString(".")
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	file := func(name string, content []byte) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: "model/" + name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	file("data.pkl", s.pickle.Bytes())
	file("byteorder", []byte("little"))
	for i, raw := range s.storages {
		file(fmt.Sprintf("data/%d", i), raw)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (s *saver) text(v string) {
	s.pickle.WriteString("X")
	s.pickle.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(v))))
	s.pickle.WriteString(v)
}

func (s *saver) integer(v int) {
	s.pickle.WriteString("\x8a\x08")
	s.pickle.Write(binary.LittleEndian.AppendUint64(nil, uint64(v)))
}

func (s *saver) tuple(v []int) {
	s.pickle.WriteString("(")
	for _, x := range v {
		s.integer(x)
	}
	s.pickle.WriteString("t")
}

func (s *saver) put(t testing.TB, value any) {
	t.Helper()
	p := &s.pickle
	switch v := value.(type) {
	case nil:
		p.WriteString("N")
	case bool:
		p.WriteString(map[bool]string{true: "\x88", false: "\x89"}[v])
	case int:
		s.integer(v)
	case float64:
		p.WriteString("G")
		p.Write(binary.BigEndian.AppendUint64(nil, math.Float64bits(v)))
	case string:
		s.text(v)
	case []any:
		p.WriteString("](")
		for _, x := range v {
			s.put(t, x)
		}
		p.WriteString("e")
	case dict:
		p.WriteString("}(")
		for _, e := range v {
			s.text(e.key)
			s.put(t, e.value)
		}
		p.WriteString("u")
	case network.Array:
		s.tensor("FloatStorage", v.Shape, floats(v.Data), -1)
	case alias:
		at, ok := s.shared[v.of]
		if !ok {
			at = len(s.storages)
			s.shared[v.of] = at
			s.storages = append(s.storages, floats(v.of.Data))
		}
		s.tensor("FloatStorage", v.of.Shape, floats(v.of.Data), at)
	case array64:
		s.tensor(v.class, v.shape, v.values, -1)
	default:
		t.Fatalf("cannot save %T", value)
	}
}

// tensor writes one over storage at, or a new one.
func (s *saver) tensor(class string, shape []int, raw []byte, at int) {
	if at < 0 {
		at = len(s.storages)
		s.storages = append(s.storages, raw)
	}
	n, strides := 1, make([]int, len(shape))
	for axis := len(shape) - 1; axis >= 0; axis-- {
		strides[axis] = n
		n *= shape[axis]
	}
	p := &s.pickle
	p.WriteString("ctorch._utils\n_rebuild_tensor_v2\n((")
	s.text("storage")
	p.WriteString("ctorch\n" + class + "\n")
	s.text(fmt.Sprint(at))
	s.text("cpu")
	s.integer(n)
	p.WriteString("tQ")
	s.integer(0)
	s.tuple(shape)
	s.tuple(strides)
	p.WriteString("\x89NtR")
}

func floats(values []float32) []byte {
	var out []byte
	for _, x := range values {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

// row32 is a tensor of one axis.
func row32(values []float64) network.Array {
	a := network.Array{Shape: []int{len(values)}}
	for _, v := range values {
		a.Data = append(a.Data, float32(v))
	}
	return a
}

// row64 is row32 in float64.
func row64(values []float64) array64 {
	a := array64{class: "DoubleStorage", shape: []int{len(values)}}
	for _, v := range values {
		a.values = binary.LittleEndian.AppendUint64(a.values, math.Float64bits(v))
	}
	return a
}

// counter is a tensor of one integer.
func counter(n int) array64 {
	return array64{class: "LongStorage", values: binary.LittleEndian.AppendUint64(nil, uint64(n))}
}

// state is a state_dict with a prefix before every name, in the order of the network's parameters.
func state(c unet.Config, prefix string, w network.Weights) dict {
	var out dict
	for _, p := range c.Parameters() {
		out = append(out, pair{prefix + p.Name, w[p.Name]})
	}
	for _, name := range slices.Sorted(maps.Keys(w)) {
		if !slices.ContainsFunc(out, func(e pair) bool { return e.key == prefix+name }) {
			out = append(out, pair{prefix + name, w[name]})
		}
	}
	return out
}
