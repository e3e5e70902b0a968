package convert

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// Bounds on a pickle. Names, shapes and a training history need far less.
const (
	mostPickle = 8 << 20 // bytes
	mostMarks  = 1000    // open at once
	mostNumber = 64      // bytes of an integer, which takes the library quadratic time
)

// remedy ends every refusal of a pickle.
const remedy = "save torch.save(model.state_dict(), …) alone, or safetensors"

// storages are PyTorch's arrays by class name.
var storages = map[string]string{
	"FloatStorage": "F32", "DoubleStorage": "F64", "HalfStorage": "F16", "BFloat16Storage": "BF16",
	"LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
	"ByteStorage": "uint8", "BoolStorage": "bool",
}

// storageClass is what a pickle gets for the name of a storage.
type storageClass struct{ kind string }

// storage is a flat array outside the pickle.
type storage struct {
	kind  string
	count int
	bytes func() ([]byte, error)
}

// call adapts a function to what the library applies to arguments.
type call func(args ...any) (any, error)

func (c call) Call(args ...any) (any, error) { return c(args...) }

// allowed answers a pickle's request for a global. Everything else is refused, nothing is ever run.
func allowed(module, name string) (any, error) {
	if kind, ok := storages[name]; ok && module == "torch" {
		return storageClass{kind}, nil
	}
	switch module + "." + name {
	case "torch._utils._rebuild_tensor_v2":
		return call(rebuildTensor), nil
	case "torch._utils._rebuild_parameter":
		return call(rebuildParameter), nil
	case "torch.Size":
		return call(rebuildSize), nil
	case "builtins.set", "builtins.frozenset", "__builtin__.set", "__builtin__.frozenset":
		return call(noWeights), nil
	}
	global := module + "." + name
	if len(global) > 100 {
		global = global[:100] + "…"
	}
	return nil, refusal(fmt.Sprintf("the pickle asks for the global %+q, which is never run: want "+
		"tensors and plain containers only; %s", global, remedy))
}

// refusal is an error that needs no more explanation.
type refusal string

func (r refusal) Error() string { return string(r) }

var errRebuild = errors.New("a tensor of the pickle is described in a way that PyTorch does not " +
	"write")

func rebuildSize(args ...any) (any, error) {
	if len(args) == 1 {
		if t, ok := args[0].(*types.Tuple); ok {
			return t, nil
		}
	}
	return nil, errRebuild
}

// noWeights replaces a container that cannot hold tensors by name; its content is dropped.
func noWeights(...any) (any, error) { return nil, nil }

func rebuildParameter(args ...any) (any, error) {
	if len(args) < 1 {
		return nil, errRebuild
	}
	if t, ok := args[0].(tensor); ok {
		return t, nil
	}
	return nil, errRebuild
}

// rebuildTensor takes (storage, offset, shape, strides, requires_grad, hooks[, metadata]).
func rebuildTensor(args ...any) (any, error) {
	if len(args) < 4 {
		return nil, errRebuild
	}
	s, ok := args[0].(*storage)
	offset, ok2 := args[1].(int)
	shape, ok3 := integers(args[2])
	stride, ok4 := integers(args[3])
	if !ok || !ok2 || !ok3 || !ok4 || len(shape) != len(stride) {
		return nil, errRebuild
	}
	n, ok := size(shape)
	// A view that repeats values could claim any size; weights never do.
	if !ok || n > s.count || offset < 0 || offset > s.count {
		return nil, fmt.Errorf("a tensor of shape %v reaches beyond its storage of %d values: the file "+
			"is damaged", shape, s.count)
	}
	last := offset
	for i, d := range shape {
		if stride[i] < 0 || stride[i] > s.count {
			return nil, errRebuild
		}
		if n == 0 || d == 1 {
			continue
		}
		// Neither factor is above count <= 2⁴⁰, but their product may be beyond 64 bits.
		if d-1 > (s.count-1)/max(stride[i], 1) {
			last = s.count
		} else {
			last += (d - 1) * stride[i]
		}
		if last >= s.count {
			return nil, fmt.Errorf("a tensor of shape %v and strides %v reaches beyond its storage of %d "+
				"values: the file is damaged", shape, stride, s.count)
		}
	}
	return tensor{
		shape: shape, kind: s.kind, storage: s, offset: offset, stride: stride,
		bytes: func() ([]byte, error) { return s.bytes() }, // which are found after the tensors
	}, nil
}

