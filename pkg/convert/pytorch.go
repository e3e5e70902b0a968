package convert

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"path"
	"strconv"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// pickledZip reads what torch.save has written since PyTorch 1.6: <name>/data.pkl beside one
// stored file for each storage.
func pickledZip(z *zip.Reader, data *zip.File) (any, error) {
	files := map[string]*zip.File{}
	for _, f := range z.File {
		files[f.Name] = f
	}
	dir := path.Dir(data.Name)
	if files[dir+"/constants.pkl"] != nil {
		return nil, refusal("is TorchScript, which holds code: " + remedy)
	}
	if order := files[dir+"/byteorder"]; order != nil {
		if text, err := content(order, 16); err != nil || string(text) != "little" {
			return nil, errors.New("was written on a big-endian machine, want little-endian: save it as " +
				"safetensors there")
		}
	}
	raw, err := content(data, mostPickle)
	if err != nil {
		return nil, err
	}
	found := map[string]*storage{}
	value, _, err := unpickle(raw, allowed, func(id any) (any, error) {
		key, s, err := storageID(id)
		if err != nil {
			return nil, err
		}
		if known := found[key]; known != nil && known.kind == s.kind && known.count == s.count {
			return known, nil // of another tensor, too
		}
		file := files[dir+"/data/"+key]
		want := uint64(s.count) * uint64(numbers[s.kind].width)
		switch {
		case file == nil:
			return nil, refusal(fmt.Sprintf("storage %.20q is not in the file: it is damaged", key))
		case file.Method != zip.Store:
			return nil, refusal("its tensors are compressed, PyTorch stores them as they are: save it " +
				"again with torch.save")
		case file.UncompressedSize64 < want:
			return nil,
				refusal(fmt.Sprintf("storage %.20q has %d bytes, want %d: the file is damaged", key,
					file.UncompressedSize64, want))
		}
		s.bytes = func() ([]byte, error) { return content(file, int64(want)) }
		found[key] = s
		return s, nil
	})
	return value, err
}

// content reads a whole file of an archive, or fails if it has more than most bytes; it never
// allocates more than it reads.
func content(f *zip.File, most int64) ([]byte, error) {
	if f.UncompressedSize64 > uint64(most) {
		return nil, fmt.Errorf("%.60q has %d bytes, want at most %d", f.Name, f.UncompressedSize64, most)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%.60q: %w", f.Name, err)
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, fmt.Errorf("%.60q: %w: the file is damaged", f.Name, err)
	}
	return raw, nil
}

// storageID reads ("storage", class, key, device, count, …).
func storageID(id any) (string, *storage, error) {
	t, ok := id.(*types.Tuple)
	if !ok || t.Len() < 5 || t.Get(0) != "storage" {
		return "", nil, errRebuild
	}
	class, ok := t.Get(1).(storageClass)
	key, ok2 := t.Get(2).(string)
	count, ok3 := t.Get(4).(int)
	if !ok || !ok2 || !ok3 || count < 0 || count > 1<<40 {
		return "", nil, errRebuild
	}
	if t.Len() > 5 && t.Get(5) != nil {
		return "", nil, refusal("shares storages in a way that only old PyTorch wrote: " + remedy)
	}
	return key, &storage{kind: class.kind, count: count}, nil
}

// Numbers at the front of a file that torch.save wrote before PyTorch 1.6.
const (
	legacyMagic    = "1950a86a20f9469cfc6c"
	legacyProtocol = 1001
)

// pickledLegacy reads magic, protocol, system, object and keys as pickles in a row, then each
// storage: count, values.
func pickledLegacy(file io.ReaderAt, bytes int64) (any, error) {
	head := make([]byte, min(bytes, 3*mostPickle))
	if _, err := io.ReadFull(io.NewSectionReader(file, 0, bytes), head); err != nil {
		return nil, err
	}
	none := func(any) (any, error) { return nil, errRebuild }
	magic, rest, err := unpickle(head, allowed, none)
	if n, ok := magic.(*big.Int); err == nil && (!ok || n.Text(16) != legacyMagic) {
		err = errors.New("it does not begin with PyTorch's number")
	}
	if err != nil {
		return nil, err
	}
	protocol, rest, err := unpickle(rest, allowed, none)
	if n, ok := protocol.(int); err == nil && (!ok || n != legacyProtocol) {
		err = fmt.Errorf("its protocol is not %d", legacyProtocol)
	}
	if err != nil {
		return nil, err
	}
	system, rest, err := unpickle(rest, allowed, none)
	if err != nil {
		return nil, err
	}
	if lookup(system, "little_endian") != true {
		return nil, errors.New("was written on a big-endian machine, want little-endian: save it as " +
			"safetensors there")
	}
	found := map[string]*storage{}
	value, rest, err := unpickle(rest, allowed, func(id any) (any, error) {
		key, s, err := storageID(id)
		if err != nil || found[key] != nil {
			return found[key], err
		}
		found[key] = s
		return s, nil
	})
	if err != nil {
		return nil, err
	}
	keys, rest, err := unpickle(rest, allowed, none)
	if err != nil {
		return nil, err
	}
	list, ok := keys.(*types.List)
	if !ok {
		return nil, errRebuild
	}
	at := int64(len(head) - len(rest))
	for _, k := range *list {
		key, _ := k.(string)
		s := found[key]
		if s == nil {
			return nil, fmt.Errorf("storage %.20q belongs to no tensor: the file is damaged", key)
		}
		var count [8]byte
		if _, err := file.ReadAt(count[:], at); err != nil ||
			binary.LittleEndian.Uint64(count[:]) != uint64(s.count) {
			return nil, fmt.Errorf("storage %.20q does not have its %d values: the file is truncated or "+
				"damaged", key, s.count)
		}
		from, length := at+8, int64(s.count)*int64(numbers[s.kind].width)
		if at = from + length; at > bytes {
			return nil, fmt.Errorf("storage %.20q does not have its %d values: the file is truncated",
				key, s.count)
		}
		s.bytes = func() ([]byte, error) {
			raw := make([]byte, length)
			_, err := io.ReadFull(io.NewSectionReader(file, from, length), raw)
			return raw, err
		}
	}
	for key, s := range found {
		if s.bytes == nil {
			return nil, fmt.Errorf("storage %.20q is not in the file: it is truncated or damaged", key)
		}
	}
	return value, nil
}

