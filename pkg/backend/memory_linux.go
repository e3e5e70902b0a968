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

// ReturnMemory returns to the kernel the free memory that Go and the C library hold, such as what
// XLA's compiler has freed.
func ReturnMemory() {
	debug.FreeOSMemory()
	C.give_back()
}
