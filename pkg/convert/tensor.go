package convert

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// tensor is an array of a file. Its values are read on demand.
type tensor struct {
	shape []int
	kind  string                 // of its numbers
	bytes func() ([]byte, error) // its numbers, or those of its whole storage

	// A pickle's tensor is a view of a storage, which others may share; nil for other files.
	storage *storage
	offset  int
	stride  []int
}

// number says how numbers of a kind are stored.
type number struct {
	width  int
	weight bool                     // it may be one
	value  func(raw []byte) float64 // nil: it is never read
}

// numbers are the kinds by the names that safetensors, PyTorch and NumPy have for them, all
// little-endian.
var numbers = func() map[string]number {
	little := binary.LittleEndian
	i8 := number{width: 8, value: func(b []byte) float64 { return float64(int64(little.Uint64(b))) }}
	i4 := number{width: 4, value: func(b []byte) float64 { return float64(int32(little.Uint32(b))) }}
	return map[string]number{
		"F16": {2, true, func(b []byte) float64 { return half(little.Uint16(b)) }},
		"BF16": {2, true, func(b []byte) float64 {
			return float64(math.Float32frombits(uint32(little.Uint16(b)) << 16))
		}},
		"F32": {4, true, func(b []byte) float64 {
			return float64(math.Float32frombits(little.Uint32(b)))
		}},
		"F64": {8, true, func(b []byte) float64 { return math.Float64frombits(little.Uint64(b)) }},
		"I64": i8, "int64": i8, "<i8": i8,
		"I32": i4, "int32": i4, "<i4": i4,
		"int16": {width: 2}, "int8": {width: 1}, "uint8": {width: 1}, "bool": {width: 1},
	}
}()

// read returns the values of a weight.
func (t tensor) read() ([]float32, error) {
	if !numbers[t.kind].weight {
		return nil, fmt.Errorf("holds %s, want float16, bfloat16, float32 or float64", t.kind)
	}
	return values[float32](t)
}

// readable reports whether the numbers are of a kind that can be read at all.
func (t tensor) readable() bool { return numbers[t.kind].value != nil }

// values reads a tensor of a readable kind: weights, and tables and counters in float64.
func values[T float32 | float64](t tensor) ([]T, error) {
	raw, err := t.bytes()
	if err != nil {
		return nil, err
	}
	n := numbers[t.kind]
	out := make([]T, len(raw)/n.width)
	for i := range out {
		out[i] = T(n.value(raw[i*n.width:]))
	}
	if t.storage != nil {
		out = gather(out, t.offset, t.shape, t.stride)
	}
	return out, nil
}

// size returns the number of entries of a shape, and whether it is one that a file could hold.
func size(shape []int) (int, bool) {
	n := uint64(1)
	for _, d := range shape {
		if d < 0 {
			return 0, false
		}
		high, low := bits.Mul64(n, uint64(d))
		if high != 0 || low > math.MaxInt64/8 {
			return 0, false
		}
		n = low
	}
	return int(n), true
}

// half widens a float16: 1 bit of sign, 5 of exponent, 10 of fraction.
func half(h uint16) float64 {
	sign, exponent, fraction := float64(1), int(h>>10&31), float64(h&1023)
	if h>>15 == 1 {
		sign = -1
	}
	switch exponent {
	case 0:
		return math.Copysign(math.Ldexp(fraction, -24), sign)
	case 31:
		if fraction != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}
