package programs

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
#include "pjrt.h"

extern void *darkfieldCompile(void *args);

static api *open_api(const char *path) {
	void *lib = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	api *(*get)(void) = lib ? (api *(*)(void))dlsym(lib, "GetPjrtApi") : NULL;
	return get ? get() : NULL;
}
static void *call(function f, void *args) { return f(args); }
static void destroy_owner(serialize_args *a) { a->destroy_owner(a->owner); }
*/
import "C"

import (
	"errors"
	"os"
	"sync"
	"time"
	"unsafe"
)

// What Keep has set up, for darkfieldCompile; there is one plugin for the CPU in a process.
var kept struct {
	sync.Mutex
	api     *C.api
	compile C.function
	store   *store

	compiled, loaded int
}

// Keep lets the plugin for the CPU in a file look for each program among those that are kept in
// dir, and keep what it compiles there if that took as long as worth. It must be called before the
// plugin compiles. A program that cannot be read, written or loaded is compiled as ever: the
// only errors are a plugin that does not load, or one with another API.
func Keep(dir, plugin string, worth time.Duration) error {
	s, err := newStore(dir, plugin, worth)
	if err != nil {
		return err
	}
	kept.Lock()
	defer kept.Unlock()
	if kept.api != nil {
		kept.store = s
		return nil
	}
	path := C.CString(plugin)
	defer C.free(unsafe.Pointer(path))
	a := C.open_api(path)
	if a == nil {
		return errors.New("programs: " + plugin + " is no PJRT plugin")
	}
	if a.version.major != 0 || a.size < C.sizeof_api {
		return errors.New("programs: " + plugin + " has another version of PJRT's API")
	}
	kept.api, kept.store = a, s
	kept.compile = a.functions[C.CLIENT_COMPILE]
	a.functions[C.CLIENT_COMPILE] = C.function(C.darkfieldCompile)
	return nil
}

// Counts returns how many programs this process has compiled and loaded since Keep.
func Counts() (compiled, loaded int) {
	kept.Lock()
	defer kept.Unlock()
	return kept.compiled, kept.loaded
}

// darkfieldCompile stands in for the plugin's PJRT_Client_Compile.
//
//export darkfieldCompile
func darkfieldCompile(args unsafe.Pointer) unsafe.Pointer {
	kept.Lock()
	s, compile := kept.store, kept.compile
	kept.Unlock()
	a := (*C.compile_args)(args)
	path := s.path(bytesOf(a.program.code, a.program.code_size),
		bytesOf(a.program.format, a.program.format_size), bytesOf(a.options, a.options_size))
	if program, err := s.read(path); err == nil {
		if a.loaded = load(a.client, program); a.loaded != nil {
			count(&kept.loaded)
			return nil
		}
	}
	start := time.Now()
	if e := C.call(compile, args); e != nil {
		return e
	}
	count(&kept.compiled)
	if time.Since(start) >= s.worth {
		if program := serialized(a.loaded); program != nil {
			if s.write(path, program) != nil {
				_ = os.Remove(path)
			}
		}
	}
	return nil
}

func count(n *int) {
	kept.Lock()
	defer kept.Unlock()
	*n++
}

// bytesOf returns n bytes of C's memory.
func bytesOf(p *C.char, n C.size_t) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(p)), n) }

// call calls a function of the plugin and reports whether it succeeded.
func call(place int, args unsafe.Pointer) bool {
	e := C.call(kept.api.functions[place], args)
	if e == nil {
		return true
	}
	d := newC[C.destroy_args]()
	defer C.free(unsafe.Pointer(d))
	d.size, d.object = C.sizeof_destroy_args, e
	C.call(kept.api.functions[C.ERROR_DESTROY], unsafe.Pointer(d))
	return false
}

// newC returns a zeroed T in C's memory.
func newC[T any]() *T {
	var t T
	return (*T)(C.calloc(1, C.size_t(unsafe.Sizeof(t))))
}

// load returns the loaded executable of a program, nil if the plugin refuses it.
func load(client unsafe.Pointer, program []byte) unsafe.Pointer {
	a := newC[C.load_args]()
	defer C.free(unsafe.Pointer(a))
	data := C.CBytes(program)
	defer C.free(data)
	a.size, a.client = C.sizeof_load_args, client
	a.bytes, a.bytes_size = (*C.char)(data), C.size_t(len(program))
	if !call(C.EXECUTABLE_DESERIALIZE_AND_LOAD, unsafe.Pointer(a)) {
		return nil
	}
	return a.loaded
}

// serialized returns the program of a loaded executable, nil if the plugin cannot write it.
func serialized(loaded unsafe.Pointer) []byte {
	g := newC[C.get_executable_args]()
	defer C.free(unsafe.Pointer(g))
	g.size, g.loaded = C.sizeof_get_executable_args, loaded
	if !call(C.LOADED_EXECUTABLE_GET_EXECUTABLE, unsafe.Pointer(g)) {
		return nil
	}
	d := newC[C.destroy_args]()
	defer C.free(unsafe.Pointer(d))
	d.size, d.object = C.sizeof_destroy_args, g.executable
	defer call(C.EXECUTABLE_DESTROY, unsafe.Pointer(d))

	a := newC[C.serialize_args]()
	defer C.free(unsafe.Pointer(a))
	a.size, a.executable = C.sizeof_serialize_args, g.executable
	if !call(C.EXECUTABLE_SERIALIZE, unsafe.Pointer(a)) {
		return nil
	}
	defer C.destroy_owner(a)
	return C.GoBytes(unsafe.Pointer(a.bytes), C.int(a.bytes_size))
}
