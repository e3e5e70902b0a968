package fft

import "golang.org/x/sys/cpu"

// vector reports whether the processor has the instructions of kernels_amd64.s. Tests set it to
// false to compare with the portable kernels.
var vector = cpu.X86.HasAVX2 && cpu.X86.HasFMA

//go:noescape
func radix4AVX2(dst, src *complex64, shape *geometry, twiddles *complex64, rotation *[8]uint32)

//go:noescape
func radix8AVX2(dst, src *complex64, shape *geometry, twiddles *complex64, rotation *[8]uint32)

//go:noescape
func realSplitAVX2(up, down, above, below *complex64, rows, columns int, factors *complex64,
	scale float32)

//go:noescape
func transposeAVX2(dst, src *complex64, dstRow, srcRow, rows, columns int)

//go:noescape
func scaleAVX2(dst, src *complex64, factor float32, columns int)

//go:noescape
func timesIAVX2(row *complex64, factors *float32, columns int, rotation *[8]uint32)
