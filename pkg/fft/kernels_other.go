//go:build !amd64

package fft

// vector is false: other processors run the portable kernels.
var vector = false

func radix4AVX2(_, _ *complex64, _ *geometry, _ *complex64, _ *[8]uint32) {
	panic("fft: no vector kernels")
}

func radix8AVX2(_, _ *complex64, _ *geometry, _ *complex64, _ *[8]uint32) {
	panic("fft: no vector kernels")
}

func realSplitAVX2(_, _, _, _ *complex64, _, _ int, _ *complex64, _ float32) {
	panic("fft: no vector kernels")
}

func transposeAVX2(_, _ *complex64, _, _, _, _ int) { panic("fft: no vector kernels") }

func scaleAVX2(_, _ *complex64, _ float32, _ int) { panic("fft: no vector kernels") }

func timesIAVX2(_ *complex64, _ *float32, _ int, _ *[8]uint32) { panic("fft: no vector kernels") }
