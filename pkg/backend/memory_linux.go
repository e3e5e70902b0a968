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

import "runtime/debug"

// ReturnMemory gives back to the kernel what Go and the C library hold without need. XLA's
// compiler frees about a gigabyte after a training step is compiled, in pieces that the C library
// keeps: what the step itself needs would come on top of them.
func ReturnMemory() {
	debug.FreeOSMemory()
	C.give_back()
}
