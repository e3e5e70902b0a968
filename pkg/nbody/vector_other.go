//go:build !amd64

package nbody

// vector is false: other processors run the portable code.
var vector = false

func scanAVX2(_ *pair, _ *float32, _ *[leafSize]float32, _, _ int) float32 {
	panic("nbody: no vector kernels")
}

func chordsAVX2(_ *float32, _ int, _, _, _ float32) { panic("nbody: no vector kernels") }

func addAVX2(_, _ *float32, _ int, _ float32) { panic("nbody: no vector kernels") }
