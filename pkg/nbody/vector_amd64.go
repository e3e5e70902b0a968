package nbody

import "golang.org/x/sys/cpu"

// vector reports whether the processor has the instructions of vector_amd64.s. Tests set it to
// false to compare with the portable code.
var vector = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasBMI2

//go:noescape
func scanAVX2(p *pair, best *float32, worst *[leafSize]float32, self, k int) (reach float32)

//go:noescape
func chordsAVX2(chords *float32, pixels int, x, centre, h float32)

//go:noescape
func addAVX2(row, chords *float32, pixels int, scale float32)
