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
	kind  string // F16, BF16, F32, F64 as in safetensors; anything else is no weight
	read  func() ([]float32, error)
	// wide reads tables and counters, also of integers, in float64.
	wide func() ([]float64, error)

	storage *storage // the storage of a pickle's tensor; nil for other files
	offset  int      // of the tensor in its storage
}

// widths are the sizes in bytes of the number types that become float32.
var widths = map[string]int{"F16": 2, "BF16": 2, "F32": 4, "F64": 8}

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

// decode reads little-endian numbers as float32.
func decode(kind string, raw []byte) ([]float32, error) {
	w, ok := widths[kind]
	if !ok {
		return nil, fmt.Errorf("holds %s, want float16, bfloat16, float32 or float64", kind)
	}
	out := make([]float32, len(raw)/w)
	for i := range out {
		b := raw[i*w:]
		switch kind {
		case "F16":
			out[i] = half(binary.LittleEndian.Uint16(b))
		case "BF16":
			out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
		case "F32":
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b))
		case "F64":
			out[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	}
	return out, nil
}

// decodeWide reads little-endian numbers of any kind as float64.
func decodeWide(kind string, raw []byte) ([]float64, error) {
	var out []float64
	switch kind {
	case "F64":
		for ; len(raw) >= 8; raw = raw[8:] {
			out = append(out, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
		}
	case "int64", "I64", "<i8":
		for ; len(raw) >= 8; raw = raw[8:] {
			out = append(out, float64(int64(binary.LittleEndian.Uint64(raw))))
		}
	case "int32", "I32", "<i4":
		for ; len(raw) >= 4; raw = raw[4:] {
			out = append(out, float64(int32(binary.LittleEndian.Uint32(raw))))
		}
	default:
		values, err := decode(kind, raw)
		if err != nil {
			return nil, err
		}
		for _, v := range values {
			out = append(out, float64(v))
		}
	}
	return out, nil
}

// half widens a float16: 1 bit of sign, 5 of exponent, 10 of fraction.
func half(h uint16) float32 {
	sign, exponent, fraction := float64(1), int(h>>10&31), float64(h&1023)
	if h>>15 == 1 {
		sign = -1
	}
	switch exponent {
	case 0:
		return float32(math.Copysign(math.Ldexp(fraction, -24), sign))
	case 31:
		if fraction != 0 {
			return float32(math.NaN())
		}
		return float32(math.Inf(int(sign)))
	}
	return float32(sign * math.Ldexp(1024+fraction, exponent-25))
}