// entry is one item of a Python dictionary with a string for its key.
type entry struct {
	key   string
	value any
}

// entries lists a dictionary; nothing for any other value.
func entries(v any) []entry {
	var out []entry
	add := func(key, value any) {
		if k, ok := key.(string); ok {
			out = append(out, entry{k, value})
		}
	}
	switch d := v.(type) {
	case *types.Dict:
		for _, e := range *d {
			add(e.Key, e.Value)
		}
	case *types.OrderedDict:
		for e := d.List.Front(); e != nil; e = e.Next() {
			if e, ok := e.Value.(*types.OrderedDictEntry); ok {
				add(e.Key, e.Value)
			}
		}
	}
	return out
}

func lookup(v any, key string) any {
	for _, e := range entries(v) {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// Bounds on where in a pickle tensors are looked for.
const (
	deepest    = 4    // dictionaries within each other
	longest    = 100  // lists that may hold dictionaries
	mostTables = 1000 // dictionaries
)

// aside are keys of what is no network: optimisers keep tensors, too, and one of their settings is
// called betas.
func aside(key string) bool {
	key = strings.ToLower(key)
	return strings.Contains(key, "optim") || key == "opt" || strings.Contains(key, "scheduler") ||
		key == "scaler"
}

// fromPickle lists the dictionaries of tensors of what a pickle held, and what it says besides.
func fromPickle(value any) *source {
	s := &source{said: map[string]any{}}
	s.walk("", value, map[any]bool{}, 0)
	for _, e := range entries(value) {
		s.keys = append(s.keys, e.key)
		s.say(e.key, e.value)
	}
	for _, e := range entries(value) {
		if aside(e.key) {
			continue
		}
		for _, inner := range entries(e.value) {
			s.say(inner.key, inner.value)
		}
	}
	return s
}

// say notes a number, a text or a row of numbers, unless it has been said at a higher level.
func (s *source) say(key string, value any) {
	switch v := value.(type) {
	case int, float64, bool, string:
	case tensor:
		if n, ok := size(v.shape); !ok || n != 1 {
			return
		}
	case *types.List, *types.Tuple:
	default:
		return
	}
	if _, known := s.said[key]; !known {
		s.said[key] = value
	}
}

// walk notes a dictionary and those within it.
func (s *source) walk(path string, value any, seen map[any]bool, depth int) {
	switch value.(type) {
	case *types.Dict, *types.OrderedDict, *types.List, *types.Tuple:
	default:
		return
	}
	if depth > deepest || len(s.dictionaries) >= mostTables || seen[value] {
		return
	}
	seen[value] = true
	below := func(key string) string { return strings.TrimPrefix(path+"/"+key, "/") }
	switch v := value.(type) {
	case *types.Dict, *types.OrderedDict:
		d := dictionary{path: path}
		for _, e := range entries(v) {
			if t, ok := e.value.(tensor); ok {
				d.add(e.key, t)
			}
		}
		if d.tensors != nil {
			s.dictionaries = append(s.dictionaries, d)
		}
		for _, e := range entries(v) {
			if !aside(e.key) {
				s.walk(below(e.key), e.value, seen, depth+1)
			}
		}
	case *types.List, *types.Tuple:
		items := items(v)
		var all []tensor
		for i, item := range items {
			if t, ok := item.(tensor); ok {
				all = append(all, t)
			} else if len(items) <= longest {
				s.walk(below(strconv.Itoa(i)), item, seen, depth+1)
			}
		}
		if len(all) > 0 && len(all) == len(items) {
			s.lists = append(s.lists, row{path, all})
		}
	}
}

// items lists a Python list or tuple.
func items(v any) []any {
	switch l := v.(type) {
	case *types.List:
		return *l
	case *types.Tuple:
		return *l
	}
	return nil
}
