package field

import "math"

// Fingerprint is the same for two maps that hold the same pixels in any order, such as a map and
// its rotated, flipped or shifted copies, and differs otherwise but for a chance of about 1e-19.
type Fingerprint [2]uint64

// FingerprintOf returns that of the values of pixels: the sums, modulo 2^64, of their bits mixed in
// two ways.
func FingerprintOf(values []float32) Fingerprint {
	var f Fingerprint
	for _, v := range values {
		x := uint64(math.Float32bits(v))
		for i, odd := range [2]uint64{0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f} {
			y := (x + odd) * odd
			f[i] += (y ^ y>>29) * odd
		}
	}
	return f
}