// gather copies a strided view in row-major order.
func gather[T any](values []T, offset int, shape, stride []int) []T {
	n, _ := size(shape) // checked when the tensor was made
	out := make([]T, n)
	index := make([]int, len(shape))
	at := offset
	for i := range out {
		out[i] = values[at]
		for axis := len(shape) - 1; axis >= 0; axis-- {
			index[axis]++
			at += stride[axis]
			if index[axis] < shape[axis] {
				break
			}
			at -= index[axis] * stride[axis]
			index[axis] = 0
		}
	}
	return out
}

func integers(v any) ([]int, bool) {
	t, ok := v.(*types.Tuple)
	if !ok || t.Len() > 8 {
		return nil, false
	}
	out := make([]int, t.Len())
	for i := range out {
		if out[i], ok = t.Get(i).(int); !ok {
			return nil, false
		}
	}
	return out, true
}

// unpickle reads one pickle from the front of raw and returns what follows it.
func unpickle(raw []byte, find func(module, name string) (any, error),
	persistent func(any) (any, error),
) (value any, rest []byte, err error) {
	defer func() {
		if p := recover(); p != nil { // the library trusts its input
			err = fmt.Errorf("the pickle is damaged (%.100v)", p)
		}
	}()
	n, err := scan(raw)
	if err != nil {
		return nil, nil, err
	}
	u := pickle.NewUnpickler(bytes.NewReader(raw[:n]))
	u.FindClass, u.PersistentLoad = find, persistent
	if value, err = u.Load(); err != nil {
		var refused refusal
		if !errors.As(err, &refused) {
			err = fmt.Errorf("the pickle is damaged (%.200s)", strings.ReplaceAll(err.Error(), "\n", " "))
		}
		return nil, nil, err
	}
	return value, raw[n:], nil
}

// Opcodes by what follows them: nothing, a fixed number of bytes, lines, or a length and that
// many bytes.
const (
	opBare   = "(.012NQRabd}el]ost)u\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94"
	opByte   = "Khq\x80"
	opTwo    = "M"
	opFour   = "Jjr"
	opEight  = "G"
	opLine   = "FILPSVgp"
	opLines  = "ci"
	opCount1 = "UC\x8a\x8c"
	opCount4 = "TXB\x8b"
	opCount8 = "\x8d\x8e\x96"
	opFrame  = "\x95"
	opClose  = "tldue1io\x90\x91" // end what a mark began
)

// scan returns the length of the pickle at the front of raw. The library allocates what a length
// announces before it reads; so every length is held against the bytes that are there first.
func scan(raw []byte) (int, error) {
	at, marks := 0, 0
	damaged := func(what string) (int, error) {
		return 0, fmt.Errorf("the pickle is damaged (%s at byte %d)", what, at)
	}
	for at < len(raw) && at < mostPickle {
		op, rest := raw[at], raw[at+1:]
		skip := 0
		is := func(set string) bool { return strings.IndexByte(set, op) >= 0 }
		switch {
		case op == '.':
			return at + 1, nil
		case is(opBare):
		case is(opByte):
			skip = 1
		case is(opTwo):
			skip = 2
		case is(opFour):
			skip = 4
		case is(opEight):
			skip = 8
		case is(opLine), is(opLines):
			for range 1 + strings.Count(opLines, string(rune(op))) {
				end := bytes.IndexByte(rest[skip:], '\n')
				if end < 0 || end > 1<<16 {
					return damaged("a line without end")
				}
				skip += end + 1
			}
		case is(opCount1), is(opCount4), is(opCount8), op == opFrame[0]:
			width := 8
			if is(opCount1) {
				width = 1
			} else if is(opCount4) {
				width = 4
			}
			if len(rest) < width {
				return damaged("it ends within a length")
			}
			var field [8]byte
			copy(field[:], rest[:width])
			length := binary.LittleEndian.Uint64(field[:])
			if length > uint64(len(rest)-width) {
				return damaged(fmt.Sprintf("%d bytes announced, %d left", length, len(rest)-width))
			}
			if (op == 0x8a || op == 0x8b) && (length == 0 || length > mostNumber) {
				return damaged(fmt.Sprintf("a number of %d bytes", length))
			}
			if skip = width; op != opFrame[0] {
				skip += int(length)
			}
		default:
			return damaged(fmt.Sprintf("unknown operation 0x%02x", op))
		}
		if op == '(' {
			marks++
		} else if is(opClose) {
			marks--
		}
		if marks > mostMarks {
			return damaged("nested too deeply")
		}
		if skip > len(rest) {
			return damaged("it ends within an operation")
		}
		at += 1 + skip
	}
	if at >= mostPickle {
		return 0, fmt.Errorf("the pickle beside the tensors is larger than %d MiB: %s",
			mostPickle>>20, remedy)
	}
	return damaged("it has no end")
}
