package backend

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
static const char *libc_version(void) { return gnu_get_libc_version(); }
#else
static const char *libc_version(void) { return ""; }
#endif
*/
import "C"

import (
	"errors"
	"unsafe"
)

// glibcVersion returns the version of the GNU C library, "" for another one.
func glibcVersion() string { return C.GoString(C.libc_version()) }

// loadLibrary loads a shared library, which stays loaded.
func loadLibrary(path string) error {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	if C.dlopen(name, C.RTLD_NOW) == nil {
		return errors.New(C.GoString(C.dlerror()))
	}
	return nil
}
