package backend

/*
#include <malloc.h>

static void give_back(void) {
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}
*/
import "C"

import "github.com/gomlx/compute"

// trimming returns a backend that gives back to the kernel what compiling left. XLA's compiler frees about a gigabyte after a training
// step is compiled, in pieces that the C library keeps; the step's own buffers would come on top of them.
func trimming(b compute.Backend) compute.Backend { return trimmingBackend{b} }

type trimmingBackend struct{ compute.Backend }

func (b trimmingBackend) Builder(name string) compute.Builder {
	return trimmingBuilder{b.Backend.Builder(name)}
}

type trimmingBuilder struct{ compute.Builder }

func (b trimmingBuilder) Compile() (compute.Executable, error) {
	e, err := b.Builder.Compile()
	C.give_back()
	return e, err
}
